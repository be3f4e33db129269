/** One stream's RTP: numbers that go on over broadcasts, sender reports on one clock, to every edge router. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { packetizeH264, packetizeOpus, type RtpStream } from '../../media/rtp/packetize.ts'
import { senderReport } from '../../media/rtp/sender-report.ts'
import type { MediaClock } from '../live/media-clock.ts'
import { CNAME, type EdgeRouter, inlets } from './edge-router.ts'

const REPORT_INTERVAL_MS = 500
/**
 * Sound is reported as captured this much later than it was, so it is heard this much after its picture. Browsers hold
 * the picture back for their audio buffer; half of what EBU R37 allows (sound at most 60 ms late) is taken off that. Browsers
 * leave a rest of up to 30 ms themselves.
 */
const SOUND_BEHIND_MS = 30

interface Lane extends RtpStream {
  readonly clockRate: number
  readonly reportedLateMs: number
  /** RTP time stamp of media time zero in this broadcast; undefined until its first unit. */
  timestampBase: number | undefined
  lastPts: number
  /** The last unit's RTP time stamp, not yet wrapped. */
  lastTimestamp: number
  packetCount: number
  octetCount: number
}

export class RtpFeed {
  readonly #edges = new Set<EdgeRouter>()
  readonly #video = openLane(inlets.video, 0)
  readonly #audio = openLane(inlets.audio, SOUND_BEHIND_MS)
  #clock: MediaClock | undefined
  #reportedAt = 0

  /** From now on `edge` gets everything, until it closes. */
  addEdge(edge: EdgeRouter): void {
    this.#edges.add(edge)
    this.#reportedAt = 0
    edge.closed.then(() => this.#edges.delete(edge))
  }

  /** Somebody may be watching: there is an edge. */
  get isWatched(): boolean {
    return this.#edges.size > 0
  }

  /** Another broadcast's units follow, on `clock`: RTP time stamps go on with wall-clock time. */
  startBroadcast(clock: MediaClock): void {
    this.#clock = clock
    this.#video.timestampBase = undefined
    this.#audio.timestampBase = undefined
    this.#reportedAt = 0
  }

  sendVideo(unit: AccessUnit): void {
    const lane = this.#video
    const timestamp = this.#timestamp(lane, unit)
    if (!this.isWatched) return
    this.#send('video', lane, packetizeH264(lane, unit.data, timestamp, unit.track as VideoTrack))
    this.#report()
  }

  sendAudio(unit: AccessUnit): void {
    const lane = this.#audio
    const isFirst = lane.timestampBase === undefined
    const timestamp = this.#timestamp(lane, unit)
    if (!this.isWatched) return
    this.#send('audio', lane, [packetizeOpus(lane, unit.data, timestamp, isFirst)])
  }

  #timestamp(lane: Lane, unit: AccessUnit): number {
    // A publisher that begins late has its base too high; the next broadcast must not step back behind it.
    lane.timestampBase ??= Math.max(this.#wallTicks(lane, unit.pts), lane.lastTimestamp + 1) - unit.pts
    lane.lastPts = unit.pts
    lane.lastTimestamp = lane.timestampBase + unit.pts
    return lane.lastTimestamp % 2 ** 32
  }

  #wallTicks(lane: Lane, pts: number): number {
    const mediaMs = (pts / lane.clockRate) * 1000
    return Math.round((this.#clock!.wallTimeMs(mediaMs) * lane.clockRate) / 1000)
  }

  #send(kind: 'video' | 'audio', lane: Lane, packets: Buffer[]): void {
    for (const edge of this.#edges) edge.send(kind, packets)
    lane.packetCount += packets.length
    lane.octetCount += packets.reduce((sum, packet) => sum + packet.byteLength - 12, 0)
  }

  /** Both reports at once and from one clock, so that a correction of the clock moves both tracks together. */
  #report(): void {
    const now = performance.now()
    if (now - this.#reportedAt < REPORT_INTERVAL_MS) return
    this.#reportedAt = now
    for (const lane of [this.#video, this.#audio]) {
      if (lane.timestampBase === undefined) continue
      const report = senderReport({
        ssrc: lane.ssrc,
        cname: CNAME,
        wallTimeMs: this.#clock!.wallTimeMs((lane.lastPts / lane.clockRate) * 1000) + lane.reportedLateMs,
        rtpTimestamp: lane.lastTimestamp % 2 ** 32,
        packetCount: lane.packetCount,
        octetCount: lane.octetCount,
      })
      for (const edge of this.#edges) edge.sendRtcp(report)
    }
  }
}

/** First numbers at random: RFC 3550 5.1. */
function openLane(
  inlet: { ssrc: number; payloadType: number; clockRate: number },
  reportedLateMs: number,
): Lane {
  return {
    ...inlet,
    reportedLateMs,
    sequenceNumber: Math.floor(Math.random() * 0x8000),
    timestampBase: undefined,
    lastPts: 0,
    lastTimestamp: 0,
    packetCount: 0,
    octetCount: 0,
  }
}
