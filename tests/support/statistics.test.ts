import { describe, expect, test } from 'bun:test'
import { type ClockSample, distributionOf, quantile, summarizeClock } from './statistics.ts'

const oneToHundred = Array.from({ length: 100 }, (_, index) => 100 - index)

/** 30 pictures a second, seen one after the other. */
function samples(count: number, delayOf: (index: number) => number): ClockSample[] {
  return Array.from({ length: count }, (_, index) => ({
    atMs: (index * 1000) / 30,
    delayMs: delayOf(index),
    frame: index % 65_536,
  }))
}

describe('quantiles', () => {
  for (const { share, value } of [
    { share: 0, value: 1 },
    { share: 0.5, value: 50 },
    { share: 0.95, value: 95 },
    { share: 0.99, value: 99 },
    { share: 1, value: 100 },
  ])
    test(`${share} of 1 to 100 is ${value}`, () => expect(quantile(oneToHundred, share)).toBe(value))

  test('of one value are that value', () => {
    expect(distributionOf([7])).toEqual({ count: 1, min: 7, p50: 7, p95: 7, p99: 7, max: 7 })
  })

  test('of nothing are refused', () => {
    expect(quantile([], 0.5)).toBeUndefined()
    expect(() => distributionOf([])).toThrow(RangeError)
  })
})

describe('a summary of the clock', () => {
  test('of a level stream has no drift, gap or loss', () => {
    const summary = summarizeClock(samples(900, index => 30 + (index % 3)))
    expect(summary).toMatchObject({ driftMs: 0, framesSkipped: 0, gapsOver100Ms: 0 })
    expect(summary.framesPerSecond).toBeCloseTo(30, 5)
    expect(summary.delayMs.p50).toBe(31)
  })

  test('shows a delay that climbs', () => {
    const { driftMs } = summarizeClock(samples(900, index => 27 + (index / 900) * 38))
    expect(driftMs).toBeCloseTo((38 * 2) / 3, 0)
  })

  test('counts pictures never seen, across the wrap of the counter, and a long gap once', () => {
    const seen = samples(120, () => 30)
      .map(sample => ({ ...sample, frame: (sample.frame + 65_500) % 65_536 }))
      .filter((_, index) => index < 34 || index > 43)
    const summary = summarizeClock(seen)
    expect(summary).toMatchObject({ framesSkipped: 10, gapsOver100Ms: 1 })
    expect(summary.longestGapMs).toBeCloseTo(366.7, 0)
  })

  test('does not call a new publisher a loss', () => {
    const seen = samples(60, () => 30).map((each, index) => ({
      ...each,
      frame: index < 30 ? 40_000 + index : index,
    }))
    expect(summarizeClock(seen).framesSkipped).toBe(0)
  })

  test('of hardly any picture is refused', () => {
    expect(() => summarizeClock(samples(2, () => 30))).toThrow(/only 2/)
  })
})
