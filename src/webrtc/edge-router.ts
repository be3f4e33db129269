/**
 * One mediasoup router of a stream on one worker, for the viewers there that use the same payload types. mediasoup
 * fixes payload types per router, and a WHEP client chooses its own (versatica/mediasoup#1126), so each such choice
 * gets an edge router, fed by a pipe from the stream's origin router.
 */
import type { Router, RtpCapabilities, WebRtcTransport } from 'mediasoup/types'
import { audioCodec, type OriginRouter, type ProducerIds, videoCodec } from './origin-router.ts'
import type { MediaWorker } from './worker-pool.ts'

/** What viewers behind one edge router have in common. */
export interface EdgeSignature {
  readonly videoPayloadType: number
  readonly audioPayloadType: number
}

/** Where bandwidth is estimated it starts here: a good link needs no search for it, and a bad one shows within a second. */
const FIRST_ESTIMATE_BPS = 3_000_000

export class EdgeRouter {
  /** Resolves when it is gone: closed, its worker died, or the origin is gone. */
  readonly closed: Promise<void>
  readonly #media: MediaWorker
  readonly #router: Router
  readonly #producers: ProducerIds

  private constructor(media: MediaWorker, router: Router, producers: ProducerIds) {
    this.#media = media
    this.#router = router
    this.#producers = producers
    this.closed = new Promise(resolve => router.observer.once('close', resolve))
  }

  /** `bufferBytes`: of the pipe's sockets. */
  static async open(
    media: MediaWorker,
    signature: EdgeSignature,
    origin: OriginRouter,
    bufferBytes?: number,
  ): Promise<EdgeRouter> {
    const router = await media.worker.createRouter({
      // Audio first: mediasoup gives video's RTX the first type that no codec before has taken.
      mediaCodecs: [
        { ...audioCodec, kind: 'audio', preferredPayloadType: signature.audioPayloadType },
        { ...videoCodec, kind: 'video', preferredPayloadType: signature.videoPayloadType },
      ],
    })
    try {
      const edge = new EdgeRouter(media, router, await origin.pipeTo(router, bufferBytes))
      // Its producers have ended, so its viewers are told to come again.
      origin.closed.then(() => edge.close())
      return edge
    } catch (error) {
      router.close()
      throw error
    }
  }

  get isClosed(): boolean {
    return this.#router.closed
  }

  /** What a viewer by server offer can use: everything this router has. */
  get rtpCapabilities(): RtpCapabilities {
    return this.#router.rtpCapabilities
  }

  producerId(kind: 'video' | 'audio'): string {
    return this.#producers[kind]
  }

  createTransport(): Promise<WebRtcTransport> {
    return this.#router.createWebRtcTransport({
      webRtcServer: this.#media.webRtcServer,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      initialAvailableOutgoingBitrate: FIRST_ESTIMATE_BPS,
    })
  }

  /** Its transports, producers and consumers close with it. Idempotent. */
  close(): void {
    this.#router.close()
  }
}
