/** Where the segments of a stream begin and end: decided by the source's picture, followed by every other track. */

/** Ticks per second of all times in a plan. */
export const PLAN_TIMESCALE = 90_000

/** Where a stream's numbering goes on with its next broadcast. */
export interface PlanPosition {
  /** Of the next segment. */
  readonly sequence: number
  /** Discontinuity sequence number of the segments so far. */
  readonly discontinuity: number
}

export interface PlannedSegment {
  readonly sequence: number
  readonly discontinuity: number
  readonly isDiscontinuity: boolean
  /** Presentation time, in ticks of `PLAN_TIMESCALE`. */
  readonly start: number
  /** Undefined while it is not decided. */
  readonly end: number | undefined
  /** Milliseconds since the epoch. */
  readonly startsAtMs: number
}

interface Planned extends PlannedSegment {
  end: number | undefined
  startsAtMs: number
}

/** Longer than any track lags behind. */
const KEPT_SECONDS = 30
/**
 * As far as wall times may be off before they are put right. Until then they agree with the durations between them:
 * Shaka takes every difference of a millisecond for a jump, and loses the pictures up to the next key frame.
 */
const LEAST_CORRECTION_MS = 50

export class Plan {
  readonly #wallTimeMs: (mediaMs: number) => number
  #planned: Planned[] = []
  #position: PlanPosition
  /** Wall time less presentation time. */
  #offsetMs: number | undefined

  /** `wallTimeMs`: the capture time of a presentation time. */
  constructor(position: PlanPosition, wallTimeMs: (mediaMs: number) => number) {
    this.#position = position
    this.#wallTimeMs = wallTimeMs
  }

  get position(): PlanPosition {
    return this.#position
  }

  /** The next segment begins at `start`; a begun one without an end is begun anew. */
  begin(start: number, isDiscontinuity: boolean): void {
    if (this.#planned.at(-1)?.end === undefined) this.#planned.pop()
    const { sequence, discontinuity } = this.#position
    this.#planned.push({
      sequence,
      discontinuity: discontinuity + (isDiscontinuity ? 1 : 0),
      isDiscontinuity,
      start,
      end: undefined,
      startsAtMs: Number.NaN,
    })
  }

  end(end: number): void {
    const last = this.#planned.at(-1)!
    last.end = end
    this.#position = { sequence: last.sequence + 1, discontinuity: last.discontinuity }
    const kept = this.#planned.findIndex(each => each.start >= last.start - KEPT_SECONDS * PLAN_TIMESCALE)
    this.#planned.splice(0, Math.max(0, kept))
  }

  /** Undefined: not planned yet, or long ago. */
  find(sequence: number): PlannedSegment | undefined {
    const planned = this.#planned[sequence - (this.#planned[0]?.sequence ?? 0)]
    // Asked for when its first media is there, which is when the clock knows best.
    if (planned && Number.isNaN(planned.startsAtMs)) planned.startsAtMs = this.#startsAtMs(planned.start)
    return planned
  }

  /** The one that is begun and not ended. */
  get open(): PlannedSegment {
    return this.find(this.#position.sequence)!
  }

  /** The number of the first segment that begins at `time` or later. */
  firstFrom(time: number): number {
    const first = this.#planned.find(each => each.start >= time)
    return first?.sequence ?? (this.#planned.at(-1)?.sequence ?? this.#position.sequence - 1) + 1
  }

  #startsAtMs(start: number): number {
    const mediaMs = (start / PLAN_TIMESCALE) * 1000
    const offsetMs = this.#wallTimeMs(mediaMs) - mediaMs
    if (this.#offsetMs === undefined || Math.abs(offsetMs - this.#offsetMs) >= LEAST_CORRECTION_MS)
      this.#offsetMs = offsetMs
    return mediaMs + this.#offsetMs
  }
}
