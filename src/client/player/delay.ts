/** Measures how far behind the camera the picture on screen is, by the server's clock. */

/** Seconds from NTP's epoch (1900) to Unix's (1970): RFC 5905 section 6. */
const NTP_EPOCH_OFFSET_MS = 2_208_988_800_000
/** A figure outside of this is a clock that is wrong, not a delay. */
const PLAUSIBLE_MS = 60_000

/** How far the server's clock is ahead of this one, from the quickest of a few answers. */
export class ServerClock {
  #offsetMs: number | undefined

  /** Undefined before the first `sync`. */
  get offsetMs(): number | undefined {
    return this.#offsetMs
  }

  /**
   * Asks `samples` times and believes the answer with the shortest round trip: its error is at most half of that.
   * `readServer` gives the server's milliseconds since the epoch. A failed request leaves the clock as it was.
   */
  async sync(readServer: () => Promise<number>, now: () => number, samples = 4): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY
    for (let i = 0; i < samples; i++) {
      const sentAt = now()
      const serverTime = await readServer().catch(() => undefined)
      if (serverTime === undefined) return
      const roundTrip = now() - sentAt
      if (roundTrip >= shortest) continue
      shortest = roundTrip
      this.#offsetMs = serverTime + roundTrip / 2 - (sentAt + roundTrip)
    }
  }
}

/** The delay of a picture captured at `capturedAt` and shown at local time `shownAt`; undefined when it cannot be. */
export function delayOf(
  capturedAt: number,
  shownAt: number,
  offsetMs: number | undefined,
): number | undefined {
  if (offsetMs === undefined) return undefined
  const delay = shownAt + offsetMs - capturedAt
  return Math.abs(delay) < PLAUSIBLE_MS ? Math.max(0, delay) : undefined
}

interface InboundVideo {
  readonly timestamp: number
  readonly estimatedPlayoutTimestamp?: number
  readonly jitterBufferDelay?: number
  readonly jitterBufferEmittedCount?: number
  readonly totalDecodeTime?: number
  readonly framesDecoded?: number
  readonly frameHeight?: number
}

interface WebrtcDelay {
  readonly delayMs: number
  /** By capture time, from the camera on. */
  readonly isMeasured: boolean
}

/**
 * The delay of a WebRTC picture from one `getStats()` report and the one before. By capture time where the sender
 * reports carry it (`estimatedPlayoutTimestamp`, webrtc-stats 8.5); otherwise jitter buffer, decoding and half the
 * round trip, which leaves out what happens before the server.
 */
export function webrtcDelay(
  report: RTCStatsReport,
  previous: RTCStatsReport | undefined,
  offsetMs: number | undefined,
): WebrtcDelay | undefined {
  const video = inboundVideo(report)
  if (!video) return undefined
  if (video.estimatedPlayoutTimestamp) {
    const delayMs = delayOf(unixTime(video.estimatedPlayoutTimestamp), video.timestamp, offsetMs)
    if (delayMs !== undefined) return { delayMs, isMeasured: true }
  }
  const before = previous && inboundVideo(previous)
  const emitted = (video.jitterBufferEmittedCount ?? 0) - (before?.jitterBufferEmittedCount ?? 0)
  if (emitted <= 0) return undefined
  const buffered = (video.jitterBufferDelay ?? 0) - (before?.jitterBufferDelay ?? 0)
  const decoded = (video.framesDecoded ?? 0) - (before?.framesDecoded ?? 0)
  const decoding = ((video.totalDecodeTime ?? 0) - (before?.totalDecodeTime ?? 0)) / Math.max(1, decoded)
  return { delayMs: (buffered / emitted + decoding) * 1000 + roundTripMs(report) / 2, isMeasured: false }
}

/** Lines of the picture that is decoded now; undefined before the first. */
export function frameHeight(report: RTCStatsReport): number | undefined {
  return inboundVideo(report)?.frameHeight
}

/** Bytes of all tracks received so far. */
export function bytesReceived(report: RTCStatsReport): number {
  let sum = 0
  report.forEach(stat => {
    if (stat.type === 'inbound-rtp') sum += stat.bytesReceived ?? 0
  })
  return sum
}

function inboundVideo(report: RTCStatsReport): InboundVideo | undefined {
  let found: InboundVideo | undefined
  report.forEach(stat => {
    if (stat.type === 'inbound-rtp' && stat.kind === 'video') found = stat
  })
  return found
}

function roundTripMs(report: RTCStatsReport): number {
  let seconds = 0
  report.forEach(stat => {
    if (stat.type === 'candidate-pair' && stat.nominated) seconds = stat.currentRoundTripTime ?? seconds
  })
  return seconds * 1000
}

/** Browsers give NTP time in milliseconds; one that gives Unix time is told apart by the seventy years between. */
function unixTime(timestamp: number): number {
  return timestamp > 1.5 * NTP_EPOCH_OFFSET_MS ? timestamp - NTP_EPOCH_OFFSET_MS : timestamp
}
