/** Hides how time stamps change their unit and how 32-bit ones go on past their wrap. */

/** `value` in ticks of `to` per second instead of `from`, rounded to whole ticks. */
export function rescale(value: number, from: number, to: number): number {
  return Math.round((value * to) / from)
}

/**
 * Continues an unsigned 32-bit time stamp past 2^32. A step is taken as the shorter way round, so values may come
 * slightly out of order, also across the wrap.
 */
export class TimestampUnwrapper {
  #last: number | undefined
  #unwrapped = 0

  /** The first value is kept as it is; every later one is that value's distance from it, however often it wrapped. */
  unwrap(timestamp: number): number {
    this.#unwrapped += this.#last === undefined ? timestamp : (timestamp - this.#last) | 0
    this.#last = timestamp
    return this.#unwrapped
  }
}
