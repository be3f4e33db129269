/** One publisher over WHIP, from its offer to its end; one that sends nothing is reaped. */
import { ProtocolError } from '../../media/protocol-error.ts'
import type { AppError } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { Publication, Publisher, PublishRequest } from '../live/publication.ts'
import type { Log } from '../log.ts'
import { IceResource } from './ice.ts'
import type { Announced } from './session.ts'
import { writeWhipAnswer } from './whip-answer.ts'
import { WhipFeed } from './whip-feed.ts'
import { KeyFrameRequests } from './whip-key-frames.ts'
import type { WhipOffer } from './whip-offer.ts'
import { WhipReceiver } from './whip-receiver.ts'
import type { WorkerPool } from './worker-pool.ts'

export interface WhipSessionOptions {
  readonly request: PublishRequest & { readonly slug: string }
  readonly offer: WhipOffer
  readonly announced: Announced
  /** What the encoder calls itself. */
  readonly software: string
  readonly live: Pick<Live, 'publish'>
  readonly pool: Pick<WorkerPool, 'acquire'>
  readonly log: Log
  /** How long no media may come, before DTLS and after; twice as long, no key frame to begin with. Default 10 s. */
  readonly idleMs?: number | undefined
}

const IDLE_MS = 10_000
const TICK_MS = 250

export class WhipSession implements Publisher {
  /** Resolves when it is gone, by whomever. */
  readonly closed: Promise<void>
  readonly software: string
  readonly #resolveClosed: () => void
  readonly #options: WhipSessionOptions
  readonly #log: Log
  readonly #keyFrames: KeyFrameRequests
  readonly #ticks: ReturnType<typeof setInterval>
  readonly #startedAt = performance.now()
  #publication: Publication | undefined
  #receiver: WhipReceiver | undefined
  #feed: WhipFeed | undefined
  #ice: IceResource | undefined
  #remoteAddress = 'unknown'
  #lastMediaAt = 0
  #connectedAt: number | undefined
  #end: { isOrderly: boolean; cause: Error | undefined } | undefined

  private constructor(options: WhipSessionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    this.#log = options.log.child({ slug: options.request.slug })
    this.software = options.software
    this.#keyFrames = new KeyFrameRequests(() => this.#receiver?.requestKeyFrame(), 0)
    this.#ticks = setInterval(() => this.#tick(), TICK_MS)
  }

  /**
   * Asks the live session, then opens the transport; with the answer's SDP. Throws what `Live.publish` throws, and
   * `AppError` INVALID `offer_unsupported`.
   */
  static async open(options: WhipSessionOptions): Promise<{ session: WhipSession; sdp: string }> {
    const session = new WhipSession(options)
    try {
      return { session, sdp: await session.#open() }
    } catch (error) {
      // Nothing was sent yet that a stream could wait for.
      session.#leave(true)
      throw error
    }
  }

  get isClosed(): boolean {
    return this.#end !== undefined
  }

  /** Its URL's last part. */
  get id(): string {
    return this.#ice!.id
  }

  get etag(): string {
    return this.#ice!.etag
  }

  /** Known from when ICE has connected. */
  get remoteAddress(): string {
    return this.#remoteAddress
  }

  isRestartedBy(iceUfrag: string): boolean {
    return iceUfrag !== this.#ice!.remoteUfrag
  }

  restartIce(iceUfrag: string): Promise<string> {
    return this.#ice!.restart(iceUfrag, this.#options.offer.media[0]!)
  }

  requestKeyFrame(): void {
    this.#keyFrames.request(this.#now())
  }

  /** WHIP has no words for it: the DTLS connection is closed, which encoders show as disconnected. */
  disconnect(reason: AppError): void {
    this.#leave(false, reason)
  }

  /** The publisher said that it is done. Idempotent. */
  close(): void {
    this.#leave(true)
  }

  async #open(): Promise<string> {
    const { live, pool, request, offer, announced } = this.#options
    this.#publication = await live.publish(request, this)
    this.#assertOpen()
    this.#feed = new WhipFeed({
      publication: this.#publication,
      hasAudio: offer.media.some(media => media.kind === 'audio'),
      onKeyFrameNeeded: () => this.requestKeyFrame(),
      onKeyFrame: () => this.#keyFrames.arrived(this.#now()),
    })
    const feed = this.#feed
    const receiver = await WhipReceiver.open(await pool.acquire(), offer, {
      packet: (kind, packet) => this.#guard(() => feed.packet(kind, packet, this.#mediaArrived())),
      report: (kind, report) => this.#guard(() => feed.report(kind, report)),
    })
    this.#adopt(receiver)
    this.#assertOpen()
    this.#ice = new IceResource(receiver.transport, announced)
    this.#ice.remoteUfrag = offer.iceUfrag
    this.#log.info({ software: this.software }, 'WHIP publisher accepted')
    return writeWhipAnswer(receiver.transport, offer, this.#ice.candidates)
  }

  /** The live session may have disconnected it while something was awaited. */
  #assertOpen(): void {
    if (!this.#end) return
    this.#receiver?.close()
    this.#publication?.leave(this.#end)
    throw this.#end.cause ?? new Error('the session was closed while it opened')
  }

  #adopt(receiver: WhipReceiver): void {
    this.#receiver = receiver
    this.#mediaArrived()
    void receiver.closed.then(() => this.#leave(false, new Error('the WebRTC worker died')))
    receiver.transport.on('iceselectedtuplechange', ({ remoteIp }) => {
      this.#remoteAddress = remoteIp ?? this.#remoteAddress
    })
    receiver.transport.on('icestatechange', state => {
      if (state === 'disconnected' || state === 'closed') this.#leave(false, new Error(`ICE ${state}`))
    })
    receiver.transport.on('dtlsstatechange', state => {
      if (state === 'connected') this.#connectedAt = this.#mediaArrived()
      else if (state === 'failed' || state === 'closed') this.#leave(false, new Error(`DTLS ${state}`))
    })
  }

  /** Milliseconds since the session began. */
  #now(): number {
    return performance.now() - this.#startedAt
  }

  #mediaArrived(): number {
    this.#lastMediaAt = this.#now()
    return this.#lastMediaAt
  }

  #tick(): void {
    if (!this.#receiver) return
    const { idleMs = IDLE_MS } = this.#options
    const now = this.#now()
    if (now - this.#lastMediaAt > idleMs) this.#leave(false, new Error(`no media for ${idleMs} ms`))
    else if (!this.#feed?.isStarted && now - (this.#connectedAt ?? now) > 2 * idleMs)
      this.#leave(false, new Error(`no key frame for ${2 * idleMs} ms`))
    else this.#keyFrames.tick(now)
  }

  /** Runs a callback of mediasoup; a throw ends this session and nothing else. */
  #guard(work: () => void): void {
    if (this.#end) return
    try {
      work()
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      if (!(error instanceof ProtocolError)) this.#log.error({ err: cause }, 'a WHIP session failed')
      this.#leave(false, cause)
    }
  }

  #leave(isOrderly: boolean, cause?: Error): void {
    if (this.#end) return
    this.#end = { isOrderly, cause }
    clearInterval(this.#ticks)
    this.#receiver?.close()
    this.#publication?.leave(this.#end)
    this.#log.info({ reason: cause?.message }, 'WHIP publisher left')
    this.#resolveClosed()
  }
}
