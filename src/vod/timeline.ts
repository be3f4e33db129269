/**
 * Maps wall-clock time to the time line of a VOD and back: what happened while no media came takes no time on it, and
 * belongs to the cut.
 */

export interface TimelineSegment {
  /** Milliseconds since the epoch. */
  readonly startsAtMs: number
  readonly durationSeconds: number
}

/** Media without a pause in wall-clock time. */
interface Run {
  readonly startsAtMs: number
  /** On the VOD's time line. */
  readonly offsetMs: number
  lengthMs: number
}

/** Clocks are corrected slowly: segments that touch but for so much are one run. */
const TOLERANCE_MS = 20

export class Timeline {
  readonly #runs: readonly Run[]
  readonly durationMs: number

  /** Of the source rendition's segments, in their order. */
  constructor(segments: Iterable<TimelineSegment>) {
    const runs: Run[] = []
    let offsetMs = 0
    for (const { startsAtMs, durationSeconds } of segments) {
      const lengthMs = durationSeconds * 1_000
      const run = runs.at(-1)
      const endsAtMs = run ? run.startsAtMs + run.lengthMs : Number.NaN
      if (run && Math.abs(startsAtMs - endsAtMs) <= TOLERANCE_MS) run.lengthMs += lengthMs
      // A clock that was set back cannot tell which of two times was meant: the later media comes later.
      else runs.push({ startsAtMs: Math.max(startsAtMs, run?.startsAtMs ?? startsAtMs), offsetMs, lengthMs })
      offsetMs += lengthMs
    }
    this.#runs = runs
    this.durationMs = offsetMs
  }

  /** When its media began, and when it ended, milliseconds since the epoch; without media both are 0. */
  get wallTimes(): { readonly from: number; readonly to: number } {
    const last = this.#runs.at(-1)
    return { from: this.#runs[0]?.startsAtMs ?? 0, to: last ? last.startsAtMs + last.lengthMs : 0 }
  }

  /** Never falls as `wallMs` (milliseconds since the epoch) rises; from 0 to `durationMs`. */
  offsetOf(wallMs: number): number {
    const run = this.#runs.findLast(each => each.startsAtMs <= wallMs)
    return run ? run.offsetMs + Math.min(wallMs - run.startsAtMs, run.lengthMs) : 0
  }

  /**
   * The earliest time whose offset is `offsetMs` or more: so times from that of one offset to that of another are exactly
   * those between the two. Without end beyond both ends.
   */
  wallTimeOf(offsetMs: number): number {
    if (offsetMs <= 0) return Number.NEGATIVE_INFINITY
    const index = this.#runs.findIndex(each => each.offsetMs + each.lengthMs >= offsetMs)
    const run = this.#runs[index]
    if (!run) return Number.POSITIVE_INFINITY
    const next = this.#runs[index + 1]?.startsAtMs ?? Number.POSITIVE_INFINITY
    return Math.min(run.startsAtMs + offsetMs - run.offsetMs, next)
  }
}
