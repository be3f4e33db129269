/**
 * Brings one broadcast to RTP. H.264 that browsers can decode passes untouched as the source layer; other codecs and
 * formats are re-encoded, and so are B-frames, which are noticed within the first group of pictures and re-encoded from
 * its first frame on. The ladder's pictures are the layers below. AAC becomes Opus while somebody watches, Opus passes;
 * alternate sound is left out. Nothing is queued here; an ffmpeg that falls behind drops to the next key unit.
 */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import type { Broadcast, Sink } from '../live/broadcast.ts'
import { openH264Run } from '../live/h264-run.ts'
import type { Notice } from '../live/health.ts'
import { openOpusRun } from '../live/opus-run.ts'
import { Transcoder } from '../live/transcoder.ts'
import type { Log } from '../log.ts'
import { Pacer } from './pacer.ts'
import type { RtpFeed } from './rtp-feed.ts'

/** Units kept of a first group of pictures: ten seconds at 60 frames a second. */
const MAX_FIRST_GROUP = 600
/** An encoder of sound that runs is never this far behind, unless the machine is too busy. */
const CAUGHT_UP_SECONDS = 0.15

export class WebrtcSink implements Sink {
  readonly #broadcast: Broadcast
  readonly #feed: RtpFeed
  readonly #log: Log
  readonly #opus: Transcoder | undefined
  readonly #pacer: Pacer
  /** Of the newest sound given to the encoder, in seconds of media time. */
  #newestSound = 0
  #isSoundCatchingUp = true
  #h264: Transcoder | undefined
  /** What to encode again should B-frames show up; undefined once the first group of pictures is over. */
  #firstGroup: AccessUnit[] | undefined = []
  #highestPts = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(options: { broadcast: Broadcast; feed: RtpFeed; log: Log }) {
    const { broadcast, feed, log } = options
    this.#broadcast = broadcast
    this.#feed = feed
    this.#log = log
    feed.startBroadcast(broadcast.clock)
    this.#pacer = new Pacer({ send: unit => feed.sendAudio(unit) })
    const { audio, video } = broadcast.tracks
    if (audio?.codec === 'aac')
      this.#opus = new Transcoder({
        name: 'opus',
        openRun: () => {
          this.#isSoundCatchingUp = true
          return openOpusRun(audio)
        },
        onUnit: unit => this.#sendConverted(unit),
        onTrouble: trouble => this.#report('audio_transcoder_restarted', 'the sound', trouble),
        log,
      })
    const undecodable = undecodableCodec(video) ?? undecodableFormat(video)
    if (undecodable) this.#reencode(undecodable)
  }

  write(unit: AccessUnit): void {
    if (this.#isClosed) return
    if (unit.track.kind === 'audio') {
      if (unit.track === this.#broadcast.tracks.audio) this.#writeAudio(unit)
    } else if (unit.track.rendition === undefined) this.#writeVideo(unit)
    else this.#feed.sendVideo(unit, unit.track.rendition)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#pacer.close()
    await Promise.all([this.#opus?.close(), this.#h264?.close()])
  }

  /** Encoding sound is most of what a stream without viewers would cost; the encoder starts while the first one connects. */
  #writeAudio(unit: AccessUnit): void {
    if (!this.#opus) return this.#sendAudio(unit)
    if (!this.#feed.isWatched) return this.#opus.pause()
    this.#newestSound = unit.pts / unit.track.timescale
    this.#opus.write(unit)
  }

  /** What an encoder took in while it started comes out late: browsers would wait as long for all sound after it. */
  #sendConverted(unit: AccessUnit): void {
    const lagSeconds = this.#newestSound - unit.pts / unit.track.timescale
    this.#isSoundCatchingUp &&= lagSeconds > CAUGHT_UP_SECONDS
    if (!this.#isSoundCatchingUp) this.#sendAudio(unit)
  }

  /** Only viewers need an even pace. */
  #sendAudio(unit: AccessUnit): void {
    const capturedAt = this.#broadcast.clock.wallTimeMs((unit.pts / unit.track.timescale) * 1000)
    if (this.#feed.isWatched) this.#pacer.push(unit, capturedAt)
    else this.#feed.sendAudio(unit)
  }

  #writeVideo(unit: AccessUnit): void {
    if (!this.#h264 && this.#showsBFrames(unit)) this.#reencode(B_FRAMES)
    if (this.#h264) return this.#h264.write(unit)
    this.#remember(unit)
    this.#feed.sendVideo(unit)
  }

  /** Presentation going back is proof; a delayed first picture is too, when the SPS announces reordering. */
  #showsBFrames(unit: AccessUnit): boolean {
    const { maxReorderFrames } = this.#broadcast.tracks.video
    const isDelayed = unit.isKey && unit.pts > unit.dts && (maxReorderFrames ?? 0) > 0
    const goesBack = unit.pts < this.#highestPts
    this.#highestPts = Math.max(this.#highestPts, unit.pts)
    return isDelayed || goesBack
  }

  #remember(unit: AccessUnit): void {
    if (!this.#firstGroup) return
    const isOver = unit.isKey && this.#firstGroup.length > 0
    if (isOver || this.#firstGroup.length >= MAX_FIRST_GROUP) this.#firstGroup = undefined
    else this.#firstGroup.push(unit)
  }

  /** From the first group's key unit where it is still known, else from the next key unit. */
  #reencode(notice: Notice): void {
    const { video } = this.#broadcast.tracks
    this.#log.info({ reason: notice.code }, 'the picture is re-encoded for WebRTC')
    this.#broadcast.notice(notice)
    this.#h264 = new Transcoder({
      name: 'h264',
      openRun: () => openH264Run(video),
      onUnit: unit => this.#feed.sendVideo(unit),
      onTrouble: trouble => this.#report('video_transcoder_restarted', 'the picture', trouble),
      log: this.#log,
    })
    for (const unit of this.#firstGroup ?? []) this.#h264.write(unit)
    this.#firstGroup = undefined
  }

  #report(code: string, what: string, trouble: Error | undefined): void {
    if (!trouble) return this.#broadcast.clearNotice(code)
    const message = `The program that converts ${what} for browsers stopped and is being restarted. If this goes on, the server has too little CPU: lower the resolution or the frame rate.`
    this.#broadcast.notice({ code, level: 'warning', message })
  }
}

const B_FRAMES: Notice = {
  code: 'b_frames',
  level: 'warning',
  message:
    'The picture has B-frames, which browsers cannot play over WebRTC, so it is encoded again for them: more delay and ' +
    'more CPU. To avoid it, in OBS: Settings → Output → Output Mode Advanced → Streaming: set B-frames to 0 ' +
    '(x264: x264 Options "bframes=0", or Tune "zerolatency").',
}

/** What all WebRTC browsers decode is H.264. */
function undecodableCodec({ codec }: VideoTrack): Notice | undefined {
  if (codec === 'h264') return undefined
  const name = codec === 'hevc' ? 'HEVC' : 'AV1'
  return {
    code: 'codec_reencoded',
    level: 'info',
    message:
      `The picture is ${name}, which not every browser decodes over WebRTC, so it is encoded again as H.264 for those ` +
      'viewers: more delay and more CPU. HLS and recordings keep it as it is. To avoid it, in OBS: Settings → Output → ' +
      'Video Encoder: one for H.264.',
  }
}

/** What WebRTC browsers decode is 8-bit 4:2:0. */
function undecodableFormat(video: VideoTrack): Notice | undefined {
  if (video.chroma === '4:2:0' && video.bitDepth === 8) return undefined
  return {
    code: 'pixel_format',
    level: 'warning',
    message:
      `The picture is ${video.bitDepth}-bit ${video.chroma}, which browsers cannot decode, so it is encoded again for ` +
      'them: more delay and more CPU. To avoid it, in OBS: Settings → Advanced → Color Format: NV12.',
  }
}
