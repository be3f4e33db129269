/** Hides Low-Latency HLS: hls.js where the browser has Media Source Extensions, its own player where it has not. */
import type Hls from 'hls.js'
import type { ErrorData } from 'hls.js'
import { delayOf } from './delay.ts'
import { type PlayerEnvironment, sleep } from './environment.ts'
import { abrByTransfer } from './hls-bandwidth.ts'
import { HLS_CONFIG } from './hls-config.ts'
import { levelIndex, levelName, qualitiesOf } from './hls-levels.ts'
import { positionOf, reachOf } from './hls-timeline.ts'
import { Pace } from './pace.ts'
import { firstFrame, nextEvent } from './stage.ts'
import type { AudioOption, Playback, Quality, Sample, Timeline } from './state.ts'

const WATCH_MS = 500
/** A picture that stands still for this long is not coming back by itself. */
const GIVE_UP_MS = 10_000
const STALLED_MS = 1_000
/** Media errors in a row that are mended in place, before the playback is opened anew. */
const MAX_RECOVERIES = 2
const RECOVERED_MS = 30_000
/** As near to the end as this is live. */
const LIVE_MS = 4_000

export interface HlsOptions {
  /** Absolute address of the multivariant playlist. */
  readonly url: string
  readonly headers: Record<string, string>
  /** An address, however old, with the token of now. */
  readonly address: (address: string) => string
  readonly video: HTMLVideoElement
  readonly env: PlayerEnvironment
  readonly clockOffset: () => number | undefined
  readonly onSample: (sample: Sample) => void
  /** The publisher is gone and may return: a picture that stands still is no failure. */
  readonly isPublisherAway: () => boolean
  /** A name, or `auto`. */
  readonly quality: string
  readonly audioIndex: number
  /** Where to play, as capture time; undefined: live. Asked for when there is something to play. */
  readonly timeMs: () => number | undefined
}

export class HlsPlayback implements Playback {
  readonly protocol = 'hls'
  readonly lost: AbortSignal
  readonly #options: HlsOptions
  readonly #losing = new AbortController()
  #hls: Hls | undefined
  #pace: Pace | undefined
  #recoveries = 0
  #recoveredAt = 0
  #quality: string
  #audioIndex: number
  #isAtLive = true
  #soughtMs: number | undefined
  #qualities: readonly Quality[] = []
  #audioOptions: readonly AudioOption[] = []

  private constructor(options: HlsOptions) {
    this.#options = options
    this.#quality = options.quality
    this.#audioIndex = options.audioIndex
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

  setQuality(name: string): void {
    this.#quality = name
    if (this.#hls) this.#hls.nextLevel = levelIndex(this.#hls.levels, name)
  }

  setAudio(index: number): void {
    this.#audioIndex = index
    if (this.#hls?.audioTracks[index]) this.#hls.audioTrack = index
  }

  /** Resolves true with the first picture, of the time that is wanted; false when a signal is aborted before. */
  async hasPicture(signals: readonly AbortSignal[]): Promise<boolean> {
    const { video, timeMs } = this.#options
    if (!(await firstFrame(video, signals))) return false
    const wanted = timeMs()
    if (wanted === undefined || !this.#hls) return true
    this.seek(wanted)
    return nextEvent(video, 'seeked', signals)
  }

  /** To a capture time, or the nearest that is listed; undefined: live. */
  seek(timeMs: number | undefined): void {
    if (timeMs === this.#soughtMs) return
    this.#soughtMs = timeMs
    const hls = this.#hls
    const details = hls?.latestLevelDetails
    if (!hls || !details) return
    this.#isAtLive = timeMs === undefined
    const position = timeMs === undefined ? hls.liveSyncPosition : positionOf(details, timeMs)
    if (position === null || position === undefined) return
    this.#options.video.playbackRate = 1
    this.#options.video.currentTime = position
  }

  /**
   * Another token than `former`, with which it began, lets in from now on. A browser's own player asks for the addresses
   * that it has: the new one goes along as a cookie for those alone.
   */
  tokenRenewed(former: string, token: string): void {
    if (this.#hls) return
    const began = /\/t\/([^/]+)\//.exec(this.#options.url)?.[1] ?? former
    this.#options.env.setCookie(`sluice_playback=${token}; path=/t/${began}/; samesite=lax`)
  }

  close(): void {
    this.#losing.abort()
    this.#hls?.destroy()
    this.#hls = undefined
    this.#options.video.removeAttribute('src')
  }

  #playWith(library: typeof Hls): void {
    const { url, video, headers, address, env } = this.#options
    const hls = new library({
      ...HLS_CONFIG,
      abrController: abrByTransfer(library),
      xhrSetup: (xhr, asked) => {
        const renewed = address(asked)
        if (renewed !== asked) xhr.open('GET', renewed)
        for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
      },
    })
    const { Events } = library
    this.#hls = hls
    this.#pace = new Pace(hls, video, env.now)
    hls.on(Events.ERROR, (_event, data) => this.#onError(hls, data))
    hls.on(Events.BUFFER_APPENDED, () => this.#pace?.filled())
    video.addEventListener('waiting', () => this.#pace?.waits(), { signal: this.lost })
    hls.on(Events.MANIFEST_PARSED, () => {
      this.#qualities = qualitiesOf(hls.levels)
      const level = levelIndex(hls.levels, this.#quality)
      if (level >= 0) hls.startLevel = hls.nextLevel = level
      video.play().catch(() => {})
    })
    hls.on(Events.LEVELS_UPDATED, () => {
      this.#qualities = qualitiesOf(hls.levels)
    })
    hls.on(Events.AUDIO_TRACKS_UPDATED, () => {
      this.#audioOptions = audioOptionsOf(hls)
      this.setAudio(this.#audioIndex)
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  }

  #playNatively(): void {
    const { url, video } = this.#options
    if (!video.canPlayType('application/vnd.apple.mpegurl')) throw new Error('this browser cannot play HLS')
    video.src = url
    video.play().catch(() => {})
  }

  #onError(hls: Hls, { details, fatal, type }: ErrorData): void {
    if (details === 'bufferStalledError' && !this.#options.isPublisherAway()) this.#pace?.stalled()
    if (!fatal) return
    const now = this.#options.env.now()
    if (now - this.#recoveredAt > RECOVERED_MS) this.#recoveries = 0
    this.#recoveredAt = now
    if (type === 'mediaError' && this.#recoveries++ < MAX_RECOVERIES) hls.recoverMediaError()
    else this.#losing.abort()
  }

  async #watch(): Promise<void> {
    const { env, video, onSample, isPublisherAway } = this.#options
    let position = -1
    let movedAt = env.now()
    let waitingSince = movedAt
    for (;;) {
      await sleep(env, WATCH_MS, this.lost)
      if (this.lost.aborted) return
      const now = env.now()
      const isWaitingForFirst = video.readyState < 2 && position < 0
      const hasMoved = video.currentTime !== position && video.readyState >= 2
      if (hasMoved && position >= 0 && now - movedAt > STALLED_MS) this.#pace?.resumesAfterGap()
      if (hasMoved) position = video.currentTime
      if (hasMoved || video.paused || isWaitingForFirst) movedAt = now
      if (movedAt === now || isPublisherAway()) waitingSince = now
      if (now - waitingSince > GIVE_UP_MS) return this.#losing.abort()
      if (this.#isAtLive && !video.paused) this.#pace?.adjust()
      onSample(this.#sample(now, now - movedAt > STALLED_MS))
    }
  }

  #sample(now: number, isStalled: boolean): Sample {
    const hls = this.#hls
    const level = hls?.levels[hls.currentLevel]
    return {
      delayMs: this.#isAtLive ? this.#delay(now) : undefined,
      isDelayMeasured: this.#isAtLive,
      isStalled,
      qualities: this.#qualities,
      playingQuality: level && levelName(level),
      audioOptions: hls && this.#audioOptions,
      timeline: this.#timeline(),
    }
  }

  /** By EXT-X-PROGRAM-DATE-TIME (RFC 8216bis section 4.4.4.6), which is the capture time. */
  #delay(now: number): number | undefined {
    const playing = this.#playingMs
    return playing === undefined ? undefined : delayOf(playing, now, this.#options.clockOffset())
  }

  get #playingMs(): number | undefined {
    const playing = this.#hls ? this.#hls.playingDate?.getTime() : nativeDate(this.#options.video)
    return Number.isNaN(playing) ? undefined : playing
  }

  #timeline(): Timeline | undefined {
    const details = this.#hls?.latestLevelDetails
    const reach = details && reachOf(details)
    const positionMs = this.#playingMs
    if (!reach || positionMs === undefined) return undefined
    // Somebody who has come back to the end by playing is live again.
    if (reach.endMs - positionMs < LIVE_MS) this.#isAtLive = true
    if (this.#isAtLive) this.#soughtMs = undefined
    return { ...reach, positionMs, isAtLive: this.#isAtLive }
  }
}

function audioOptionsOf({ audioTracks }: Hls): AudioOption[] {
  if (audioTracks.length < 2) return []
  return audioTracks.map(({ name, lang }, index) => ({ index, label: name || lang || `Sound ${index + 1}` }))
}

/** WebKit tells the date of the time line's start: HTML, media elements, `getStartDate()`. */
function nativeDate(video: HTMLVideoElement & { getStartDate?: () => Date }): number | undefined {
  const start = video.getStartDate?.().getTime()
  return start === undefined ? undefined : start + video.currentTime * 1000
}
