/** Maps the publisher's time line to wall-clock time, though the two clocks drift and the network jitters. */

const SETTLING_MS = 2_000
const WINDOW_MS = 10_000
/** A correction this slow (1 ms a second) moves both tracks together and no receiver hears it. */
const SLEW_PER_MS = 0.001

/**
 * The wall time of a media time is the media time plus an offset: the smallest `arrival - media time` seen, which
 * is the least delayed unit. While settling it is taken at once; later the offset follows the smallest of each
 * window slowly, so that hours of drift between two crystals never add up.
 */
export class MediaClock {
  #offsetMs: number | undefined
  #targetMs = 0
  #startedAt = 0
  #lastAt = 0
  #windowStartedAt = 0
  #windowMin = Number.POSITIVE_INFINITY

  /** A unit with presentation time `mediaMs` arrived at `now` (milliseconds since the epoch). */
  observe(mediaMs: number, now: number): void {
    const offset = now - mediaMs
    if (this.#offsetMs === undefined) {
      this.#offsetMs = this.#targetMs = offset
      this.#startedAt = this.#lastAt = this.#windowStartedAt = now
    }
    this.#windowMin = Math.min(this.#windowMin, offset)
    if (now - this.#startedAt < SETTLING_MS) {
      this.#offsetMs = this.#targetMs = Math.min(this.#offsetMs, offset)
    } else if (now - this.#windowStartedAt >= WINDOW_MS) {
      this.#targetMs = this.#windowMin
      this.#windowStartedAt = now
      this.#windowMin = Number.POSITIVE_INFINITY
    }
    const step = Math.max(0, now - this.#lastAt) * SLEW_PER_MS
    const error = this.#targetMs - this.#offsetMs
    this.#offsetMs += Math.max(-step, Math.min(step, error))
    this.#lastAt = now
  }

  /** Milliseconds since the epoch at which the media time `mediaMs` was captured, as near as can be told. */
  wallTimeMs(mediaMs: number): number {
    return mediaMs + (this.#offsetMs ?? 0)
  }
}
