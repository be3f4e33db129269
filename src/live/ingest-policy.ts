/** Finds what a publisher breaks of its channel's limits, and says which setting of OBS mends it. */
import type { AudioTrack, Tracks, VideoTrack } from '../../media/access-unit.ts'
import { AppError } from '../errors.ts'
import type { Broadcast } from './broadcast.ts'
import type { ChannelRules, IngestLimits } from './channel-rules.ts'
import type { Health } from './health.ts'

export interface Breach {
  /** Stable snake_case word: `picture_too_large`. */
  readonly code: string
  /** What is wrong, what the channel takes, and the setting that mends it. */
  readonly message: string
  readonly action: 'refuse' | 'warn'
}

/** A measured value must be beyond its limit for so long: a busy scene or a network that catches up is no breach. */
const SUSTAINED_MS = 10_000
/** Encoders miss what they are set to, and what is measured over five seconds wavers. */
const MEASURED_TOLERANCE = 1.05
/** 60 stated as 60.0001 is 60. */
const STATED_TOLERANCE = 1.001
/** Before a stream is ended for its length, the streamer is told. */
const ENDING_NOTICE_MS = 5 * 60_000
/** OBS offers these; any other one is an "Integer FPS Value". */
const COMMON_FRAME_RATES = [60, 59.94, 50, 48, 30, 29.97, 25, 24, 20, 10]
const BITRATE_STEP_BPS = 100_000
const CODEC_NAMES = { h264: 'H.264', hevc: 'HEVC', av1: 'AV1', aac: 'AAC', opus: 'Opus' } as const

/** Watches one publisher. What it answers holds now: what is no longer there was mended. */
export class IngestPolicy {
  #rules: Pick<ChannelRules, 'limits' | 'onBreach' | 'refuseBeyond'>
  readonly #startedAt: number
  /** Since when something measured is beyond a limit. */
  readonly #brokenSince = new Map<string, number>()
  #shown: readonly Breach[] = []

  /** `startedAt`: when the stream began, in milliseconds since the epoch. */
  constructor(rules: Pick<ChannelRules, 'limits' | 'onBreach' | 'refuseBeyond'>, startedAt: number) {
    this.#rules = rules
    this.#startedAt = startedAt
  }

  /** Others from now on; since when something is broken stays known. */
  use(rules: Pick<ChannelRules, 'limits' | 'onBreach' | 'refuseBeyond'>): void {
    this.#rules = rules
  }

  /** What is wrong with what the publisher announces. */
  checkTracks({ video, audio, alternateAudio = [] }: Tracks): Breach[] {
    const { limits } = this.#rules
    const isTooLarge = ({ maxWidth = Infinity, maxHeight = Infinity }: IngestLimits) =>
      video.width > maxWidth || video.height > maxHeight
    const isRefusedCodec = ({ videoCodecs }: IngestLimits) => videoCodecs?.includes(video.codec) === false
    const sounds = [...(audio ? [audio] : []), ...alternateAudio].map(({ codec }) => codec)
    const isRefusedSound = ({ audioCodecs }: IngestLimits) =>
      audioCodecs !== undefined && sounds.some(codec => !audioCodecs.includes(codec))
    const isTooFast = ({ maxFrameRate = Infinity }: IngestLimits) =>
      (video.frameRate ?? 0) > maxFrameRate * STATED_TOLERANCE
    return [
      ...this.#judge('video_codec_refused', isRefusedCodec, () => codecMessage(video, limits)),
      ...this.#judge('audio_codec_refused', isRefusedSound, () => soundMessage(sounds, limits)),
      ...this.#judge('picture_too_large', isTooLarge, () => sizeMessage(video, limits)),
      ...this.#judge('frame_rate_too_high', isTooFast, () => frameRateMessage(video.frameRate!, limits)),
    ]
  }

  /** What is wrong with what is measured, for ten seconds at least, or with the stream's length. */
  check(health: Health, now: number): Breach[] {
    const { limits } = this.#rules
    const bitrateBps = health.videoBitrateBps + health.audioBitrateBps
    const keyFrameIntervalMs = Math.max(health.keyFrameIntervalMs ?? 0, health.sinceKeyFrameMs)
    const isBeyond = (value: number, limit = Infinity) => value > limit * MEASURED_TOLERANCE
    return [
      ...this.#judge(
        'bitrate_too_high',
        ({ maxBitrateBps }) => isBeyond(bitrateBps, maxBitrateBps),
        () => bitrateMessage(bitrateBps, health.audioBitrateBps, limits),
        now,
      ),
      ...this.#judge(
        'frame_rate_too_high',
        ({ maxFrameRate }) => isBeyond(health.frameRate, maxFrameRate),
        () => frameRateMessage(health.frameRate, limits),
        now,
      ),
      ...this.#judge(
        'key_frame_interval_too_long',
        ({ maxKeyFrameIntervalMs }) => isBeyond(keyFrameIntervalMs, maxKeyFrameIntervalMs),
        () => keyFrameMessage(keyFrameIntervalMs, limits),
        now,
      ),
      ...this.#checkLength(now),
    ]
  }

  /**
   * Shows on the dashboard what is only warned of, until it is mended; call it every second or so. `warn` hears each
   * warning once when it comes up. Answers what the publisher is to be disconnected for: `AppError` INVALID with the
   * breach's code and message.
   */
  enforce(
    broadcast: Pick<Broadcast, 'tracks' | 'health' | 'notice' | 'clearNotice'>,
    now: number,
    warn: (message: string) => void = () => {},
  ): AppError | undefined {
    const found = [...this.checkTracks(broadcast.tracks), ...this.check(broadcast.health(), now)]
    const byCode = new Map(found.map(breach => [breach.code, breach]))
    const before = this.#shown.map(({ code }) => code)
    for (const code of before) if (!byCode.has(code)) broadcast.clearNotice(code)
    this.#shown = [...byCode.values()].filter(breach => breach.action === 'warn')
    for (const { code, message } of this.#shown) {
      broadcast.notice({ code, level: 'warning', message })
      if (!before.includes(code)) warn(message)
    }
    return refusalOf(found)
  }

  #checkLength(now: number): Breach[] {
    const { maxSessionMs } = this.#rules.limits
    if (maxSessionMs === undefined) return []
    const lengthMs = now - this.#startedAt
    const message = `${minutes(maxSessionMs)} are the longest that a stream of this channel may last. In OBS: Stop Streaming, and Start Streaming for a new one.`
    const breaches = this.#judge(
      'session_too_long',
      limits => lengthMs > (limits.maxSessionMs ?? Infinity),
      () => message,
    )
    const leftMs = maxSessionMs - lengthMs
    if (breaches.length > 0 || leftMs > ENDING_NOTICE_MS) return breaches
    const text = `The stream reaches its limit in ${minutes(Math.max(leftMs, 60_000))}. ${message}`
    return [{ code: 'session_ending', message: text, action: 'warn' }]
  }

  /** With `now`: it counts once it has lasted. */
  #judge(
    code: string,
    isBroken: (limits: IngestLimits) => boolean,
    message: () => string,
    now?: number,
  ): Breach[] {
    const { limits, onBreach, refuseBeyond } = this.#rules
    const holds = (each: IngestLimits, name: string) =>
      now === undefined ? isBroken(each) : this.#lasts(`${code} ${name}`, isBroken(each), now)
    // Both are looked at every time, so that both know since when they have been broken.
    const isRefused = refuseBeyond !== undefined && holds(refuseBeyond, 'refused')
    if (!holds(limits, 'limited')) return []
    return [{ code, message: message(), action: isRefused ? 'refuse' : onBreach }]
  }

  #lasts(key: string, isBroken: boolean, now: number): boolean {
    if (!isBroken) {
      this.#brokenSince.delete(key)
      return false
    }
    const since = this.#brokenSince.get(key) ?? now
    this.#brokenSince.set(key, since)
    return now - since >= SUSTAINED_MS
  }
}

/** The error that the first refused breach disconnects a publisher with; undefined: none is refused. */
export function refusalOf(breaches: readonly Breach[]): AppError | undefined {
  const refused = breaches.find(breach => breach.action === 'refuse')
  return refused && new AppError('INVALID', refused.code, refused.message)
}

function codecMessage({ codec }: VideoTrack, { videoCodecs = [] }: IngestLimits): string {
  const taken = videoCodecs.map(each => CODEC_NAMES[each]).join(' or ')
  return `The picture is ${CODEC_NAMES[codec]}; this channel takes ${taken}. In OBS: Settings → Output → Video Encoder: choose one for ${taken}.`
}

function soundMessage(sounds: readonly AudioTrack['codec'][], { audioCodecs = [] }: IngestLimits): string {
  const refused = sounds.find(codec => !audioCodecs.includes(codec))
  const taken = audioCodecs.map(each => CODEC_NAMES[each]).join(' or ')
  return `The sound is ${refused && CODEC_NAMES[refused]}; this channel takes ${taken}. In OBS: Settings → Output → Audio Encoder: choose one for ${taken}.`
}

function sizeMessage({ width, height }: VideoTrack, { maxWidth, maxHeight }: IngestLimits): string {
  const scale = Math.min((maxWidth ?? width) / width, (maxHeight ?? height) / height)
  // Encoders of 4:2:0 want even sizes.
  const even = (pixels: number) => Math.floor((pixels * scale + 0.01) / 2) * 2
  const most =
    maxWidth && maxHeight
      ? `${maxWidth}x${maxHeight}`
      : maxHeight
        ? `${maxHeight} pixels in height`
        : `${maxWidth} pixels in width`
  return `The picture is ${width}x${height}; this channel takes at most ${most}. In OBS: Settings → Video → Output (Scaled) Resolution: ${even(width)}x${even(height)}.`
}

function frameRateMessage(frameRate: number, { maxFrameRate = 0 }: IngestLimits): string {
  const common = COMMON_FRAME_RATES.find(each => each <= maxFrameRate)
  const setting =
    common === undefined ? `Integer FPS Value: ${Math.floor(maxFrameRate)}` : `Common FPS Values: ${common}`
  return `The stream has ${round(frameRate)} pictures a second; this channel takes at most ${round(maxFrameRate)}. In OBS: Settings → Video → ${setting}.`
}

function bitrateMessage(bps: number, audioBps: number, { maxBitrateBps = 0 }: IngestLimits): string {
  const video = Math.floor((maxBitrateBps - audioBps) / BITRATE_STEP_BPS) * BITRATE_STEP_BPS
  const setting = Math.max(video, BITRATE_STEP_BPS) / 1000
  return `The stream has ${kbps(bps)}; this channel takes at most ${kbps(maxBitrateBps)}, picture and sound together. In OBS: Settings → Output → Video Bitrate: ${setting} Kbps, with rate control CBR.`
}

function keyFrameMessage(intervalMs: number, { maxKeyFrameIntervalMs = 0 }: IngestLimits): string {
  const seconds = Math.max(1, Math.floor(maxKeyFrameIntervalMs / 1000))
  return `A key frame comes every ${round(intervalMs / 1000)} s; this channel takes at most ${round(maxKeyFrameIntervalMs / 1000)} s between two. In OBS: Settings → Output → Keyframe Interval: ${seconds} s.`
}

function kbps(bps: number): string {
  return `${Math.round(bps / 1000)} Kbps`
}

function minutes(ms: number): string {
  const count = Math.round(ms / 60_000)
  return count === 1 ? '1 minute' : `${count} minutes`
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100)
}
