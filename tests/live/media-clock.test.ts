import { describe, expect, test } from 'bun:test'
import { MediaClock } from '../../src/live/media-clock.ts'

const START = 1_700_000_000_000
const FRAME_MS = 1000 / 30

/** A publisher whose clock runs `ppm` fast and whose frames arrive `delay(index)` ms late. */
function feed(
  clock: MediaClock,
  options: {
    seconds: number
    ppm?: number
    delay?: (index: number) => number
    onFrame?: (mediaMs: number, capturedAt: number) => void
  },
): void {
  const { seconds, ppm = 0, delay = () => 20, onFrame } = options
  for (let index = 0; index * FRAME_MS < seconds * 1000; index++) {
    const capturedAt = START + index * FRAME_MS
    const mediaMs = index * FRAME_MS * (1 + ppm / 1e6)
    clock.observe(mediaMs, capturedAt + delay(index))
    onFrame?.(mediaMs, capturedAt)
  }
}

/** Deterministic jitter of up to `ms`, now and then none. */
function jitter(ms: number): (index: number) => number {
  return index => 20 + (ms * ((index * 7919) % 101)) / 100
}

test('the first frame alone already gives its arrival', () => {
  const clock = new MediaClock()
  clock.observe(5_000, START)
  expect(clock.wallTimeMs(5_000)).toBe(START)
  expect(clock.wallTimeMs(5_040)).toBe(START + 40)
})

test('it settles on the least delayed frame, though the first ones were late', () => {
  const clock = new MediaClock()
  feed(clock, { seconds: 2, delay: index => (index < 10 ? 500 - index * 30 : jitter(80)(index)) })
  // Captured at START + 1000, and the least delay of the network is 20 ms.
  expect(Math.abs(clock.wallTimeMs(1_000) - (START + 1_020))).toBeLessThan(3)
})

test('a late burst does not move it', () => {
  const clock = new MediaClock()
  const offsets = new Set<number>()
  feed(clock, {
    seconds: 30,
    delay: index => (index > 90 && index < 120 ? 900 : 20),
    onFrame: () => offsets.add(Math.round(clock.wallTimeMs(0))),
  })
  expect([...offsets]).toEqual([START + 20])
})

describe('after it has settled', () => {
  test('it is corrected by at most a millisecond a second, so that no receiver hears it', () => {
    const clock = new MediaClock()
    let last: { offset: number; at: number } | undefined
    let fastest = 0
    feed(clock, {
      seconds: 120,
      // From second 30 on the way is 200 ms longer.
      delay: index => (index * FRAME_MS < 30_000 ? 20 : 220),
      onFrame: mediaMs => {
        const offset = clock.wallTimeMs(0)
        if (last && mediaMs > 2_100)
          fastest = Math.max(fastest, Math.abs(offset - last.offset) / (mediaMs - last.at))
        last = { offset, at: mediaMs }
      },
    })
    // One frame that comes 200 ms later than the one before gives the clock more time to move in.
    expect(fastest).toBeGreaterThan(0)
    expect(fastest).toBeLessThan(0.001 * 8)
    expect(clock.wallTimeMs(0)).toBeGreaterThan(START + 20 + 60)
    expect(clock.wallTimeMs(0)).toBeLessThan(START + 220)
  })

  test('a way that became longer is followed to its end', () => {
    const clock = new MediaClock()
    feed(clock, { seconds: 300, delay: index => (index * FRAME_MS < 30_000 ? 20 : 120) })
    expect(clock.wallTimeMs(0)).toBeCloseTo(START + 120, 0)
  })
})

for (const ppm of [-200, -40, 40, 200])
  test(`a publisher whose crystal is off by ${ppm} ppm is followed for six hours`, () => {
    const clock = new MediaClock()
    let worst = 0
    feed(clock, {
      seconds: 6 * 3600,
      ppm,
      delay: jitter(60),
      onFrame: (mediaMs, capturedAt) => {
        if (capturedAt - START < 3_000) return
        worst = Math.max(worst, Math.abs(clock.wallTimeMs(mediaMs) - (capturedAt + 20)))
      },
    })
    expect(worst).toBeLessThan(15)
  })
