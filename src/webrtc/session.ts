/** One viewer's WebRTC connection, from its offer to its end; one that never connects is reaped. */
import type { IceCandidate, RtpCapabilities, WebRtcTransport } from 'mediasoup/types'
import { AppError } from '../errors.ts'
import type { EdgeRouter } from './edge-router.ts'
import { type Offer, parseAnswer } from './offer.ts'
import { type SentMedia, writeAnswer, writeFragment, writeOffer } from './sdp.ts'

/** mediasoup waits for ever; a client that has not finished DTLS by then will not come. */
const CONNECT_DEADLINE_MS = 10_000
/** Header extensions that server offers carry: BUNDLE's MID and what congestion control needs. */
const EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
])

/** The addresses at which the viewer can reach this server, best first. */
export type Announced = readonly string[]

export class Session {
  /** Unguessable: whoever knows it may change or end the session. */
  readonly id = randomId()
  /** Resolves when it is gone, by whomever. */
  readonly closed: Promise<void>
  readonly #transport: WebRtcTransport
  readonly #announced: Announced
  readonly #deadline: ReturnType<typeof setTimeout>
  /** The first one carries the transport that all others are bundled into. */
  readonly #sent: SentMedia[] = []
  #etag = randomId()
  #remoteUfrag: string | undefined
  #isConnected = false

  private constructor(transport: WebRtcTransport, announced: Announced, connectDeadlineMs: number) {
    this.#transport = transport
    this.#announced = announced
    this.#deadline = setTimeout(() => this.close(), connectDeadlineMs)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    transport.observer.once('close', () => {
      clearTimeout(this.#deadline)
      resolve()
    })
    transport.on('icestatechange', state => {
      if (state === 'disconnected' || state === 'closed') this.close()
    })
  }

  /** The client offers (WHEP draft 4.2): returns the answer's SDP too. */
  static async answering(
    edge: EdgeRouter,
    offer: Offer,
    announced: Announced,
    connectDeadlineMs = CONNECT_DEADLINE_MS,
  ): Promise<{ session: Session; sdp: string }> {
    const { session, transport } = await Session.#open(edge, announced, connectDeadlineMs)
    try {
      session.#remoteUfrag = offer.iceUfrag
      await transport.connect({ dtlsParameters: offer.dtls })
      for (const { kind, mid, payloadType } of offer.media)
        if (
          payloadType !== undefined &&
          (kind === 'video' || kind === 'audio') &&
          !session.#sent.some(media => media.kind === kind)
        )
          await session.#send(edge, kind, mid, clientCapabilities(edge))
      return { session, sdp: writeAnswer(transport, offer, session.#sent, session.#candidates()) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  /** The server offers: RTX and congestion control stay, as mediasoup chooses every payload type itself. */
  static async offering(
    edge: EdgeRouter,
    announced: Announced,
    kinds: readonly ('video' | 'audio')[] = ['video', 'audio'],
    connectDeadlineMs = CONNECT_DEADLINE_MS,
  ): Promise<{ session: Session; sdp: string }> {
    const { session, transport } = await Session.#open(edge, announced, connectDeadlineMs)
    try {
      for (const [index, kind] of kinds.entries())
        await session.#send(edge, kind, String(index), serverCapabilities(edge))
      return { session, sdp: writeOffer(transport, session.#sent, session.#candidates()) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  static async #open(edge: EdgeRouter, announced: Announced, connectDeadlineMs: number) {
    const transport = await edge.createTransport()
    return { session: new Session(transport, announced, connectDeadlineMs), transport }
  }

  /** Media flows to the viewer. */
  get isConnected(): boolean {
    return this.#isConnected && !this.#transport.closed
  }

  /** Strong, changed by an ICE restart (RFC 9725 4.3.1). */
  get etag(): string {
    return `"${this.#etag}"`
  }

  /** The client's answer to our offer. Throws `AppError` CONFLICT when it was answered before. */
  async accept(answer: string): Promise<void> {
    const { dtls, iceUfrag } = parseAnswer(answer)
    try {
      await this.#transport.connect({ dtlsParameters: dtls })
    } catch {
      throw new AppError('CONFLICT', 'already_answered', 'This offer has been answered already.')
    }
    this.#remoteUfrag = iceUfrag
  }

  /** Whether these credentials are not the ones that the client uses now. */
  isRestartedBy(iceUfrag: string): boolean {
    return iceUfrag !== this.#remoteUfrag
  }

  /** New ICE credentials, as the client has taken new ones itself; the fragment for the client. */
  async restartIce(iceUfrag: string): Promise<string> {
    await this.#transport.restartIce()
    this.#remoteUfrag = iceUfrag
    this.#etag = randomId()
    return writeFragment(this.#transport, this.#sent[0]!, this.#candidates())
  }

  /** Idempotent. */
  close(): void {
    this.#transport.close()
  }

  /** Starts paused: what is sent before DTLS is done is lost, and with it the first key frame. */
  async #send(
    edge: EdgeRouter,
    kind: 'video' | 'audio',
    mid: string,
    rtpCapabilities: RtpCapabilities,
  ): Promise<void> {
    const consumer = await this.#transport.consume({
      producerId: edge.producerId(kind),
      rtpCapabilities,
      paused: true,
      mid,
      // For clients' offers too, though they negotiate no RTX codec: it keeps NACK (RFC 4585 6.2.1).
      enableRtx: true,
    })
    this.#transport.on('dtlsstatechange', state => {
      if (state === 'connected') void this.#connected(() => consumer.resume())
      else if (state === 'failed' || state === 'closed') this.close()
    })
    this.#sent.push({ kind, mid, rtp: consumer.rtpParameters })
  }

  async #connected(resume: () => Promise<void>): Promise<void> {
    clearTimeout(this.#deadline)
    this.#isConnected = true
    // It may close while the request is under way; then there is nothing to resume.
    await resume().catch(() => {})
  }

  /** Where the server listens on every address, the candidates are those that the viewer can reach. */
  #candidates(): IceCandidate[] {
    return reachableCandidates(this.#transport, this.#announced)
  }
}

/** Where `transport` can be reached from outside: its ports at each announced address. */
export function reachableCandidates(
  { iceCandidates }: WebRtcTransport,
  announced: Announced,
): IceCandidate[] {
  return announced.flatMap((address, index) =>
    iceCandidates.map(candidate => ({
      ...candidate,
      address,
      ip: address,
      foundation: `${candidate.foundation}${index}`,
      priority: candidate.priority - index,
    })),
  )
}

/** A client's payload types are the edge's; extensions are left out, since their ids are the client's too. */
function clientCapabilities(edge: EdgeRouter): RtpCapabilities {
  const codecs = edge.rtpCapabilities.codecs!.filter(codec => !codec.mimeType.toLowerCase().endsWith('/rtx'))
  return {
    codecs: codecs.map(codec => ({ ...codec, rtcpFeedback: feedbackWithoutTransportCc(codec.rtcpFeedback) })),
    headerExtensions: [],
  }
}

function serverCapabilities(edge: EdgeRouter): RtpCapabilities {
  const { codecs, headerExtensions } = edge.rtpCapabilities
  return {
    ...(codecs && { codecs }),
    headerExtensions: headerExtensions!.filter(extension => EXTENSIONS.has(extension.uri)),
  }
}

/** Without the header extension there is nothing to give feedback on. */
function feedbackWithoutTransportCc<T extends { type: string }>(feedback: T[] | undefined): T[] {
  return (feedback ?? []).filter(each => each.type !== 'transport-cc' && each.type !== 'goog-remb')
}

/** Unguessable, for URLs and ETags. */
export function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString('base64url')
}
