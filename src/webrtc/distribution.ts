/**
 * Spreads one stream's viewers over the workers. The first viewer opens the stream's origin router, which gets each
 * packet once; edge routers carry it to the viewers. A viewer joins an edge that exists for its payload types, on the
 * least loaded worker that has one; another worker gets an edge only when it is less loaded by so many viewers that
 * the pipe pays, or when those are full. An edge without viewers stays for a while, for those who reload the page;
 * with the last edge the origin closes, so that a stream that nobody watches costs nothing.
 */
import { AppError } from '../errors.ts'
import { EdgeRouter, type EdgeSignature } from './edge-router.ts'
import { OriginRouter } from './origin-router.ts'
import { START_LAYERS } from './replays.ts'
import type { RtpFeed } from './rtp-feed.ts'
import type { MediaWorker, WorkerPool } from './worker-pool.ts'

/** Browsers differ in a handful of ways; more signatures than this are somebody's game. */
const MAX_SIGNATURES = 16
/**
 * Where mediasoup advises 500 consumers a worker it speaks of one core; a viewer has two, of which sound hardly counts.
 * Beyond this a worker on a slow core would cost all its viewers pictures.
 */
const MAX_VIEWERS_PER_WORKER = 500
/** So many viewers less make another worker worth an edge of its own: a pipe costs about as much as one viewer. */
const CLEARLY_LESS = 25
const IDLE_EDGE_MS = 30_000

interface Edge {
  readonly media: MediaWorker
  readonly signature: string
  readonly opening: Promise<EdgeRouter>
  viewers: number
  idleTimer: ReturnType<typeof setTimeout> | undefined
}

/** A viewer's place behind an edge router. */
export interface Place {
  readonly edge: EdgeRouter
  /** Idempotent. */
  leave(): void
}

export class Distribution {
  readonly #pool: WorkerPool
  readonly #feed: RtpFeed
  readonly #edges = new Set<Edge>()
  #origin: Promise<OriginRouter> | undefined
  #isClosed = false

  constructor(options: { pool: WorkerPool; feed: RtpFeed }) {
    this.#pool = options.pool
    this.#feed = options.feed
  }

  /** A place for one viewer. Throws `AppError` LIMIT `viewers_full`. */
  async enter(signature: EdgeSignature): Promise<Place> {
    const leastLoaded = await this.#pool.acquire()
    if (this.#isClosed) throw new Error('the distribution is closed')
    const edge = this.#choose(signature, leastLoaded)
    // Counted from before it is open, so that those who come meanwhile are spread, and the edge is not retired.
    const leave = this.#count(edge)
    try {
      return { edge: await edge.opening, leave }
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Idempotent. Resolves when every router is gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    const routers = [...[...this.#edges].map(edge => edge.opening), this.#origin]
    for (const edge of this.#edges) clearTimeout(edge.idleTimer)
    this.#edges.clear()
    this.#origin = undefined
    await Promise.all(routers.map(opening => opening?.then(router => router.close()).catch(() => {})))
  }

  #choose(signature: EdgeSignature, leastLoaded: MediaWorker): Edge {
    const key = Object.values(signature).join(' ')
    const known = [...this.#edges]
      .filter(edge => edge.signature === key && edge.media.sessions < MAX_VIEWERS_PER_WORKER)
      .sort((a, b) => a.media.sessions - b.media.sessions)
    const best = known.find(edge => edge.media.sessions - leastLoaded.sessions < CLEARLY_LESS)
    if (best) return best
    const signatures = new Set([...this.#edges].map(edge => edge.signature))
    const isNew = !signatures.has(key)
    if (leastLoaded.sessions >= MAX_VIEWERS_PER_WORKER || (isNew && signatures.size >= MAX_SIGNATURES))
      throw new AppError('LIMIT', 'viewers_full', 'This stream has all the WebRTC viewers it can have.', {
        retryAfterSeconds: 10,
      })
    return this.#addEdge(key, signature, leastLoaded)
  }

  #count(edge: Edge): () => void {
    edge.viewers++
    edge.media.sessions++
    clearTimeout(edge.idleTimer)
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      edge.viewers--
      edge.media.sessions--
      if (edge.viewers === 0 && !this.#isClosed) this.#retireLater(edge)
    }
  }

  #retireLater(edge: Edge): void {
    const retire = () => edge.opening.then(router => router.close()).catch(() => {})
    edge.idleTimer = setTimeout(retire, IDLE_EDGE_MS)
    edge.idleTimer.unref()
  }

  #addEdge(key: string, signature: EdgeSignature, media: MediaWorker): Edge {
    const opening = this.#open(signature, media)
    const edge: Edge = { media, signature: key, opening, viewers: 0, idleTimer: undefined }
    this.#edges.add(edge)
    const forget = () => {
      clearTimeout(edge.idleTimer)
      this.#edges.delete(edge)
      if (this.#edges.size === 0) this.#closeOrigin()
    }
    opening.then(router => router.closed).then(forget, forget)
    return edge
  }

  async #open(signature: EdgeSignature, media: MediaWorker): Promise<EdgeRouter> {
    const router = await EdgeRouter.open(media, signature, await this.#openOrigin(media))
    if (this.#isClosed) router.close()
    else if (this.#edges.size === 1) this.#feed.openLayers()
    return router
  }

  #openOrigin(media: MediaWorker): Promise<OriginRouter> {
    if (this.#origin) return this.#origin
    const opening = OriginRouter.open(media, this.#feed.layerCount, START_LAYERS)
    this.#origin = opening
    const forget = () => {
      if (this.#origin === opening) this.#origin = undefined
    }
    opening
      .then(origin => {
        if (this.#isClosed) return origin.close()
        this.#feed.attach(origin)
        return origin.closed
      })
      .then(forget, forget)
    return opening
  }

  #closeOrigin(): void {
    this.#origin?.then(origin => origin.close()).catch(() => {})
    this.#origin = undefined
  }
}
