/**
 * One mediasoup router of a stream, for all viewers that use the same payload types. mediasoup fixes payload types
 * per router, and a WHEP client chooses its own (versatica/mediasoup#1126), so each such choice gets an edge router,
 * fed with the same packets.
 */
import type { DirectTransport, Producer, Router, RtpCapabilities, WebRtcTransport } from 'mediasoup/types'
import type { MediaWorker } from './worker-pool.ts'

/** What viewers behind one edge router have in common. */
export interface EdgeSignature {
  readonly videoPayloadType: number
  /** RFC 6184 8.1, as the client wrote it. */
  readonly profileLevelId: string
  readonly audioPayloadType: number
}

/** How packets come in; mediasoup maps payload type and SSRC to what each router and viewer uses. */
export const inlets = {
  video: { ssrc: 0x51_75_1c_01, payloadType: 96, clockRate: 90_000 },
  audio: { ssrc: 0x51_75_1c_02, payloadType: 97, clockRate: 48_000 },
} as const
/** Both tracks' CNAME: what is played in sync. */
export const CNAME = 'sluice'

export class EdgeRouter {
  /** Resolves when it is gone: closed, or its worker died. */
  readonly closed: Promise<void>
  readonly signature: EdgeSignature
  readonly #media: MediaWorker
  readonly #router: Router
  readonly #inlet: DirectTransport
  readonly #video: Producer
  readonly #audio: Producer

  private constructor(
    signature: EdgeSignature,
    media: MediaWorker,
    router: Router,
    inlet: DirectTransport,
    video: Producer,
    audio: Producer,
  ) {
    this.signature = signature
    this.#media = media
    this.#router = router
    this.#inlet = inlet
    this.#video = video
    this.#audio = audio
    this.closed = new Promise(resolve => router.observer.once('close', resolve))
  }

  static async open(media: MediaWorker, signature: EdgeSignature): Promise<EdgeRouter> {
    const video = videoCodec(signature)
    const audio = audioCodec()
    const router = await media.worker.createRouter({
      // Audio first: mediasoup gives video's RTX the first type that no codec before has taken.
      mediaCodecs: [
        { ...audio, kind: 'audio', preferredPayloadType: signature.audioPayloadType },
        { ...video, kind: 'video', preferredPayloadType: signature.videoPayloadType },
      ],
    })
    try {
      const inlet = await router.createDirectTransport()
      // No rtcpFeedback: a key frame cannot be asked of an RTMP publisher.
      const videoProducer = await inlet.produce({
        kind: 'video',
        rtpParameters: {
          codecs: [{ ...video, payloadType: inlets.video.payloadType, rtcpFeedback: [] }],
          encodings: [{ ssrc: inlets.video.ssrc }],
          rtcp: { cname: CNAME },
        },
      })
      const audioProducer = await inlet.produce({
        kind: 'audio',
        rtpParameters: {
          codecs: [{ ...audio, payloadType: inlets.audio.payloadType, rtcpFeedback: [] }],
          encodings: [{ ssrc: inlets.audio.ssrc }],
          rtcp: { cname: CNAME },
        },
      })
      return new EdgeRouter(signature, media, router, inlet, videoProducer, audioProducer)
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

  /** RTP with the payload type and SSRC of `inlets`. */
  send(kind: 'video' | 'audio', packets: readonly Buffer[]): void {
    if (this.#router.closed) return
    const producer = kind === 'video' ? this.#video : this.#audio
    for (const packet of packets) producer.send(packet)
  }

  sendRtcp(packet: Buffer): void {
    if (!this.#router.closed) this.#inlet.sendRtcp(packet)
  }

  producerId(kind: 'video' | 'audio'): string {
    return kind === 'video' ? this.#video.id : this.#audio.id
  }

  createTransport(): Promise<WebRtcTransport> {
    return this.#router.createWebRtcTransport({
      webRtcServer: this.#media.webRtcServer,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
    })
  }

  /** Its transports, producers and consumers close with it. Idempotent. */
  close(): void {
    this.#router.close()
  }
}

function videoCodec(signature: EdgeSignature) {
  return {
    mimeType: 'video/H264',
    clockRate: 90_000,
    parameters: {
      'packetization-mode': 1,
      'level-asymmetry-allowed': 1,
      'profile-level-id': signature.profileLevelId,
    },
  }
}

function audioCodec() {
  return {
    mimeType: 'audio/opus',
    clockRate: 48_000,
    channels: 2,
    parameters: { useinbandfec: 0, 'sprop-stereo': 1 },
  }
}
