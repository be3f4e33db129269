/**
 * One stream's way into mediasoup: the router that gets every packet from this process, once, whatever number of
 * viewers there is. From here pipe transports carry it to the edge routers, on this worker and on others. A pipe is UDP
 * over the loopback address: a key frame is a burst of hundreds of packets, so its sockets have large buffers, and
 * what is lost all the same (a system may allow only small ones) is asked for again.
 */
import type { DirectTransport, Producer, Router } from 'mediasoup/types'
import type { MediaWorker } from './worker-pool.ts'

/** How packets come in; mediasoup maps payload types and SSRCs to what each router and viewer uses. */
export const inlets = {
  /** The lowest layer's SSRC; each further one has the next. */
  video: { ssrc: 0x51_75_1c_01, payloadType: 96, clockRate: 90_000 },
  /** The first start layer's SSRC; likewise. */
  start: { ssrc: 0x51_75_1b_01, payloadType: 96 },
  audio: { ssrc: 0x51_75_1d_01, payloadType: 97, clockRate: 48_000 },
} as const
/** All tracks' CNAME: what is played in sync. */
export const CNAME = 'sluice'

/** The same on every router, because routers are joined by it; each viewer reads its own in its answer. */
export const videoCodec = {
  mimeType: 'video/H264',
  clockRate: inlets.video.clockRate,
  parameters: { 'packetization-mode': 1, 'level-asymmetry-allowed': 1, 'profile-level-id': '42e01f' },
} as const

export const audioCodec = {
  mimeType: 'audio/opus',
  clockRate: inlets.audio.clockRate,
  channels: 2,
  parameters: { useinbandfec: 0, 'sprop-stereo': 1 },
} as const

/** About a second of a high bit rate; Linux gives what net.core.rmem_max and wmem_max allow. */
const PIPE_BUFFER_BYTES = 2 * 1024 * 1024

/** Ids of the producers that a router has. */
export interface ProducerIds {
  readonly video: string
  readonly audio: string
}

export class OriginRouter {
  /** Resolves when it is gone: closed, or its worker died. */
  readonly closed: Promise<void>
  readonly #router: Router
  readonly #inlet: DirectTransport
  readonly #video: Producer
  readonly #audio: Producer

  private constructor(router: Router, inlet: DirectTransport, video: Producer, audio: Producer) {
    this.#router = router
    this.#inlet = inlet
    this.#video = video
    this.#audio = audio
    this.closed = new Promise(resolve => router.observer.once('close', resolve))
  }

  /** `layerCount`: the layers that the picture may have, lowest first; `startLayers`: those above. */
  static async open(media: MediaWorker, layerCount: number, startLayers = 0): Promise<OriginRouter> {
    const router = await media.worker.createRouter({
      mediaCodecs: [
        { ...audioCodec, kind: 'audio' },
        { ...videoCodec, kind: 'video' },
      ],
    })
    try {
      const inlet = await router.createDirectTransport()
      const encodings = [
        ...Array.from({ length: layerCount }, (_, layer) => ({ ssrc: inlets.video.ssrc + layer })),
        ...Array.from({ length: startLayers }, (_, layer) => ({ ssrc: inlets.start.ssrc + layer })),
      ]
      const { payloadType } = inlets.video
      // No rtcpFeedback: whoever publishes is asked for key frames elsewhere, and nothing is lost on the way here.
      const [video, audio] = await Promise.all([
        inlet.produce({
          kind: 'video',
          rtpParameters: {
            codecs: [{ ...videoCodec, payloadType, rtcpFeedback: [] }],
            encodings,
            rtcp: { cname: CNAME },
          },
        }),
        inlet.produce({
          kind: 'audio',
          rtpParameters: {
            codecs: [{ ...audioCodec, payloadType: inlets.audio.payloadType, rtcpFeedback: [] }],
            encodings: [{ ssrc: inlets.audio.ssrc }],
            rtcp: { cname: CNAME },
          },
        }),
      ])
      return new OriginRouter(router, inlet, video, audio)
    } catch (error) {
      router.close()
      throw error
    }
  }

  get isClosed(): boolean {
    return this.#router.closed
  }

  /** RTP with the payload type and SSRCs of `inlets`. */
  send(kind: 'video' | 'audio', packets: readonly Buffer[]): void {
    if (this.#router.closed) return
    const producer = kind === 'video' ? this.#video : this.#audio
    for (const packet of packets) producer.send(packet)
  }

  sendRtcp(packet: Buffer): void {
    if (!this.#router.closed) this.#inlet.sendRtcp(packet)
  }

  /** Whatever is sent here arrives in `router` too, until one of both closes; its producers there. */
  async pipeTo(router: Router, bufferBytes = PIPE_BUFFER_BYTES): Promise<ProducerIds> {
    const pipe = (producer: Producer) =>
      this.#router.pipeToRouter({
        producerId: producer.id,
        router,
        // A router on the same worker cannot have the same producer ids.
        keepId: false,
        enableSctp: false,
        enableRtx: true,
        listenInfo: {
          protocol: 'udp',
          ip: '127.0.0.1',
          sendBufferSize: bufferBytes,
          recvBufferSize: bufferBytes,
        },
      })
    const [video, audio] = await Promise.all([pipe(this.#video), pipe(this.#audio)])
    if (!video.pipeProducer || !audio.pipeProducer)
      throw new Error('mediasoup made a pipe without a producer')
    return { video: video.pipeProducer.id, audio: audio.pipeProducer.id }
  }

  /** Its transports, producers and pipes close with it. Idempotent. */
  close(): void {
    this.#router.close()
  }
}
