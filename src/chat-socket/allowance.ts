/** How much one connection may send: a token bucket, and how much nonsense it may send before it is closed. */

const BURST = 30
const PER_MS = 10 / 1000
/** A frame that says nothing costs many; one too many costs one. */
const PATIENCE = 100
const PATIENCE_PER_MS = 2 / 1000
const GARBAGE_COST = 10

export class Allowance {
  #tokens = BURST
  #patience = PATIENCE
  #filledAt: number

  constructor(now: number) {
    this.#filledAt = now
  }

  /** Whether one more frame is allowed at `now`, in milliseconds. */
  take(now: number): boolean {
    const passed = now - this.#filledAt
    this.#filledAt = now
    this.#tokens = Math.min(BURST, this.#tokens + passed * PER_MS)
    this.#patience = Math.min(PATIENCE, this.#patience + passed * PATIENCE_PER_MS)
    if (this.#tokens >= 1) {
      this.#tokens--
      return true
    }
    this.#patience--
    return false
  }

  /** Counts a frame that was no request. */
  waste(): void {
    this.#patience -= GARBAGE_COST
  }

  get isExhausted(): boolean {
    return this.#patience < 0
  }
}
