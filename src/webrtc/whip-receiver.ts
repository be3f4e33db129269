/** Hides mediasoup on a publisher's side: its WebRTC transport in, and its RTP packets out to this process. */
import type { Consumer, DirectTransport, Producer, Router, WebRtcTransport } from 'mediasoup/types'
import { type ClockReport, ntpToMs } from '../../media/rtp/depacketize-timeline.ts'
import { type PublishedMedia, unsupported, type WhipOffer } from './whip-offer.ts'
import type { MediaWorker } from './worker-pool.ts'

/** What congestion control may let a publisher send: a good 1080p60, with room for its key frames. */
const MAX_INCOMING_BITRATE_BPS = 8_000_000

type Kind = 'video' | 'audio'

/** Who takes what comes in; called synchronously, in the order of arrival. */
export interface RtpTaker {
  packet(kind: Kind, packet: Uint8Array): void
  report(kind: Kind, report: ClockReport): void
}

export class WhipReceiver {
  /** Resolves when it is gone: closed, or its worker died. */
  readonly closed: Promise<void>
  readonly transport: WebRtcTransport
  readonly #router: Router
  readonly #outlet: DirectTransport
  #video: Consumer | undefined

  private constructor(router: Router, transport: WebRtcTransport, outlet: DirectTransport) {
    this.#router = router
    this.transport = transport
    this.#outlet = outlet
    this.closed = new Promise(resolve => router.observer.once('close', resolve))
  }

  /** A router of its own: payload types and header extensions are the publisher's. */
  static async open(media: MediaWorker, offer: WhipOffer, taker: RtpTaker): Promise<WhipReceiver> {
    media.sessions++
    const router = await openRouter(media, offer).catch(error => {
      media.sessions--
      throw error
    })
    router.observer.once('close', () => media.sessions--)
    try {
      const transport = await router.createWebRtcTransport({
        webRtcServer: media.webRtcServer,
        enableUdp: true,
        enableTcp: true,
        preferUdp: true,
      })
      await transport.setMaxIncomingBitrate(MAX_INCOMING_BITRATE_BPS)
      await transport.connect({ dtlsParameters: offer.dtls })
      const receiver = new WhipReceiver(router, transport, await router.createDirectTransport())
      for (const each of offer.media) await receiver.#receive(each, taker)
      return receiver
    } catch (error) {
      router.close()
      throw error
    }
  }

  get isClosed(): boolean {
    return this.#router.closed
  }

  /** Asks the publisher by PLI. */
  requestKeyFrame(): void {
    // It may be gone before the worker reads this; then there is nobody to ask.
    this.#video?.requestKeyFrame().catch(() => {})
  }

  /** Everything of it closes with the router. Idempotent. */
  close(): void {
    this.#router.close()
  }

  async #receive({ kind, rtp }: PublishedMedia, taker: RtpTaker): Promise<void> {
    const producer = await this.transport.produce({ kind, rtpParameters: rtp }).catch(error => {
      if (this.isClosed) throw error
      // What only mediasoup finds: two sections with one source, say.
      throw unsupported(`The offer cannot be served: ${error.message}.`)
    })
    await this.#watchReports(producer, report => taker.report(kind, report))
    const codecs = this.#router.rtpCapabilities.codecs!.filter(codec => !codec.mimeType.endsWith('/rtx'))
    const consumer = await this.#outlet.consume({
      producerId: producer.id,
      rtpCapabilities: { codecs, headerExtensions: [] },
      enableRtx: false,
    })
    consumer.on('rtp', packet => taker.packet(kind, packet))
    if (kind === 'video') this.#video = consumer
  }

  /** The publisher's own reports: mediasoup leaves its time stamps as they are for a consumer of one layer. */
  async #watchReports(producer: Producer, take: (report: ClockReport) => void): Promise<void> {
    producer.on('trace', ({ type, info }) => {
      if (type !== 'sr') return
      const wallTimeMs = ntpToMs(Number(info['ntpSec']), Number(info['ntpFrac']))
      if (wallTimeMs !== undefined) take({ wallTimeMs, rtpTimestamp: Number(info['rtpTs']) })
    })
    await producer.enableTraceEvent(['sr'])
  }
}

function openRouter({ worker }: MediaWorker, { media }: WhipOffer): Promise<Router> {
  return worker.createRouter({ mediaCodecs: media.map(routerCodec) })
}

function routerCodec({ kind, rtp }: PublishedMedia) {
  const { mimeType, clockRate, channels, parameters } = rtp.codecs[0]!
  return {
    kind,
    mimeType,
    clockRate,
    ...(channels !== undefined && { channels }),
    parameters: parameters ?? {},
  }
}
