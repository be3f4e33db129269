/** Wall-clock time and a VOD's own: a drop takes no time, and no moment is in two windows or in none. */
import { expect, test } from 'bun:test'
import { Timeline, type TimelineSegment } from '../../src/vod/timeline.ts'

/** Segments of 2 s that follow each other, from `startsAtMs`. */
function run(startsAtMs: number, count: number): TimelineSegment[] {
  return Array.from({ length: count }, (_, index) => ({
    startsAtMs: startsAtMs + index * 2_000,
    durationSeconds: 2,
  }))
}

test('what is said during a drop belongs to the cut, before the start to the start, after the end to the end', () => {
  const timeline = new Timeline([...run(100_000, 3), ...run(136_000, 2)])
  expect(timeline.durationMs).toBe(10_000)
  expect(timeline.wallTimes).toEqual({ from: 100_000, to: 140_000 })
  const offsets = [90_000, 100_000, 103_500, 106_000, 120_000, 136_000, 137_250, 140_000, 170_000].map(wall =>
    timeline.offsetOf(wall),
  )
  expect(offsets).toEqual([0, 0, 3_500, 6_000, 6_000, 6_000, 7_250, 10_000, 10_000])
  expect([0, 1, 6_000, 6_001, 10_000, 10_001].map(offset => timeline.wallTimeOf(offset))).toEqual([
    ...[Number.NEGATIVE_INFINITY, 100_001, 106_000, 136_001, 140_000, Number.POSITIVE_INFINITY],
  ])
})

test('without segments everything is at the start', () => {
  const timeline = new Timeline([])
  expect([timeline.durationMs, timeline.offsetOf(5), timeline.wallTimeOf(0)]).toEqual([
    ...[0, 0, Number.NEGATIVE_INFINITY],
  ])
  expect(timeline.wallTimeOf(1)).toBe(Number.POSITIVE_INFINITY)
})

test('a clock that drifts is followed, though it differs a little from segment to segment', () => {
  const drifting = Array.from({ length: 3_000 }, (_, n) => ({ startsAtMs: n * 2_001, durationSeconds: 2 }))
  const timeline = new Timeline(drifting)
  for (let n = 0; n < 3_000; n += 97)
    expect(Math.abs(timeline.offsetOf(n * 2_001 + 700) - (n * 2_000 + 700))).toBeLessThanOrEqual(40)
})

test('windows part all moments, whatever the clock did: fuzzed', () => {
  for (let round = 0; round < 200; round++) {
    let wall = 1_000_000
    const segments: TimelineSegment[] = []
    for (let n = 0; n < 30; n++) {
      const durationSeconds = 0.5 + Math.random() * 3
      segments.push({ startsAtMs: wall, durationSeconds })
      const jump = Math.random() < 0.2 ? (Math.random() - 0.3) * 20_000 : (Math.random() - 0.5) * 30
      wall += durationSeconds * 1_000 + jump
    }
    const timeline = new Timeline(segments)
    let last = 0
    for (let at = 990_000; at < wall + 20_000; at += 137) {
      const offset = timeline.offsetOf(at)
      expect(offset).toBeGreaterThanOrEqual(last)
      last = offset
    }
    for (let n = 0; n < 60; n++) {
      const border = Math.random() * timeline.durationMs
      const at = 990_000 + Math.random() * (wall - 970_000)
      expect(at >= timeline.wallTimeOf(border)).toBe(timeline.offsetOf(at) >= border)
    }
  }
})
