/** Plays a VOD or a clip: hls.js where the browser has Media Source Extensions, its own player where it has not. */
import type Hls from 'hls.js'
import type { ErrorData } from 'hls.js'
import { browserEnvironment, type PlayerEnvironment } from '../player/environment.ts'
import { levelIndex, levelName, qualitiesOf } from '../player/hls-levels.ts'
import { AUTO, type Sound } from '../player/state.ts'
import type { VodPlayerState } from './vod-state.ts'

export interface VodPlayerOptions {
  /** Positioned, with a size. */
  readonly container: HTMLElement
  /** Of its multivariant playlist: `hlsUrl` of `vods.get`. */
  readonly url: string
  /** Where to begin; default: at the beginning. */
  readonly startMs?: number
  readonly isMuted?: boolean
  /** It begins to play by itself, silent where the browser wants a click for sound; default true. */
  readonly autoplay?: boolean
  readonly env?: Pick<PlayerEnvironment, 'createVideo' | 'loadHls'>
}

const MAX_RECOVERIES = 3
/** Ahead of the picture: a seek costs little, and a slow minute nothing. */
const BUFFER_SECONDS = 30

const INITIAL: VodPlayerState = {
  status: 'waiting',
  positionMs: 0,
  durationMs: 0,
  bufferedMs: 0,
  qualities: [],
  quality: AUTO,
  playingQuality: undefined,
  speed: 1,
  isMuted: false,
  volume: 1,
  reason: undefined,
}

export class VodPlayer {
  readonly video: HTMLVideoElement
  readonly #options: VodPlayerOptions
  readonly #env: Pick<PlayerEnvironment, 'createVideo' | 'loadHls'>
  readonly #listeners = new Set<(state: VodPlayerState) => void>()
  #state = INITIAL
  #hls: Hls | undefined
  #recoveries = 0

  constructor(options: VodPlayerOptions) {
    this.#options = options
    this.#env = options.env ?? browserEnvironment()
    this.video = this.#env.createVideo()
    this.video.playsInline = true
    this.video.muted = options.isMuted ?? false
    Object.assign(this.video.style, { position: 'absolute', inset: '0', width: '100%', height: '100%' })
    options.container.append(this.video)
    const events = [
      'playing',
      'pause',
      'waiting',
      'ended',
      'timeupdate',
      'durationchange',
      'progress',
      'seeking',
    ]
    for (const event of [...events, 'seeked', 'volumechange', 'ratechange'])
      this.video.addEventListener(event, () => this.#look())
    this.#open().catch(() => this.#fail('This browser cannot play it.'))
  }

  get state(): VodPlayerState {
    return this.#state
  }

  /** Calls `listener` with each change from now on; returns what ends that. */
  subscribe(listener: (state: VodPlayerState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  play(): void {
    if (this.video.ended) this.video.currentTime = 0
    // Before the first click a browser may refuse sound.
    this.video.play().catch(() => {
      this.video.muted = true
      this.video.play().catch(() => {})
    })
  }

  pause(): void {
    this.video.pause()
  }

  /** To the nearest time that there is. */
  seek(positionMs: number): void {
    const { durationMs } = this.#state
    const limit = durationMs > 0 ? durationMs - 100 : positionMs
    this.video.currentTime = Math.max(0, Math.min(positionMs, limit)) / 1000
    this.#look()
  }

  /** A name of `state.qualities`, or `auto`. */
  setQuality(quality: string): void {
    this.#set({ quality })
    if (this.#hls) this.#hls.nextLevel = levelIndex(this.#hls.levels, quality)
  }

  setSound({ isMuted, volume }: Partial<Sound>): void {
    if (volume !== undefined) this.video.volume = Math.min(1, Math.max(0, volume))
    if (isMuted !== undefined) this.video.muted = isMuted
  }

  /** 0.25 to 2. */
  setSpeed(speed: number): void {
    this.video.playbackRate = Math.min(2, Math.max(0.25, speed))
  }

  /** Stops playing and empties the container. Idempotent. */
  close(): void {
    if (this.#state.status === 'closed') return
    this.#hls?.destroy()
    this.#hls = undefined
    this.video.removeAttribute('src')
    this.video.remove()
    this.#set({ status: 'closed' })
    this.#listeners.clear()
  }

  async #open(): Promise<void> {
    const { url, startMs = 0, autoplay = true } = this.#options
    const library = await this.#env.loadHls()
    if (this.#state.status === 'closed') return
    if (library.isSupported()) this.#playWith(library)
    else if (this.video.canPlayType('application/vnd.apple.mpegurl')) this.video.src = url
    else throw new Error('no HLS')
    if (!this.#hls && startMs > 0) this.video.currentTime = startMs / 1000
    if (autoplay) this.play()
  }

  #playWith(library: typeof Hls): void {
    const { url, startMs = 0 } = this.#options
    const hls = new library({
      // As for live: a worker would need `blob:` scripts.
      enableWorker: false,
      startPosition: startMs / 1000,
      maxBufferLength: BUFFER_SECONDS,
      backBufferLength: BUFFER_SECONDS,
      // After a discontinuity hls.js leaves a hole as long as pictures are reordered. Holes that it may ignore keep its
      // 1.7 from noticing the end; with none it jumps over them all the same.
      maxBufferHole: 0,
      startLevel: -1,
      testBandwidth: false,
      abrEwmaDefaultEstimate: 4_500_000,
    })
    const { Events } = library
    this.#hls = hls
    hls.on(Events.ERROR, (_event, data) => this.#onError(hls, data))
    const levels = () => this.#set({ qualities: qualitiesOf(hls.levels) })
    hls.on(Events.MANIFEST_PARSED, levels)
    hls.on(Events.LEVELS_UPDATED, levels)
    hls.on(Events.LEVEL_SWITCHED, () => this.#look())
    hls.loadSource(url)
    hls.attachMedia(this.video)
  }

  #onError(hls: Hls, { fatal, type, response }: ErrorData): void {
    if (!fatal) return
    if (this.#recoveries++ < MAX_RECOVERIES && response?.code !== 404 && response?.code !== 403) {
      if (type === 'mediaError') hls.recoverMediaError()
      else hls.startLoad()
      return
    }
    this.#fail(
      type === 'networkError' ? 'It cannot be loaded at the moment.' : 'This browser cannot play it.',
    )
  }

  #fail(reason: string): void {
    this.#set({ status: 'failed', reason })
  }

  #look(): void {
    const { video } = this
    if (this.#state.status === 'failed' || this.#state.status === 'closed') return
    const level = this.#hls?.levels[this.#hls.currentLevel]
    const durationMs = Number.isFinite(video.duration) ? Math.round(video.duration * 1000) : 0
    this.#set({
      status: statusOf(video),
      positionMs: Math.round(video.currentTime * 1000),
      durationMs,
      bufferedMs: Math.round(bufferedUntil(video) * 1000),
      playingQuality: level && levelName(level),
      isMuted: video.muted,
      volume: video.volume,
      speed: video.playbackRate,
    })
  }

  #set(change: Partial<VodPlayerState>): void {
    const next = { ...this.#state, ...change }
    const keys = Object.keys(next) as (keyof VodPlayerState)[]
    if (keys.every(key => next[key] === this.#state[key])) return
    this.#state = next
    for (const listener of this.#listeners) listener(next)
  }
}

/** Plays a VOD in `container`; close it when the container goes. */
export function createVodPlayer(options: VodPlayerOptions): VodPlayer {
  return new VodPlayer(options)
}

function statusOf(video: HTMLVideoElement): VodPlayerState['status'] {
  if (video.ended) return 'ended'
  if (video.paused) return 'paused'
  return video.readyState < 3 || video.seeking ? 'waiting' : 'playing'
}

function bufferedUntil({ buffered, currentTime }: HTMLVideoElement): number {
  for (let index = 0; index < buffered.length; index++)
    if (buffered.start(index) <= currentTime + 0.1 && buffered.end(index) > currentTime)
      return buffered.end(index)
  return currentTime
}
