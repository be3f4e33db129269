/** A publisher's RTP on its way into a publication: packets to access units, tracks as they become known and change. */
import type { AccessUnit, AudioTrack, Tracks } from '../../media/access-unit.ts'
import { opusPacketSamples, opusTrack } from '../../media/codecs/opus.ts'
import { type OrderedPacket, PacketOrder, readRtpPacket } from '../../media/rtp/depacketize.ts'
import { H264Depacketizer, type H264Frame } from '../../media/rtp/depacketize-h264.ts'
import { type ClockReport, RtpTimeline } from '../../media/rtp/depacketize-timeline.ts'
import type { Publication } from '../live/publication.ts'

/** A retransmission takes the way there and back: worth waiting for, as the alternative is a new key frame. */
const VIDEO_WAIT_MS = 200
/** Sound is not sent again; a hole in it is heard less than a stop. */
const AUDIO_WAIT_MS = 40
/** How long the picture waits for announced sound. */
const FIRST_AUDIO_WAIT_MS = 1_000

interface WhipFeedOptions {
  readonly publication: Pick<Publication, 'start'>
  /** Sound was negotiated. */
  readonly hasAudio: boolean
  /** Nothing goes on without a key frame now. */
  readonly onKeyFrameNeeded: () => void
  readonly onKeyFrame: () => void
}

/**
 * Nothing is held back for tracks to become known: it starts at a key frame, and one can be asked for. Holds at most
 * 1,024 packets of each kind for their order.
 */
export class WhipFeed {
  readonly #options: WhipFeedOptions
  readonly #timeline = new RtpTimeline()
  readonly #videoOrder = new PacketOrder({ waitMs: VIDEO_WAIT_MS })
  readonly #audioOrder = new PacketOrder({ waitMs: AUDIO_WAIT_MS })
  readonly #depacketizer = new H264Depacketizer()
  #audio: AudioTrack | undefined
  #firstKeyFrameAt: number | undefined
  #tracks: Tracks | undefined
  #writer: { write(unit: AccessUnit): void } | undefined

  constructor(options: WhipFeedOptions) {
    this.#options = options
  }

  get isStarted(): boolean {
    return this.#writer !== undefined
  }

  /** Takes one RTP packet that arrived `nowMs` after the session began. Throws `ProtocolError`. */
  packet(kind: 'video' | 'audio', packet: Uint8Array, nowMs: number): void {
    const parsed = readRtpPacket(packet)
    if (kind === 'video') {
      for (const each of this.#videoOrder.push(parsed, nowMs))
        for (const frame of this.#depacketizer.push(each)) this.#onFrame(frame, nowMs)
      if (this.#depacketizer.isWaitingForKey) this.#options.onKeyFrameNeeded()
    } else {
      for (const each of this.#audioOrder.push(parsed, nowMs)) this.#onSound(each, nowMs)
    }
  }

  /** Takes one RTCP sender report. */
  report(kind: 'video' | 'audio', report: ClockReport): void {
    this.#timeline.report(kind, report)
  }

  #onFrame({ timestamp, isKey, track, data }: H264Frame, nowMs: number): void {
    const pts = this.#timeline.place('video', timestamp, nowMs)
    if (pts === undefined) return
    if (isKey) {
      this.#firstKeyFrameAt ??= nowMs
      this.#options.onKeyFrame()
      const isChanged = track !== this.#tracks?.video || this.#audio !== this.#tracks.audio
      if (isChanged && (this.#audio || !this.#isAudioAwaited(this.#firstKeyFrameAt, nowMs))) {
        this.#tracks = this.#audio ? { video: track, audio: this.#audio } : { video: track }
        this.#writer = this.#options.publication.start(this.#tracks)
      }
    }
    // WebRTC has no B-frames: what is decoded is shown.
    if (track === this.#tracks?.video) this.#writer?.write({ track, dts: pts, pts, isKey, data })
  }

  #isAudioAwaited(since: number, nowMs: number): boolean {
    return this.#options.hasAudio && nowMs - since < FIRST_AUDIO_WAIT_MS
  }

  #onSound({ payload, timestamp }: OrderedPacket, nowMs: number): void {
    // RFC 3550 allows packets of padding alone.
    if (payload.byteLength === 0) return
    const samples = opusPacketSamples(payload)
    const pts = this.#timeline.place('audio', timestamp, nowMs)
    if (!this.#audio) {
      this.#audio = opusTrack(new Uint8Array(), samples)
      if (this.#firstKeyFrameAt !== undefined) this.#options.onKeyFrameNeeded()
    }
    const track = this.#audio
    if (pts === undefined || track !== this.#tracks?.audio) return
    this.#writer?.write({ track, dts: pts, pts, isKey: true, data: payload })
  }
}
