import { expect, test } from 'bun:test'
import { PLAN_TIMESCALE, Plan } from '../../src/hls/plan.ts'

const SEGMENT_SECONDS = 2

test('wall times agree with the durations between them while the clock drifts, and are put right before they are far off', () => {
  let offsetMs = 1_000_000
  const plan = new Plan({ sequence: 7, discontinuity: 0 }, mediaMs => mediaMs + offsetMs)
  const errors: number[] = []
  const corrections: number[] = []
  let previousMs: number | undefined
  for (let index = 0; index < 100; index++) {
    const start = index * SEGMENT_SECONDS * PLAN_TIMESCALE
    plan.begin(start, false)
    const { startsAtMs } = plan.open
    errors.push(Math.abs(startsAtMs - (index * SEGMENT_SECONDS * 1000 + offsetMs)))
    const lengthMs = startsAtMs - (previousMs ?? startsAtMs - SEGMENT_SECONDS * 1000)
    if (lengthMs !== SEGMENT_SECONDS * 1000) corrections.push(lengthMs - SEGMENT_SECONDS * 1000)
    previousMs = startsAtMs
    plan.end(start + SEGMENT_SECONDS * PLAN_TIMESCALE)
    offsetMs -= 2
  }
  expect(Math.max(...errors)).toBeLessThan(50)
  expect(corrections).toEqual([-50, -50, -50])
})
