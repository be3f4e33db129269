/** One viewer's WebRTC connection, from its offer to its end; one that never connects is reaped. */
import type { Consumer, RtpCapabilities, WebRtcTransport } from 'mediasoup/types'
import { AppError } from '../errors.ts'
import { Bandwidth } from './bandwidth.ts'
import { clientCapabilities, serverCapabilities } from './capabilities.ts'
import type { EdgeRouter } from './edge-router.ts'
import { IceResource } from './ice.ts'
import { type Offer, parseAnswer } from './offer.ts'
import { type SentMedia, withProfile, writeAnswer, writeOffer } from './sdp.ts'
import { type LayerReport, type Picture, ViewedPicture } from './viewed-picture.ts'

/** mediasoup waits for ever; a client that has not finished DTLS by then will not come. */
const CONNECT_DEADLINE_MS = 10_000
/** The addresses at which the viewer can reach this server, best first. */
export type Announced = readonly string[]

interface SessionOptions {
  readonly edge: EdgeRouter
  readonly announced: Announced
  readonly picture: Picture
  readonly connectDeadlineMs?: number
}

export class Session {
  /** Resolves when it is gone, by whomever. */
  readonly closed: Promise<void>
  /** What its viewer was let in by; undefined: everybody may watch. */
  token: string | undefined
  readonly #transport: WebRtcTransport
  readonly #ice: IceResource
  readonly #picture: Picture
  readonly #bandwidth: Bandwidth
  readonly #deadline: ReturnType<typeof setTimeout>
  /** The first one carries the transport that all others are bundled into. */
  readonly #sent: SentMedia[] = []
  /** Undefined without a picture. */
  #viewed: ViewedPicture | undefined
  #isConnected = false

  private constructor(transport: WebRtcTransport, options: SessionOptions) {
    this.#transport = transport
    this.#ice = new IceResource(transport, options.announced)
    this.#picture = options.picture
    this.#bandwidth = new Bandwidth(transport)
    this.#deadline = setTimeout(() => this.close(), options.connectDeadlineMs ?? CONNECT_DEADLINE_MS)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    transport.observer.once('close', () => {
      clearTimeout(this.#deadline)
      this.#viewed?.close()
      this.#bandwidth.stop()
      resolve()
    })
    transport.on('icestatechange', state => {
      if (state === 'disconnected' || state === 'closed') this.close()
    })
  }

  /** The client offers (WHEP draft 4.2): returns the answer's SDP too. */
  static async answering(offer: Offer, options: SessionOptions): Promise<{ session: Session; sdp: string }> {
    const { session, transport } = await Session.#open(options)
    try {
      session.#ice.remoteUfrag = offer.iceUfrag
      await transport.connect({ dtlsParameters: offer.dtls })
      for (const { kind, mid, payloadType, profileLevelId } of offer.media)
        if (
          payloadType !== undefined &&
          (kind === 'video' || kind === 'audio') &&
          !session.#sent.some(media => media.kind === kind)
        )
          await session.#send(
            options.edge,
            { kind, mid, profileLevelId },
            clientCapabilities(options.edge.rtpCapabilities),
          )
      return { session, sdp: writeAnswer(transport, offer, session.#sent, session.#ice.candidates) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  /**
   * The server offers: RTX stays, as mediasoup chooses every payload type itself, and so does congestion control where
   * there is something to choose between.
   */
  static async offering(
    options: SessionOptions,
    kinds: readonly ('video' | 'audio')[] = ['video', 'audio'],
  ): Promise<{ session: Session; sdp: string }> {
    const { session, transport } = await Session.#open(options)
    try {
      for (const [index, kind] of kinds.entries())
        await session.#send(
          options.edge,
          { kind, mid: String(index) },
          serverCapabilities(options.edge.rtpCapabilities, options.picture.hasRenditions()),
        )
      return { session, sdp: writeOffer(transport, session.#sent, session.#ice.candidates) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  static async #open(options: SessionOptions) {
    const transport = await options.edge.createTransport()
    return { session: new Session(transport, options), transport }
  }

  /** Media flows to the viewer. */
  get isConnected(): boolean {
    return this.#isConnected && !this.#transport.closed
  }

  /** Its URL's last part: unguessable. */
  get id(): string {
    return this.#ice.id
  }

  /** Strong, changed by an ICE restart (RFC 9725 4.3.1). */
  get etag(): string {
    return this.#ice.etag
  }

  /** The client's answer to our offer. Throws `AppError` CONFLICT when it was answered before. */
  async accept(answer: string): Promise<void> {
    const { dtls, iceUfrag } = parseAnswer(answer)
    try {
      await this.#transport.connect({ dtlsParameters: dtls })
    } catch {
      throw new AppError('CONFLICT', 'already_answered', 'This offer has been answered already.')
    }
    this.#ice.remoteUfrag = iceUfrag
  }

  /** Whether these credentials are not the ones that the client uses now. */
  isRestartedBy(iceUfrag: string): boolean {
    return iceUfrag !== this.#ice.remoteUfrag
  }

  /** New ICE credentials, as the client has taken new ones itself; the fragment for the client. */
  restartIce(iceUfrag: string): Promise<string> {
    return this.#ice.restart(iceUfrag, this.#sent[0]!)
  }

  /** Throws `AppError` NOT_FOUND `no_picture` for a session of sound alone. */
  get layers(): LayerReport {
    return this.#viewedPicture.report
  }

  /** As `ViewedPicture.pin`. Throws `AppError` INVALID `layer_unknown`, NOT_FOUND `no_picture`. */
  pinLayer(encodingId: string | null): void {
    this.#viewedPicture.pin(encodingId)
  }

  /** Idempotent. */
  close(): void {
    this.#transport.close()
  }

  /** Starts paused: what is sent before DTLS is done is lost, and with it the first key frame. */
  async #send(
    edge: EdgeRouter,
    {
      kind,
      mid,
      profileLevelId,
    }: { kind: 'video' | 'audio'; mid: string; profileLevelId?: string | undefined },
    rtpCapabilities: RtpCapabilities,
  ): Promise<void> {
    const picture = this.#picture
    const consumer = await this.#transport.consume({
      producerId: edge.producerId(kind),
      rtpCapabilities,
      paused: true,
      mid,
      // For clients' offers too, though they negotiate no RTX codec: it keeps NACK (RFC 4585 6.2.1).
      enableRtx: true,
      ...(kind === 'video' && { preferredLayers: { spatialLayer: 0 } }),
    })
    if (kind === 'video') this.#viewed = new ViewedPicture({ consumer, picture, bandwidth: this.#bandwidth })
    this.#transport.on('dtlsstatechange', state => {
      if (state === 'connected') void this.#connected(consumer)
      else if (state === 'failed' || state === 'closed') this.close()
    })
    this.#sent.push({ kind, mid, rtp: withProfile(consumer.rtpParameters, profileLevelId) })
  }

  get #viewedPicture(): ViewedPicture {
    if (this.#viewed) return this.#viewed
    throw new AppError('NOT_FOUND', 'no_picture', 'This session has no picture to choose a layer of.')
  }

  async #connected(consumer: Consumer): Promise<void> {
    clearTimeout(this.#deadline)
    this.#isConnected = true
    // It may close while the request is under way; then there is nothing to resume.
    if (consumer.kind === 'audio') await consumer.resume().catch(() => {})
    else await this.#viewed?.begin()
  }
}
