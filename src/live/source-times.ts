/** Gives pictures that ffmpeg encoded anew the exact time stamps that the source's had. */
import type { AccessUnit } from '../../media/access-unit.ts'

/** What may be inside ffmpeg and its queue; the oldest is forgotten beyond it. */
const MAX_PENDING = 1_800
/** ffmpeg's clock counts milliseconds from a rounded start. */
const TOLERANCE_MS = 2

interface Presentation {
  readonly pts: number
  readonly writtenAt: number
}

export interface SourceTime {
  /** Ticks, as the source had them. */
  readonly dts: number
  readonly pts: number
  /** When it was written, on the clock of `add`. */
  readonly writtenAt: number
}

/**
 * One encoder's way from source to output. Its pictures come in the order of presentation, without B-frames: the one
 * that is n-th to be presented gets the n-th decoding time, which is the source's own at every key frame of a closed
 * group of pictures, and is never later than its presentation.
 */
export class SourceTimes {
  readonly #decodings: number[] = []
  /** Sorted by presentation. */
  readonly #presentations: Presentation[] = []
  #base: number | undefined
  #ticksPerMs = 90

  /** The next unit of the source, in decoding order. `now`: milliseconds on any clock. */
  add(unit: AccessUnit, now: number): void {
    this.#base ??= unit.dts
    this.#ticksPerMs = unit.track.timescale / 1000
    let at = this.#presentations.length
    while (at > 0 && this.#presentations[at - 1]!.pts > unit.pts) at--
    this.#presentations.splice(at, 0, { pts: unit.pts, writtenAt: now })
    this.#decodings.push(unit.dts)
    if (this.#decodings.length > MAX_PENDING) this.#take()
  }

  /**
   * The times of the picture that ffmpeg shows `ms` after the decoding time of the first unit; undefined when no unit
   * had that time. What was to be shown before it will not come any more.
   */
  take(ms: number): SourceTime | undefined {
    const offOf = (each: Presentation | undefined) =>
      each ? Math.abs((each.pts - (this.#base ?? 0)) / this.#ticksPerMs - ms) : Number.POSITIVE_INFINITY
    while (offOf(this.#presentations[1]) < offOf(this.#presentations[0])) this.#take()
    return offOf(this.#presentations[0]) <= TOLERANCE_MS ? this.#take() : undefined
  }

  #take(): SourceTime {
    return { dts: this.#decodings.shift()!, ...this.#presentations.shift()! }
  }
}
