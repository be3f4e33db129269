/** A channel's player as a page holds it: its state, and what a viewer may choose. */
import { Connector } from './connector.ts'
import { ServerClock } from './delay.ts'
import { DelayReporter } from './delay-reporter.ts'
import { browserEnvironment, type PlayerEnvironment, sleep } from './environment.ts'
import { HlsPlayback } from './hls.ts'
import { PublisherWatch } from './publisher-watch.ts'
import { type Refusal, Server, type Sources } from './server.ts'
import { Stage } from './stage.ts'
import {
  INITIAL_STATE,
  type Playback,
  type PlayerState,
  type Protocol,
  type Sample,
  type Sound,
  type Timeline,
} from './state.ts'
import { Tuner } from './tuner.ts'
import { WebrtcSession } from './webrtc.ts'
import { Wish } from './wish.ts'

const CLOCK_SYNC_MS = 60_000
/** As near to live as this is live. */
const LIVE_MS = 3_000
/** The most that can be rewound, until HLS has told what really can. */
const MAX_REWIND_MS = 12 * 3_600_000

const REFUSED: Readonly<Record<Refusal, string>> = {
  not_signed_in: 'This channel is private. Sign in to watch it.',
  playback_forbidden: 'This channel is private. Its owner has to let you in.',
  playback_token_invalid: 'This link is not good any more. Ask the owner of the channel for another.',
}

export interface PlayerOptions {
  /** An empty, positioned element; the player puts its `<video>` into it. */
  readonly container: HTMLElement
  readonly slug: string
  /** Where Sluice is. Default: where the page came from. */
  readonly baseUrl?: string
  /** Of a share link (`playback.share`), for a channel that is private. Whoever may watch as whom they are needs none. */
  readonly token?: string | undefined
  /** `hls` never tries WebRTC. Default: `webrtc`. */
  readonly preferred?: Protocol
  readonly isMuted?: boolean
  /** Sent with every request, e.g. `authorization`. */
  readonly headers?: Record<string, string>
  readonly environment?: PlayerEnvironment
}

/** Starts playing at once. */
export function createPlayer(options: PlayerOptions): Player {
  return new Player(options)
}

export class Player {
  readonly #env: PlayerEnvironment
  readonly #server: Server
  readonly #stage: Stage
  readonly #clock = new ServerClock()
  readonly #wish = new Wish()
  readonly #publisher: PublisherWatch
  readonly #reporter: DelayReporter
  readonly #closing = new AbortController()
  readonly #listeners = new Set<(state: PlayerState) => void>()
  readonly #wantsWebrtc: boolean
  #playback: Playback | undefined
  #sources: Sources | undefined
  #rewindMs = MAX_REWIND_MS
  #isClockKept = false
  #state: PlayerState

  constructor(options: PlayerOptions) {
    const env = options.environment ?? browserEnvironment()
    const { slug, baseUrl = location.origin, headers = {}, token } = options
    const closing = this.#closing.signal
    this.#env = env
    this.#wantsWebrtc = options.preferred !== 'hls' && env.createPeerConnection !== undefined
    this.#server = new Server({
      ...{ env, slug, baseUrl, headers, token, closing },
      serverNow: () => env.now() + (this.#clock.offsetMs ?? 0),
      onTokenRenewed: former => this.#tokenRenewed(former),
    })
    this.#stage = new Stage(options.container, env, options.isMuted ?? false, () => this.#set({}))
    this.#state = { ...INITIAL_STATE, ...this.#stage.sound }
    this.#publisher = new PublisherWatch({
      now: env.now,
      ask: async () => (await this.#server.sources())?.status === 'reconnecting',
    })
    this.#reporter = new DelayReporter({
      now: env.now,
      send: report => this.#server.reportDelay(report),
    })
    const connector = new Connector({
      ...{ env, baseUrl, headers, address: address => this.#server.tokens.address(address) },
      stage: this.#stage,
      wish: this.#wish,
      clockOffset: () => this.#clock.offsetMs,
      isLive: async () => (await this.#server.sources())?.isLive ?? false,
      isPublisherAway: () => this.#publisher.isAway,
      onSample: (playback, sample) => this.#onSample(playback, sample),
    })
    const stopListening = env.onPageHide(() => {
      if (this.#playback instanceof WebrtcSession) this.#playback.leave()
    })
    closing.addEventListener('abort', stopListening)
    this.#tune(connector, slug, token !== undefined)
  }

  get state(): PlayerState {
    return this.#state
  }

  /** The element that shows the stream now; another one after a change of connection. */
  get video(): HTMLVideoElement | undefined {
    return this.#stage.current
  }

  /** Calls `listener` on each change; returns what ends that. */
  subscribe(listener: (state: PlayerState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  setSound(sound: Partial<Sound>): void {
    this.#stage.setSound(sound)
  }

  /** A name out of `state.qualities`, or `auto`. It is kept over connections and protocols. */
  setQuality(name: string): void {
    this.#wish.quality = name
    this.#playback?.setQuality(name)
    this.#set({ quality: name })
  }

  /** One of `state.audioOptions`. Any but the default one plays over HLS, since WebRTC has that alone. */
  setAudio(index: number): void {
    this.#wish.audioIndex = index
    if (this.#playback instanceof HlsPlayback) this.#playback.setAudio(index)
    this.#set({ audioIndex: index })
  }

  /** Plays from a capture time within `state.timeline`, over HLS; near its end, live. */
  seek(timeMs: number): void {
    const { timeline } = this.#state
    if (!timeline || timeMs > timeline.endMs - LIVE_MS) return this.goLive()
    this.#wish.timeMs = timeMs
    if (this.#playback instanceof HlsPlayback) this.#playback.seek(timeMs)
  }

  /** Ends rewinding. */
  goLive(): void {
    this.#wish.timeMs = undefined
    if (this.#playback instanceof HlsPlayback) this.#playback.seek(undefined)
  }

  /** Where `path` of this channel's media, `/streams/ID/frame.jpg`, is asked for by this viewer. */
  mediaAddress(path: string): string {
    return this.#server.tokens.carry(path)
  }

  /** Stops playing, ends the session at the server and empties the container. Idempotent. */
  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#playback?.close()
    this.#stage.clear()
    this.#set({ ...INITIAL_STATE, status: 'closed' })
    this.#listeners.clear()
  }

  #tune(connector: Connector, slug: string, hasToken: boolean): void {
    const tuner = new Tuner({
      ...{ env: this.#env, server: this.#server, wish: this.#wish, connector, slug },
      wantsWebrtc: this.#wantsWebrtc,
      mayPrepare: !hasToken,
      closing: this.#closing.signal,
      onPlaying: (playback, sources) => this.#playing(playback, sources),
      onConnecting: reason =>
        this.#set({ status: 'connecting', delayMs: undefined, ...(reason !== undefined && { reason }) }),
      onFailed: reason => this.#set({ status: 'failed', delayMs: undefined, reason }),
      onOffline: () => this.#goOffline('offline'),
      onRefused: refusal => this.#goOffline('refused', REFUSED[refusal]),
    })
    tuner.run().catch(error => console.error('the player stopped', error))
  }

  #goOffline(status: 'offline' | 'refused', reason?: string): void {
    this.#stage.clear()
    this.#rewindMs = MAX_REWIND_MS
    const { quality } = this.#state
    this.#set({ ...INITIAL_STATE, quality, status, reason })
  }

  #tokenRenewed(former: string): void {
    const { current } = this.#server.tokens
    if (current !== undefined && this.#playback instanceof HlsPlayback)
      this.#playback.tokenRenewed(former, current)
  }

  #playing(playback: Playback, sources: Sources): void {
    if (this.#closing.signal.aborted) {
      playback.close()
      this.#stage.clear()
      return
    }
    this.#playback = playback
    this.#sources = sources
    this.#keepClock()
    const isFallback = playback.protocol === 'hls' && this.#wantsWebrtc && !this.#wish.needsHls
    this.#set({
      protocol: playback.protocol,
      status: 'playing',
      delayMs: undefined,
      reason: isFallback ? 'WebRTC could not be had.' : undefined,
      audioIndex: this.#wish.audioIndex,
      audioOptions: (sources.audioLabels ?? []).map((label, index) => ({ index, label })),
    })
    // Chosen while it was connecting.
    if (this.#wish.quality !== 'auto') playback.setQuality(this.#wish.quality)
    if (playback instanceof HlsPlayback) playback.seek(this.#wish.timeMs)
  }

  #onSample(playback: Playback, sample: Sample): void {
    if (playback !== this.#playback || playback.lost.aborted) return
    const { delayMs, isStalled, isDelayMeasured, qualities, playingQuality, audioOptions } = sample
    this.#publisher.observe(isStalled)
    const timeline = sample.timeline ?? this.#liveTimeline()
    if (playback.protocol === 'hls' && sample.timeline) this.#followRewound(sample.timeline)
    const streamId = this.#sources?.streamId
    if (streamId && isDelayMeasured && !isStalled && delayMs !== undefined)
      this.#reporter.observe(playback, streamId, delayMs)
    const stalled = this.#publisher.isAway ? 'reconnecting' : 'stalled'
    // A picture that stands still, or is of the past, has no delay worth telling.
    const hasDelay = !isStalled && timeline?.isAtLive !== false
    this.#set({
      status: isStalled ? stalled : 'playing',
      delayMs: !hasDelay ? undefined : delayMs === undefined ? this.#state.delayMs : Math.round(delayMs),
      qualities,
      playingQuality,
      ...(audioOptions?.length && { audioOptions }),
      timeline,
    })
  }

  /** What WebRTC plays is the end of what HLS can rewind. */
  #liveTimeline(): Timeline | undefined {
    const { offsetMs } = this.#clock
    const startedAt = this.#sources?.startedAt
    if (offsetMs === undefined || startedAt === undefined || !this.#sources?.hlsUrl) return undefined
    const endMs = this.#env.now() + offsetMs
    const startMs = Math.max(Date.parse(startedAt), endMs - this.#rewindMs)
    return { startMs, endMs, positionMs: endMs, isAtLive: true }
  }

  /** A playback that has to be opened anew goes on where it was; one that came back to live stays there. */
  #followRewound({ startMs, endMs, positionMs, isAtLive }: Timeline): void {
    const startedAt = Date.parse(this.#sources?.startedAt ?? '')
    // What is not listed any more cannot be rewound over WebRTC either.
    if (startMs - startedAt > 60_000) this.#rewindMs = endMs - startMs
    if (this.#wish.timeMs !== undefined) this.#wish.timeMs = isAtLive ? undefined : positionMs
  }

  /** Not before there is a picture, which it would hold up. */
  async #keepClock(): Promise<void> {
    if (this.#isClockKept) return
    this.#isClockKept = true
    while (!this.#closing.signal.aborted) {
      await this.#clock.sync(() => this.#server.now(), this.#env.now)
      await sleep(this.#env, CLOCK_SYNC_MS, this.#closing.signal)
    }
  }

  #set(change: Partial<PlayerState>): void {
    if (this.#state.status === 'closed') return
    const { sound, isSilencedByBrowser } = this.#stage
    const next = { ...this.#state, ...change, ...sound, isSilencedByBrowser }
    const keys = Object.keys(next) as (keyof PlayerState)[]
    if (keys.every(key => next[key] === this.#state[key])) return
    this.#state = next
    for (const listener of this.#listeners) listener(next)
  }
}
