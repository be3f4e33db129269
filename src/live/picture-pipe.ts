/** What every re-encoding of the picture shares: what x264 is told, and how its output is read. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { equalBytes } from '../../media/bytes.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { FlvDemuxer } from '../../media/flv/file.ts'
import { type SourceTime, SourceTimes } from './source-times.ts'

/** Frames per second, where the source does not say. */
const USUAL_FRAME_RATE = 30

export function frameRateOf(track: Pick<VideoTrack, 'frameRate'>): number {
  return Math.min(Math.max(track.frameRate ?? USUAL_FRAME_RATE, 1), 240)
}

/** Pictures from one key frame of a rendition to its next, counted from each of the source's: a second, an even number. */
export function renditionGroupFrames(source: VideoTrack): number {
  return 2 * Math.ceil(frameRateOf(source) / 2)
}

/**
 * Arguments for one output of H.264 at the source's own times, each frame out as soon as it is in: no B-frames, no
 * look-ahead. `keyFrames`: ffmpeg's `-force_key_frames`, beside one each `groupFrames`.
 */
export function x264Args(options: {
  readonly frameRate: number
  readonly maxBitrateBps: number
  readonly bufferSeconds: number
  readonly threads?: number
  readonly groupFrames: number
  readonly keyFrames: string
}): string[] {
  const { frameRate, maxBitrateBps, bufferSeconds, threads, groupFrames, keyFrames } = options
  return [
    ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high'],
    ...['-pix_fmt', 'yuv420p', '-bf', '0', '-g', String(groupFrames), '-sc_threshold', '0'],
    ...['-force_key_frames', keyFrames, '-forced-idr', '1'],
    ...['-crf', '23', '-maxrate', String(Math.round(maxBitrateBps))],
    ...['-bufsize', String(Math.round(maxBitrateBps * bufferSeconds))],
    ...(threads === undefined ? [] : ['-threads', String(threads)]),
    // Millisecond time stamps say nothing of the rate, by which x264 chooses the level.
    ...['-x264-params', `fps=${Math.round(frameRate * 1000)}/1000`],
    ...['-flush_packets', '1', '-flvflags', 'no_duration_filesize', '-f', 'flv'],
  ]
}

/** Pictures in a row that are left out for a time that no picture of the source had. */
const MAX_STRANGERS = 60

/** Reads what one encoder of a run writes, as units at the source's times. */
export class PictureOutput {
  readonly times = new SourceTimes()
  readonly #demuxer = new FlvDemuxer()
  readonly #depacketizer = new FlvDepacketizer()
  readonly #source: VideoTrack
  readonly #rendition: string | undefined
  readonly #onUnit: ((writtenAt: number) => void) | undefined
  #track: VideoTrack | undefined
  #strangers = 0

  /**
   * `known`: the track of an earlier run, used again when the encoder's parameters are the same. `onUnit` hears when
   * the source unit of each picture was written.
   */
  constructor(options: {
    source: VideoTrack
    rendition?: string
    known?: VideoTrack | undefined
    onUnit?: (writtenAt: number) => void
  }) {
    this.#source = options.source
    this.#rendition = options.rendition
    this.#track = options.known
    this.#onUnit = options.onUnit
  }

  get track(): VideoTrack | undefined {
    return this.#track
  }

  /** The units completed by `bytes`. Throws when ffmpeg has lost the thread, so that its run must end. */
  push(bytes: Uint8Array): AccessUnit[] {
    const units: AccessUnit[] = []
    for (const tag of this.#demuxer.push(bytes)) {
      if (tag.type !== 'video') continue
      for (const event of this.#depacketizer.push('video', tag.timestampMs, tag.body)) {
        if (event.type === 'track' && event.track.kind === 'video') this.#use(event.track)
        if (event.type !== 'unit' || !this.#track) continue
        // Not the unit's own, which the depacketizer bends where the source paused.
        const time = this.#timeOf(tag.timestampMs)
        if (!time) continue
        this.#onUnit?.(time.writtenAt)
        units.push({ ...event.unit, track: this.#track, dts: time.dts, pts: time.pts })
      }
    }
    return units
  }

  #timeOf(ms: number): SourceTime | undefined {
    const time = this.times.take(ms)
    this.#strangers = time ? 0 : this.#strangers + 1
    if (this.#strangers > MAX_STRANGERS)
      throw new Error('ffmpeg shows pictures at times that the source never had')
    return time
  }

  #use(track: VideoTrack): void {
    if (this.#track && equalBytes(this.#track.decoderConfig, track.decoderConfig)) return
    const { frameRate } = this.#source
    this.#track = {
      ...track,
      ...(this.#rendition && { rendition: this.#rendition }),
      ...(frameRate && { frameRate }),
    }
  }
}
