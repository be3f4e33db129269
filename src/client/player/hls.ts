/** Hides Low-Latency HLS: hls.js where the browser has Media Source Extensions, its own player where it has not. */
import type Hls from 'hls.js'
import type { ErrorData, HlsConfig } from 'hls.js'
import { delayOf } from './delay.ts'
import { type PlayerEnvironment, sleep } from './environment.ts'

const WATCH_MS = 500
/** A picture that stands still for this long is not coming back by itself. */
const GIVE_UP_MS = 10_000
const STALLED_MS = 1_000
/** Further behind than playing 10 % faster makes good in a minute: it jumps. */
const MAX_BEHIND_TARGET_S = 6
/** Nearer to the server's PART-HOLD-BACK than this is near enough. */
const NEAR_S = 0.08
/** It plays faster only while so much is buffered: a part, and what its download may take. */
const MIN_BUFFER_S = 0.4
/** Media errors that are mended in place, before the playback is opened anew. */
const MAX_RECOVERIES = 2

/** Bounded buffers, near the live edge; a worker would need `blob:` scripts, and fMP4 has nothing to transmux. */
const HLS_CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  enableWorker: false,
  backBufferLength: 10,
  maxBufferLength: 10,
  maxMaxBufferLength: 20,
  maxBufferSize: 30_000_000,
}

export interface HlsSample {
  readonly delayMs: number | undefined
  readonly isStalled: boolean
}

export interface HlsOptions {
  /** Absolute address of the multivariant playlist. */
  readonly url: string
  readonly headers: Record<string, string>
  readonly video: HTMLVideoElement
  readonly env: PlayerEnvironment
  readonly clockOffset: () => number | undefined
  readonly onSample: (sample: HlsSample) => void
}

export class HlsPlayback {
  /** Aborted when the stream is over, cannot be loaded any more, or the playback was closed. */
  readonly lost: AbortSignal
  readonly #options: HlsOptions
  readonly #losing = new AbortController()
  #hls: Hls | undefined
  #recoveries = 0

  private constructor(options: HlsOptions) {
    this.#options = options
    this.lost = this.#losing.signal
    options.video.addEventListener('ended', () => this.#losing.abort())
    options.video.addEventListener('error', () => {
      if (!this.#hls) this.#losing.abort()
    })
  }

  /** Starts loading; throws when the browser can play HLS in neither way. */
  static async open(options: HlsOptions): Promise<HlsPlayback> {
    const library = await options.env.loadHls()
    const playback = new HlsPlayback(options)
    if (library.isSupported()) playback.#playWith(library)
    else playback.#playNatively()
    playback.#watch().catch(() => playback.#losing.abort())
    return playback
  }

  /** Idempotent. */
  close(): void {
    this.#losing.abort()
    this.#hls?.destroy()
    this.#hls = undefined
    this.#options.video.removeAttribute('src')
  }

  #playWith(library: typeof Hls): void {
    const { url, video, headers } = this.#options
    const hls = new library({
      ...HLS_CONFIG,
      xhrSetup: xhr => {
        for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
      },
    })
    this.#hls = hls
    hls.on(library.Events.ERROR, (_event, data) => {
      if (data.fatal) this.#recover(hls, data)
    })
    hls.on(library.Events.MANIFEST_PARSED, () => void video.play().catch(() => {}))
    hls.loadSource(url)
    hls.attachMedia(video)
  }

  #playNatively(): void {
    const { url, video } = this.#options
    if (!video.canPlayType('application/vnd.apple.mpegurl')) throw new Error('this browser cannot play HLS')
    video.src = url
    video.play().catch(() => {})
  }

  #recover(hls: Hls, data: ErrorData): void {
    if (data.type === 'mediaError' && this.#recoveries++ < MAX_RECOVERIES) hls.recoverMediaError()
    else this.#losing.abort()
  }

  async #watch(): Promise<void> {
    const { env, video, onSample } = this.#options
    let position = -1
    let movedAt = env.now()
    for (;;) {
      await sleep(env, WATCH_MS, this.lost)
      if (this.lost.aborted) return
      const now = env.now()
      const isWaitingForFirst = video.readyState < 2 && position < 0
      if (video.currentTime !== position && video.readyState >= 2) {
        position = video.currentTime
        movedAt = now
      }
      if (video.paused || isWaitingForFirst) movedAt = now
      if (now - movedAt > GIVE_UP_MS) return this.#losing.abort()
      this.#catchUp()
      onSample({ delayMs: this.#delay(now), isStalled: now - movedAt > STALLED_MS })
    }
  }

  /** hls.js catches up only while more than a second is buffered, which is more than low latency ever has. */
  #catchUp(): void {
    const { video } = this.#options
    const hls = this.#hls
    if (!hls || video.paused || hls.targetLatency === null || hls.liveSyncPosition === null) return
    const behind = hls.latency - hls.targetLatency
    if (behind > MAX_BEHIND_TARGET_S) video.currentTime = hls.liveSyncPosition
    const isSafe = bufferedAhead(video) > MIN_BUFFER_S
    video.playbackRate = !isSafe || behind < NEAR_S ? 1 : behind < 0.5 ? 1.05 : 1.1
  }

  /** By EXT-X-PROGRAM-DATE-TIME (RFC 8216bis section 4.4.4.6), which is the capture time. */
  #delay(now: number): number | undefined {
    const { video, clockOffset } = this.#options
    const playing = this.#hls ? this.#hls.playingDate?.getTime() : nativeDate(video)
    if (playing === undefined || Number.isNaN(playing)) return undefined
    return delayOf(playing, now, clockOffset())
  }
}

function bufferedAhead({ buffered, currentTime }: HTMLVideoElement): number {
  return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime
}

/** WebKit tells the date of the time line's start: HTML, media elements, `getStartDate()`. */
function nativeDate(video: HTMLVideoElement & { getStartDate?: () => Date }): number | undefined {
  const start = video.getStartDate?.().getTime()
  return start === undefined ? undefined : start + video.currentTime * 1000
}
