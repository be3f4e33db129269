/** A stream as WebRTC viewers hold it: their sessions, the routers behind them, and the RTP that feeds those. */
import { AppError } from '../errors.ts'
import type { Broadcast, Sink } from '../live/broadcast.ts'
import type { Output, StreamIdentity } from '../live/output.ts'
import type { Log } from '../log.ts'
import { Distribution } from './distribution.ts'
import type { EdgeSignature } from './edge-router.ts'
import { parseOffer, signatureOf } from './offer.ts'
import { type LayerState, RtpFeed } from './rtp-feed.ts'
import { type Announced, Session } from './session.ts'
import type { Picture } from './viewed-picture.ts'
import { WebrtcSink } from './webrtc-sink.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What viewers by server offer share. */
const SERVER_SIGNATURE: EdgeSignature = { videoPayloadType: 102, audioPayloadType: 111 }
/** A publisher that can be asked for key frames pays for each with bits: a crowd of viewers asks as one. */
const KEY_UNIT_INTERVAL_MS = 1_000
/** What an encoder's rate control lets through for a moment, beside what was asked of it. */
const RUNG_PEAK = 1.5
/** For a picture of unknown bitrate that has nothing below it: it is sent, as it always was. */
const UNLIMITED_BPS = 100_000_000

interface Opened {
  readonly session: Session
  readonly sdp: string
}

export class WebrtcOutput implements Output {
  readonly identity: StreamIdentity
  /** Resolves when every session and router is gone. */
  readonly closed: Promise<void>
  readonly #resolveClosed: () => void
  readonly #log: Log
  readonly #feed: RtpFeed
  readonly #distribution: Distribution
  readonly #sessions = new Map<string, Session>()
  /** Of the sessions whose browser has one, by the session's id. */
  readonly #viewerKeys = new Map<string, string>()
  readonly #picture: Picture
  #broadcast: Broadcast | undefined
  #keyUnitRequestedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  /** `renditions`: names that a ladder may ever make, best first. */
  constructor(options: {
    identity: StreamIdentity
    pool: WorkerPool
    renditions?: readonly string[]
    log: Log
  }) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.identity = options.identity
    this.#log = options.log
    const feed = new RtpFeed(options.renditions ? { renditions: options.renditions } : {})
    this.#feed = feed
    this.#distribution = new Distribution({ pool: options.pool, feed })
    this.#picture = {
      get layers(): readonly LayerState[] {
        return feed.layers
      },
      hasRenditions: () => (this.#broadcast?.rungs.length ?? 0) > 0,
      floorBps: layer => this.#floorBps(layer),
      requestKeyUnit: () => this.#requestKeyUnit(),
      join: follow => feed.join(follow),
    }
  }

  get viewerCount(): number {
    let count = 0
    for (const session of this.#sessions.values()) if (session.isConnected) count++
    return count
  }

  *viewerKeys(): Generator<string> {
    for (const { id, isConnected } of this.#sessions.values())
      if (isConnected) yield this.#viewerKeys.get(id) ?? id
  }

  attach(broadcast: Broadcast): Sink {
    this.#broadcast = broadcast
    return new WebrtcSink({ broadcast, feed: this.#feed, log: this.#log })
  }

  /** A session for a client's SDP offer, or, without one, for an offer by us. Throws `AppError` LIMIT `viewers_full`. */
  async openSession(
    offerSdp: string | undefined,
    announced: Announced,
    kinds?: readonly ('video' | 'audio')[],
    viewerKey?: string,
  ): Promise<Opened> {
    if (this.#isClosed) throw notLive()
    const offer = offerSdp === undefined ? undefined : parseOffer(offerSdp)
    try {
      const place = await this.#distribution.enter(offer ? signatureOf(offer) : SERVER_SIGNATURE)
      const options = { edge: place.edge, announced, picture: this.#picture }
      const opening = offer ? Session.answering(offer, options) : Session.offering(options, kinds)
      const opened = await opening.catch(error => {
        place.leave()
        throw error
      })
      if (viewerKey !== undefined) this.#viewerKeys.set(opened.session.id, viewerKey)
      this.#keep(opened.session, () => place.leave())
      return opened
    } catch (error) {
      // What was being opened has been closed under it.
      throw this.#isClosed ? notLive() : error
    }
  }

  findSession(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const session of this.#sessions.values()) session.close()
    await this.#distribution.close()
    this.#resolveClosed()
  }

  #keep(session: Session, leave: () => void): void {
    session.closed.then(() => {
      this.#sessions.delete(session.id)
      this.#viewerKeys.delete(session.id)
      leave()
    })
    this.#sessions.set(session.id, session)
    if (!this.#isClosed) return
    session.close()
    throw notLive()
  }

  #floorBps(layer: number): number {
    const rung = this.#broadcast?.rungs.find(each => each.name === this.#feed.layerNames[layer])
    return rung ? Math.round(rung.bitrateBps * RUNG_PEAK) : UNLIMITED_BPS
  }

  #requestKeyUnit(): void {
    const now = performance.now()
    if (now - this.#keyUnitRequestedAt < KEY_UNIT_INTERVAL_MS) return
    this.#keyUnitRequestedAt = now
    this.#broadcast?.requestKeyUnit()
  }
}

export function notLive(): AppError {
  return new AppError('CONFLICT', 'channel_not_live', 'This channel is not live now.', {
    retryAfterSeconds: 3,
  })
}
