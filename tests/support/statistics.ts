/** Hides how many single measurements become the few numbers that people compare. */

export interface Distribution {
  readonly count: number
  readonly min: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** One picture of a stamped stream, as a viewer saw it. */
export interface ClockSample {
  /** When it was seen, in milliseconds on the viewer's monotonic clock. */
  readonly atMs: number
  /** From the stamp to the moment it was seen. */
  readonly delayMs: number
  /** The stamp's counter, modulo 2^16. */
  readonly frame: number
}

export interface ClockSummary {
  readonly delayMs: Distribution
  readonly framesPerSecond: number
  /** Pictures that were published and never seen. */
  readonly framesSkipped: number
  readonly longestGapMs: number
  readonly gapsOver100Ms: number
  /** Median of the last third minus median of the first: above zero, the delay climbs. */
  readonly driftMs: number
}

const COUNTER_MODULUS = 65_536
/** A jump of the counter by more than this is a new publisher, not lost pictures. */
const LARGEST_LOSS = 3_000

/** The smallest value that at least `share` (0 to 1) of `values` do not exceed (nearest rank); undefined for none. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

/** Throws RangeError when there are no values. */
export function distributionOf(values: readonly number[]): Distribution {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const at = (share: number) => quantile(values, share)!
  return { count: values.length, min: at(0), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

/** Throws RangeError with fewer than three samples. */
export function summarizeClock(samples: readonly ClockSample[]): ClockSummary {
  if (samples.length < 3) throw new RangeError(`only ${samples.length} stamped pictures were seen`)
  const gaps = samples.slice(1).map((sample, index) => sample.atMs - samples[index]!.atMs)
  const third = Math.floor(samples.length / 3)
  const medianOf = (part: readonly ClockSample[]) =>
    quantile(
      part.map(sample => sample.delayMs),
      0.5,
    )!
  return {
    delayMs: distributionOf(samples.map(sample => sample.delayMs)),
    framesPerSecond: gaps.length / ((samples.at(-1)!.atMs - samples[0]!.atMs) / 1000),
    framesSkipped: samples.slice(1).reduce((sum, each, index) => sum + lostBetween(samples[index]!, each), 0),
    longestGapMs: Math.max(...gaps),
    gapsOver100Ms: gaps.filter(gap => gap > 100).length,
    driftMs: medianOf(samples.slice(-third)) - medianOf(samples.slice(0, third)),
  }
}

function lostBetween(before: ClockSample, after: ClockSample): number {
  const step = (after.frame - before.frame + COUNTER_MODULUS) % COUNTER_MODULUS
  return step > 1 && step <= LARGEST_LOSS ? step - 1 : 0
}
