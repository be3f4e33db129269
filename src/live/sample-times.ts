/** Hides which sample of a converter's input an output sample came from, and so when it is heard. */

/** Where in the input, counted in its samples, a time stamp holds: one entry per jump of the time stamps. */
interface Anchor {
  readonly position: number
  readonly pts: number
}

/** Keeps the jumps of the input's time stamps that the output has not passed yet. */
export class SampleTimes {
  readonly #inputRate: number
  readonly #outputRate: number
  readonly #anchors: Anchor[] = []
  #written = 0
  #nextPts = Number.NaN

  constructor(inputRate: number, outputRate: number) {
    this.#inputRate = inputRate
    this.#outputRate = outputRate
  }

  /** Samples of input before the next unit. */
  get written(): number {
    return this.#written
  }

  /** A unit of `samples` samples goes in, whose first has the time stamp `pts`. */
  write(pts: number, samples: number): void {
    if (pts !== this.#nextPts) this.#anchors.push({ position: this.#written, pts })
    this.#nextPts = pts + samples
    this.#written += samples
  }

  /** The time stamp, in output samples, of the output's sample number `sample`; asked in rising order. */
  timeOf(sample: number): number {
    const position = (sample * this.#inputRate) / this.#outputRate
    while (this.#anchors.length > 1 && this.#anchors[1]!.position <= position) this.#anchors.shift()
    const anchor = this.#anchors[0]!
    return Math.round(((anchor.pts + position - anchor.position) * this.#outputRate) / this.#inputRate)
  }
}

/**
 * Keeps the output's count of samples the input's: where ffmpeg cannot decode a unit and leaves it out, silence of its
 * length takes its place. No stretching; what differs by less than 10 ms is rounding.
 */
export const KEEP_COUNT_FILTER = 'aresample=async=1:min_hard_comp=0.01:first_pts=0'
