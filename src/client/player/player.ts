/** Plays a channel: WebRTC first, LL-HLS when it must be, by itself again when the channel comes back. */
import { type ApiClient, type ApiOutputs, createClient, reasonOf } from '../api-client.ts'
import { Connector, type Playback, type Sample } from './connector.ts'
import { ServerClock } from './delay.ts'
import { aborted, browserEnvironment, type PlayerEnvironment, sleep, withDeadline } from './environment.ts'
import { type Sound, Stage } from './stage.ts'
import { WebrtcSession } from './webrtc.ts'

const WEBRTC_DEADLINE_MS = 5_000
/** While HLS plays nobody waits, so a rare key frame is waited for. */
const WEBRTC_RETRY_DEADLINE_MS = 12_000
const WEBRTC_BACKOFF_MS = [15_000, 30_000, 60_000, 120_000]
const OFFLINE_POLL_MS = 3_000
const RESTART_PAUSES_MS = [250, 500, 1_000]
const API_DEADLINE_MS = 5_000
/** A connection that held shorter counts as a failure, so that a flapping one ends in HLS. */
const STEADY_MS = 10_000
const MAX_SHORT_SESSIONS = 3
const CLOCK_SYNC_MS = 60_000

export type Protocol = 'webrtc' | 'hls'
type Sources = ApiOutputs['playback']['sources']

export interface PlayerState extends Sound {
  /** What is on screen, or was last. */
  readonly protocol: Protocol | 'none'
  /**
   * `connecting`: no picture yet, or the last one stands while the connection is made anew. `stalled`: connected,
   * nothing arrives. `offline`: the channel is not live; playing starts by itself when it is. `failed`: live, but
   * this browser could play it in no way; tried again now and then.
   */
  readonly status: 'connecting' | 'playing' | 'stalled' | 'offline' | 'failed' | 'closed'
  /** From the camera to this screen, in milliseconds. */
  readonly delayMs: number | undefined
  /** In plain words, why it is not simply playing over WebRTC. */
  readonly reason: string | undefined
  /** The browser wants a click before it lets sound out: `setSound({ isMuted: false })` from a click handler. */
  readonly isSilencedByBrowser: boolean
}

export interface PlayerOptions {
  /** An empty, positioned element; the player puts its `<video>` into it. */
  readonly container: HTMLElement
  readonly slug: string
  /** Where Sluice is. Default: where the page came from. */
  readonly baseUrl?: string
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
  readonly #slug: string
  readonly #env: PlayerEnvironment
  readonly #api: ApiClient
  readonly #stage: Stage
  readonly #connector: Connector
  readonly #clock = new ServerClock()
  readonly #closing = new AbortController()
  readonly #listeners = new Set<(state: PlayerState) => void>()
  readonly #wantsWebrtc: boolean
  #playback: Playback | undefined
  #webrtcNotBefore = 0
  #webrtcFailures = 0
  #shortSessions = 0
  #state: PlayerState

  constructor(options: PlayerOptions) {
    const env = options.environment ?? browserEnvironment()
    const { slug, baseUrl = location.origin, headers = {} } = options
    this.#slug = slug
    this.#env = env
    this.#wantsWebrtc = options.preferred !== 'hls' && env.createPeerConnection !== undefined
    this.#api = createClient({ url: baseUrl, headers, fetch: env.fetch })
    this.#stage = new Stage(options.container, env, options.isMuted ?? false, () => this.#set({}))
    this.#state = {
      protocol: 'none',
      status: 'connecting',
      delayMs: undefined,
      reason: undefined,
      isSilencedByBrowser: false,
      ...this.#stage.sound,
    }
    this.#connector = new Connector({
      env,
      stage: this.#stage,
      baseUrl,
      headers,
      clockOffset: () => this.#clock.offsetMs,
      isLive: async () => (await this.#sources())?.isLive ?? false,
      onSample: (playback, sample) => this.#onSample(playback, sample),
    })
    const stopListening = env.onPageHide(() => {
      if (this.#playback instanceof WebrtcSession) this.#playback.leave()
    })
    this.#closing.signal.addEventListener('abort', stopListening)
    this.#run()
    this.#keepClock()
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

  /** Stops playing, ends the session at the server and empties the container. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#closing.abort()
    this.#playback?.close()
    this.#stage.clear()
    this.#set({ status: 'closed', protocol: 'none', delayMs: undefined, reason: undefined })
    this.#listeners.clear()
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  async #run(): Promise<void> {
    let failures = 0
    for (;;) {
      const sources = await this.#whenLive()
      if (!sources) return
      const playback = await this.#start(sources)
      if (playback) {
        failures = 0
        await this.#stay(playback, sources)
      } else {
        await sleep(this.#env, RESTART_PAUSES_MS[failures++] ?? OFFLINE_POLL_MS, this.#closing.signal)
      }
    }
  }

  /** Asks until the channel is live; undefined when the player was closed meanwhile. */
  async #whenLive(): Promise<Sources | undefined> {
    for (;;) {
      const sources = await this.#sources()
      if (this.#isClosed) return undefined
      if (sources?.isLive) return sources
      if (sources) this.#goOffline()
      await sleep(this.#env, OFFLINE_POLL_MS, this.#closing.signal)
    }
  }

  #goOffline(): void {
    this.#stage.clear()
    this.#webrtcNotBefore = this.#webrtcFailures = this.#shortSessions = 0
    this.#set({ status: 'offline', protocol: 'none', delayMs: undefined, reason: undefined })
  }

  /** Undefined when the server cannot be reached. A channel that does not exist is never live. */
  async #sources(): Promise<Sources | undefined> {
    try {
      return await withDeadline(this.#env, API_DEADLINE_MS, this.#closing.signal, signal =>
        this.#api.playback.sources.query({ slug: this.#slug }, { signal }),
      )
    } catch (error) {
      if (reasonOf(error) === 'channel_not_found') return { isLive: false }
      this.#set({ status: 'connecting', delayMs: undefined, reason: 'The server cannot be reached.' })
      return undefined
    }
  }

  async #start(sources: Sources): Promise<Playback | undefined> {
    if (this.#state.status !== 'failed') this.#set({ status: 'connecting', delayMs: undefined })
    if (sources.whepUrl && this.#wantsWebrtc && this.#env.now() >= this.#webrtcNotBefore) {
      const session = await this.#tryWebrtc(sources.whepUrl, WEBRTC_DEADLINE_MS, this.#closing.signal)
      if (session || !(await this.#sources())?.isLive) return session
    }
    const playback = sources.hlsUrl && (await this.#connector.hls(sources.hlsUrl, this.#closing.signal))
    if (playback) this.#playing(playback)
    else if ((await this.#sources())?.isLive)
      this.#set({
        status: 'failed',
        delayMs: undefined,
        reason: 'Neither WebRTC nor HLS shows a picture here.',
      })
    return playback || undefined
  }

  /** Waits while `playback` plays; from HLS it goes back to WebRTC when that can be had again. */
  async #stay(playback: Playback, sources: Sources): Promise<void> {
    if (playback instanceof WebrtcSession) return this.#stayOnWebrtc(playback)
    while (sources.whepUrl && this.#wantsWebrtc) {
      await sleep(this.#env, Math.max(0, this.#webrtcNotBefore - this.#env.now()), playback.lost)
      if (playback.lost.aborted) break
      const session = await this.#tryWebrtc(sources.whepUrl, WEBRTC_RETRY_DEADLINE_MS, playback.lost)
      if (!session) continue
      playback.close()
      return this.#stayOnWebrtc(session)
    }
    await aborted(playback.lost)
    playback.close()
    if (!this.#isClosed) this.#set({ status: 'connecting', delayMs: undefined })
  }

  async #stayOnWebrtc(session: WebrtcSession): Promise<void> {
    const startedAt = this.#env.now()
    await aborted(session.lost)
    session.close()
    if (this.#isClosed) return
    const isSteady = this.#env.now() - startedAt >= STEADY_MS
    this.#shortSessions = isSteady ? 0 : this.#shortSessions + 1
    if (isSteady) this.#webrtcFailures = 0
    if (this.#shortSessions >= MAX_SHORT_SESSIONS) this.#postponeWebrtc()
    this.#set({ status: 'connecting', delayMs: undefined, reason: 'The connection was lost.' })
  }

  async #tryWebrtc(
    path: string,
    deadlineMs: number,
    parent: AbortSignal,
  ): Promise<WebrtcSession | undefined> {
    const session = await this.#connector.webrtc(path, deadlineMs, parent)
    if (session) this.#playing(session)
    else this.#postponeWebrtc()
    return session
  }

  #postponeWebrtc(): void {
    const last = WEBRTC_BACKOFF_MS.length - 1
    this.#webrtcNotBefore = this.#env.now() + WEBRTC_BACKOFF_MS[Math.min(last, this.#webrtcFailures++)]!
    this.#shortSessions = 0
  }

  #playing(playback: Playback): void {
    if (this.#isClosed) {
      playback.close()
      this.#stage.clear()
      return
    }
    this.#playback = playback
    const isWebrtc = playback instanceof WebrtcSession
    this.#set({
      protocol: isWebrtc ? 'webrtc' : 'hls',
      status: 'playing',
      delayMs: undefined,
      reason: !isWebrtc && this.#wantsWebrtc ? 'WebRTC could not be had.' : undefined,
    })
  }

  #onSample(playback: Playback, { delayMs, isStalled }: Sample): void {
    if (playback !== this.#playback || playback.lost.aborted) return
    this.#set({
      status: isStalled ? 'stalled' : 'playing',
      delayMs: delayMs === undefined ? this.#state.delayMs : Math.round(delayMs),
    })
  }

  async #keepClock(): Promise<void> {
    const readServer = async () => (await this.#api.playback.clock.query()).now
    while (!this.#isClosed) {
      await this.#clock.sync(readServer, this.#env.now)
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
