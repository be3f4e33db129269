/** A stream as WebRTC viewers hold it: their sessions, the edge routers behind them, and the RTP that feeds those. */
import { AppError } from '../errors.ts'
import type { Broadcast, Sink } from '../live/broadcast.ts'
import type { Output, StreamIdentity } from '../live/output.ts'
import type { Log } from '../log.ts'
import { EdgeRouter, type EdgeSignature } from './edge-router.ts'
import { parseOffer, signatureOf } from './offer.ts'
import { RtpFeed } from './rtp-feed.ts'
import { type Announced, Session } from './session.ts'
import { WebrtcSink } from './webrtc-sink.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What viewers by server offer share. */
const SERVER_SIGNATURE: EdgeSignature = {
  videoPayloadType: 102,
  profileLevelId: '42e01f',
  audioPayloadType: 111,
}
const MAX_SESSIONS = 2_000
/** Browsers differ in a handful of ways; more signatures than this are somebody's game. */
const MAX_EDGES = 16
/** An edge without viewers stays for those who reload the page. */
const IDLE_EDGE_MS = 30_000

interface Edge {
  readonly opening: Promise<EdgeRouter>
  sessions: number
  idleTimer: ReturnType<typeof setTimeout> | undefined
}

export class WebrtcOutput implements Output {
  readonly identity: StreamIdentity
  /** Resolves when every session and router is gone. */
  readonly closed: Promise<void>
  readonly #resolveClosed: () => void
  readonly #pool: WorkerPool
  readonly #log: Log
  readonly #feed = new RtpFeed()
  readonly #sessions = new Map<string, Session>()
  readonly #edges = new Map<string, Edge>()
  #pending = 0
  #isClosed = false

  constructor(options: { identity: StreamIdentity; pool: WorkerPool; log: Log }) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.identity = options.identity
    this.#pool = options.pool
    this.#log = options.log
  }

  get viewerCount(): number {
    let count = 0
    for (const session of this.#sessions.values()) if (session.isConnected) count++
    return count
  }

  attach(broadcast: Broadcast): Sink {
    return new WebrtcSink({ broadcast, feed: this.#feed, log: this.#log })
  }

  /** A session for a client's SDP offer, or, without one, for an offer by us. */
  async openSession(
    offerSdp: string | undefined,
    announced: Announced,
    kinds?: readonly ('video' | 'audio')[],
  ): Promise<{ session: Session; sdp: string }> {
    if (this.#isClosed) throw notLive()
    const offer = offerSdp === undefined ? undefined : parseOffer(offerSdp)
    const signature = offer ? signatureOf(offer) : SERVER_SIGNATURE
    if (this.#sessions.size + this.#pending >= MAX_SESSIONS) throw tooMany()
    this.#pending++
    try {
      const edge = this.#edge(signature)
      return await this.#openOn(edge, router =>
        offer ? Session.answering(router, offer, announced) : Session.offering(router, announced, kinds),
      )
    } finally {
      this.#pending--
    }
  }

  findSession(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const session of this.#sessions.values()) session.close()
    const edges = [...this.#edges.values()]
    this.#edges.clear()
    for (const edge of edges) {
      clearTimeout(edge.idleTimer)
      await edge.opening.then(router => router.close()).catch(() => {})
    }
    this.#resolveClosed()
  }

  /** The edge counts the session from before it opens, so that it is not retired in between. */
  async #openOn(
    edge: Edge,
    open: (router: EdgeRouter) => Promise<{ session: Session; sdp: string }>,
  ): Promise<{ session: Session; sdp: string }> {
    edge.sessions++
    clearTimeout(edge.idleTimer)
    try {
      const opened = await open(await edge.opening)
      const { session } = opened
      if (this.#isClosed) {
        session.close()
        throw notLive()
      }
      this.#sessions.set(session.id, session)
      session.closed.then(() => {
        this.#sessions.delete(session.id)
        this.#release(edge)
      })
      return opened
    } catch (error) {
      this.#release(edge)
      // What was being opened has been closed under it.
      throw this.#isClosed ? notLive() : error
    }
  }

  #release(edge: Edge): void {
    edge.sessions--
    if (edge.sessions > 0 || this.#isClosed) return
    const retire = () => edge.opening.then(router => router.close()).catch(() => {})
    edge.idleTimer = setTimeout(retire, IDLE_EDGE_MS)
    edge.idleTimer.unref()
  }

  #edge(signature: EdgeSignature): Edge {
    const key = Object.values(signature).join(' ')
    const known = this.#edges.get(key)
    if (known) return known
    if (this.#edges.size >= MAX_EDGES) throw tooMany()
    const edge: Edge = { opening: this.#openEdge(signature), sessions: 0, idleTimer: undefined }
    this.#edges.set(key, edge)
    const forget = () => {
      clearTimeout(edge.idleTimer)
      if (this.#edges.get(key) === edge) this.#edges.delete(key)
    }
    edge.opening.then(router => router.closed).then(forget, forget)
    return edge
  }

  async #openEdge(signature: EdgeSignature): Promise<EdgeRouter> {
    const router = await EdgeRouter.open(await this.#pool.acquire(), signature)
    if (this.#isClosed) router.close()
    this.#feed.addEdge(router)
    return router
  }
}

export function notLive(): AppError {
  return new AppError('CONFLICT', 'channel_not_live', 'This channel is not live now.', {
    retryAfterSeconds: 3,
  })
}

function tooMany(): AppError {
  return new AppError('LIMIT', 'viewers_full', 'This stream has all the WebRTC viewers it can have.', {
    retryAfterSeconds: 10,
  })
}
