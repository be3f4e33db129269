/** Decides which protocol plays: WebRTC where it can be had, HLS where it cannot or where the viewer's choice needs it. */
import type { Connector } from './connector.ts'
import { aborted, type PlayerEnvironment, sleep } from './environment.ts'
import type { HlsPlayback } from './hls.ts'
import type { Refusal, Server, Sources } from './server.ts'
import type { Playback } from './state.ts'
import { WebrtcSession } from './webrtc.ts'
import type { Wish } from './wish.ts'

const WEBRTC_DEADLINE_MS = 5_000
/** While HLS plays nobody waits, so a rare key frame is waited for. */
const WEBRTC_RETRY_DEADLINE_MS = 12_000
const WEBRTC_BACKOFF_MS = [15_000, 30_000, 60_000, 120_000]
const OFFLINE_POLL_MS = 3_000
/** Somebody signs in, or is let in. */
const REFUSED_POLL_MS = 10_000
const RESTART_PAUSES_MS = [250, 500, 1_000]
/** A connection that held shorter counts as a failure, so that a flapping one ends in HLS. */
const STEADY_MS = 10_000
const MAX_SHORT_SESSIONS = 3

interface TunerOptions {
  readonly env: PlayerEnvironment
  readonly server: Server
  readonly connector: Connector
  readonly wish: Wish
  readonly slug: string
  readonly wantsWebrtc: boolean
  /** A session may be asked for before it is known where: it is not, for who comes by a link to what is private. */
  readonly mayPrepare: boolean
  /** Ends everything. */
  readonly closing: AbortSignal
  /** `playback` has the stage from now on. */
  readonly onPlaying: (playback: Playback, sources: Sources) => void
  readonly onConnecting: (reason?: string) => void
  readonly onFailed: (reason: string) => void
  readonly onOffline: () => void
  readonly onRefused: (refusal: Refusal) => void
}

export class Tuner {
  readonly #options: TunerOptions
  #webrtcNotBefore = 0
  #webrtcFailures = 0
  #shortSessions = 0
  #hasFailed = false

  constructor(options: TunerOptions) {
    this.#options = options
  }

  /** Plays until `closing`. */
  async run(): Promise<void> {
    const { env, connector, slug, wantsWebrtc, mayPrepare, closing } = this.#options
    // A round trip less to the first picture: the session is asked for together with where it is.
    if (wantsWebrtc && mayPrepare) connector.prepareWebrtc(`/whep/${slug}`, closing)
    let failures = 0
    for (;;) {
      const sources = await this.#whenLive()
      if (!sources) return
      const playback = await this.#start(sources)
      if (playback) {
        failures = 0
        await this.#stay(playback, sources)
      } else {
        await sleep(env, RESTART_PAUSES_MS[failures++] ?? OFFLINE_POLL_MS, closing)
      }
    }
  }

  /** Asks until the channel is live; undefined when the player was closed meanwhile. */
  async #whenLive(): Promise<Sources | undefined> {
    const { env, server, closing, onConnecting } = this.#options
    for (;;) {
      const sources = await server.sources()
      if (closing.aborted) return undefined
      if (sources?.isLive) return sources
      if (sources) this.#goOffline(sources.refusal)
      else onConnecting('The server cannot be reached.')
      await sleep(env, sources?.refusal ? REFUSED_POLL_MS : OFFLINE_POLL_MS, closing)
    }
  }

  #goOffline(refusal: Refusal | undefined): void {
    const { connector, wish, onOffline, onRefused } = this.#options
    connector.discardPrepared()
    this.#webrtcNotBefore = this.#webrtcFailures = this.#shortSessions = 0
    this.#hasFailed = false
    wish.timeMs = undefined
    wish.audioIndex = 0
    if (refusal) onRefused(refusal)
    else onOffline()
  }

  async #start(sources: Sources): Promise<Playback | undefined> {
    const { env, server, wish, wantsWebrtc, closing } = this.#options
    if (!this.#hasFailed) this.#options.onConnecting()
    const mayWebrtc = wantsWebrtc && !wish.needsHls && env.now() >= this.#webrtcNotBefore
    if (sources.whepUrl && mayWebrtc) {
      const session = await this.#tryWebrtc(sources, WEBRTC_DEADLINE_MS, closing)
      if (session || !(await server.sources())?.isLive) return session
    }
    const playback = await this.#tryHls(sources, closing)
    if (playback || !(await server.sources())?.isLive) return playback
    this.#hasFailed = true
    this.#options.onFailed('Neither WebRTC nor HLS shows a picture here.')
    return undefined
  }

  /** Waits while something plays, over one protocol or, one after the other, both. */
  async #stay(first: Playback, sources: Sources): Promise<void> {
    const { closing, onConnecting } = this.#options
    let playback = first
    for (;;) {
      const next =
        playback instanceof WebrtcSession
          ? await this.#stayOnWebrtc(playback, sources)
          : await this.#stayOnHls(playback, sources)
      playback.close()
      if (!next) break
      playback = next
    }
    if (!closing.aborted)
      onConnecting(playback.protocol === 'webrtc' ? 'The connection was lost.' : undefined)
  }

  /** Returns HLS when the viewer has chosen what WebRTC does not have, undefined when the session is lost. */
  async #stayOnWebrtc(session: WebrtcSession, sources: Sources): Promise<Playback | undefined> {
    const { env, wish } = this.#options
    const startedAt = env.now()
    while (!session.lost.aborted) {
      const { changed } = wish
      if (wish.needsHls) {
        const playback = await this.#tryHls(sources, session.lost)
        if (playback || session.lost.aborted) return playback
        wish.timeMs = undefined
        wish.audioIndex = 0
      } else await aborted(session.lost, changed)
    }
    const isSteady = env.now() - startedAt >= STEADY_MS
    this.#shortSessions = isSteady ? 0 : this.#shortSessions + 1
    if (isSteady) this.#webrtcFailures = 0
    if (this.#shortSessions >= MAX_SHORT_SESSIONS) this.#postponeWebrtc()
    return undefined
  }

  /** Returns WebRTC when that can be had again and is wanted, undefined when HLS is lost. */
  async #stayOnHls(playback: Playback, sources: Sources): Promise<Playback | undefined> {
    const { env, wish, wantsWebrtc } = this.#options
    while (!playback.lost.aborted) {
      const { changed } = wish
      const wasNeeded = wish.needsHls
      const isSettled = !sources.whepUrl || !wantsWebrtc || wasNeeded
      if (isSettled) await aborted(playback.lost, changed)
      else await sleep(env, Math.max(0, this.#webrtcNotBefore - env.now()), playback.lost, changed)
      if (playback.lost.aborted) break
      // Back from what only HLS has: not because WebRTC had failed.
      if (wasNeeded && !wish.needsHls && this.#webrtcFailures === 0) this.#webrtcNotBefore = 0
      if (isSettled || changed.aborted) continue
      const session = await this.#tryWebrtc(sources, WEBRTC_RETRY_DEADLINE_MS, playback.lost)
      if (session) return session
    }
    return undefined
  }

  async #tryWebrtc(
    sources: Sources,
    deadlineMs: number,
    parent: AbortSignal,
  ): Promise<WebrtcSession | undefined> {
    const session = await this.#options.connector.webrtc(sources.whepUrl!, deadlineMs, parent)
    if (session) this.#playing(session, sources)
    else this.#postponeWebrtc()
    return session
  }

  async #tryHls(sources: Sources, parent: AbortSignal): Promise<HlsPlayback | undefined> {
    const playback = sources.hlsUrl && (await this.#options.connector.hls(sources.hlsUrl, parent))
    if (!playback) return undefined
    this.#playing(playback, sources)
    return playback
  }

  #playing(playback: Playback, sources: Sources): void {
    this.#hasFailed = false
    this.#options.onPlaying(playback, sources)
  }

  #postponeWebrtc(): void {
    const last = WEBRTC_BACKOFF_MS.length - 1
    this.#webrtcNotBefore =
      this.#options.env.now() + WEBRTC_BACKOFF_MS[Math.min(last, this.#webrtcFailures++)]!
    this.#shortSessions = 0
  }
}
