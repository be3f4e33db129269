/** The running numbers of RTP: a line of time stamps that goes on over broadcasts, and one RTP stream's counts. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import type { RtpStream } from '../../media/rtp/packetize.ts'
import type { MediaClock } from '../live/media-clock.ts'

/** A lane that has sent nothing for so long is silent: an encoder's pause between two pictures is shorter. */
const ACTIVE_MS = 2_000
const BITRATE_WINDOW_MS = 2_000
const HEADER_BYTES = 12

/** Maps one kind's media time to RTP time stamps; several lanes may share it. */
export class Timeline {
  readonly clockRate: number
  readonly #reportedLateMs: number
  /** RTP time stamp of media time zero in this broadcast; undefined until its first unit. */
  base: number | undefined
  /** The highest so far, not yet wrapped. */
  #highest = 0

  /** `reportedLateMs`: reports say that everything was captured this much later than it was. */
  constructor(clockRate: number, reportedLateMs: number) {
    this.clockRate = clockRate
    this.#reportedLateMs = reportedLateMs
  }

  /** The RTP time stamp of `unit`, which the first of a broadcast binds to wall-clock time. */
  timestamp(unit: AccessUnit, clock: MediaClock): number {
    const ticks = Math.round((unit.pts / unit.track.timescale) * this.clockRate)
    // A publisher that begins late has its base too high; the next broadcast must not step back behind it.
    this.base ??= Math.max(this.#wallTicks(ticks, clock), this.#highest + 1) - ticks
    const timestamp = this.base + ticks
    this.#highest = Math.max(this.#highest, timestamp)
    return timestamp % 2 ** 32
  }

  /** RFC 3550 6.4.1: the time stamp that corresponds to the wall-clock time `now` (milliseconds since the epoch). */
  at(now: number, clock: MediaClock): number {
    const mediaMs = now - this.#reportedLateMs - clock.wallTimeMs(0)
    const timestamp = Math.round((this.base ?? 0) + (mediaMs * this.clockRate) / 1000)
    return ((timestamp % 2 ** 32) + 2 ** 32) % 2 ** 32
  }

  #wallTicks(ticks: number, clock: MediaClock): number {
    return Math.round((clock.wallTimeMs((ticks / this.clockRate) * 1000) * this.clockRate) / 1000)
  }
}

export class RtpLane implements RtpStream {
  readonly ssrc: number
  readonly payloadType: number
  readonly timeline: Timeline
  /** First number at random: RFC 3550 5.1. */
  sequenceNumber = Math.floor(Math.random() * 0x8000)
  /** What it carries in this broadcast, and its last unit's time stamp. */
  last: { readonly track: VideoTrack; readonly timestamp: number } | undefined
  packetCount = 0
  octetCount = 0
  #sentAt = Number.NEGATIVE_INFINITY
  #windowStartedAt = Number.NEGATIVE_INFINITY
  #windowOctets = 0
  #bitrateBps = 0

  constructor(inlet: { readonly ssrc: number; readonly payloadType: number }, timeline: Timeline) {
    this.ssrc = inlet.ssrc
    this.payloadType = inlet.payloadType
    this.timeline = timeline
  }

  isActive(now: number): boolean {
    return now - this.#sentAt < ACTIVE_MS
  }

  bitrateBps(now: number): number {
    return this.isActive(now) ? this.#bitrateBps : 0
  }

  /** What follows is new to whoever receives it. */
  restart(): void {
    this.#sentAt = Number.NEGATIVE_INFINITY
  }

  /** `packets` were sent at `now` (milliseconds since the epoch). */
  count(packets: readonly Buffer[], now: number): void {
    const octets = packets.reduce((sum, packet) => sum + packet.byteLength - HEADER_BYTES, 0)
    this.packetCount += packets.length
    this.octetCount += octets
    const spanMs = now - this.#windowStartedAt
    if (spanMs >= BITRATE_WINDOW_MS) {
      this.#bitrateBps = Number.isFinite(spanMs) ? Math.round((this.#windowOctets * 8_000) / spanMs) : 0
      this.#windowStartedAt = now
      this.#windowOctets = 0
    }
    this.#windowOctets += octets
    this.#sentAt = now
  }
}
