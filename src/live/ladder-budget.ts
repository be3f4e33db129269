/** The CPU that all ladders of this process share, so that none takes what the sources themselves need. */

/**
 * Pixels a second for each core. Measured on a server's core with x264's veryfast: it is full at 100 million of noise,
 * at 130 million of a test chart. So ladders take about a quarter.
 */
const PIXELS_PER_CORE = 24_000_000

export class LadderBudget {
  readonly pixelsPerSecond: number
  #used = 0

  constructor(cores: number) {
    this.pixelsPerSecond = cores * PIXELS_PER_CORE
  }

  /** Pixels a second that ladders hold. */
  get used(): number {
    return this.#used
  }

  fits(cost: number): boolean {
    return this.#used + cost <= this.pixelsPerSecond
  }

  /** Takes `cost` pixels a second, whether or not they fit. Answers what gives them back, once. */
  take(cost: number): () => void {
    let held = cost
    this.#used += held
    return () => {
      this.#used -= held
      held = 0
    }
  }
}
