/** H.264 that browsers cannot decode over WebRTC (B-frames, 10 bit, 4:2:2) to H.264 that they can: FLV in and out. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { FlvDemuxer, flvHeader, flvTag } from '../../media/flv/file.ts'
import { avcFrame, avcSequenceHeader } from '../../media/flv/tag.ts'
import { rescale } from '../../media/timestamps.ts'
import type { TranscoderRun } from './transcoder.ts'

const MAX_HEIGHT = 1080
const KEY_FRAME_INTERVAL_SECONDS = 1
/** Bits a pixel and frame at which x264's veryfast looks clean on moving pictures. */
const BITS_PER_PIXEL = 0.1

/**
 * No B-frames, no look-ahead, one key frame a second whatever the source does. Time stamps are the source's, as
 * milliseconds since the run's first unit.
 */
export function openH264Run(track: VideoTrack): TranscoderRun {
  const demuxer = new FlvDemuxer()
  const depacketizer = new FlvDepacketizer()
  let baseMs: number | undefined
  return {
    args: args(track),
    encode(unit) {
      const dtsMs = rescale(unit.dts, track.timescale, 1000)
      const ptsMs = rescale(unit.pts, track.timescale, 1000)
      const frame = avcFrame({ isKey: unit.isKey, compositionMs: ptsMs - dtsMs, data: unit.data })
      if (baseMs !== undefined) return flvTag('video', dtsMs - baseMs, frame)
      baseMs = dtsMs
      return Buffer.concat([
        flvHeader({ hasVideo: true, hasAudio: false }),
        flvTag('video', 0, avcSequenceHeader(track.decoderConfig)),
        flvTag('video', 0, frame),
      ])
    },
    decode(bytes) {
      const offset = rescale(baseMs ?? 0, 1000, track.timescale)
      return demuxer
        .push(bytes)
        .filter(tag => tag.type === 'video')
        .flatMap(tag => depacketizer.push('video', tag.timestampMs, tag.body))
        .filter(event => event.type === 'unit')
        .map(({ unit }): AccessUnit => ({ ...unit, dts: unit.dts + offset, pts: unit.pts + offset }))
    },
  }
}

function args(track: VideoTrack): string[] {
  const height = Math.min(track.height, MAX_HEIGHT)
  const width = (track.width * height) / track.height
  const bitrateBps = Math.round(width * height * Math.min(track.frameRate ?? 30, 60) * BITS_PER_PIXEL)
  const scale = track.height > MAX_HEIGHT ? ['-vf', `scale=-2:${MAX_HEIGHT}`] : []
  return [
    // Not `-fflags nobuffer`: it throws away what was read while probing, the first key frame that is.
    ...['-probesize', '32', '-analyzeduration', '1', '-fpsprobesize', '0'],
    // Frame threads would each hold a frame back.
    ...['-threads', '1', '-f', 'flv', '-i', 'pipe:0', '-copyts', '-map', '0:v:0', '-an', ...scale],
    ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-tune',
      'zerolatency',
      '-profile:v',
      'high',
      '-pix_fmt',
      'yuv420p',
    ],
    ...['-bf', '0', '-g', '600', '-sc_threshold', '0'],
    ...['-force_key_frames', `expr:gte(t,n_forced*${KEY_FRAME_INTERVAL_SECONDS})`],
    ...['-crf', '23', '-maxrate', String(bitrateBps), '-bufsize', String(bitrateBps)],
    ...['-flush_packets', '1', '-flvflags', 'no_duration_filesize', '-f', 'flv', 'pipe:1'],
  ]
}
