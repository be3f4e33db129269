import { describe, expect, test } from 'bun:test'
import { Cutter, partTargetFor, type Timing } from '../../src/hls/cutter.ts'

const TIMESCALE = 90_000

interface Cuts {
  readonly timing: Timing
  /** Each segment's parts: begin and end in seconds. */
  readonly segments: readonly { readonly start: number; readonly end: number }[][]
  /** The time at which each part's end was known. */
  readonly knownAt: readonly number[]
}

/** Cuts frames at the given times (in seconds); the last time is the end. */
function cut(
  times: readonly number[],
  isKey: (index: number) => boolean,
  { timing, renditionFrames }: { timing?: Timing; renditionFrames?: number } = {},
): Cuts {
  const ticks = times.map(time => Math.round(time * TIMESCALE))
  const segments: { start: number; end: number }[][] = []
  const knownAt: number[] = []
  let fixed = timing
  let open: { start: number; end: number }[] = []
  let start = ticks[0]!
  let now = start
  const cutter = new Cutter({
    timescale: TIMESCALE,
    start,
    timing,
    ...(renditionFrames && { renditionFrames }),
    listener: {
      timingFixed: value => {
        fixed = value
      },
      partEnded: end => {
        open.push({ start: start / TIMESCALE, end: end / TIMESCALE })
        knownAt.push(now / TIMESCALE)
        start = end
      },
      segmentEnded: () => {
        segments.push(open)
        open = []
      },
    },
  })
  for (const [index, time] of ticks.slice(1, -1).entries()) {
    now = time
    cutter.step(time, isKey(index + 1))
  }
  now = ticks.at(-1)!
  cutter.finish(now)
  expect(open).toEqual([])
  return { timing: fixed!, segments, knownAt }
}

function frames(seconds: number, rate: number): number[] {
  return Array.from({ length: seconds * rate + 1 }, (_, index) => index / rate)
}

function lengths(cuts: Cuts): number[] {
  return cuts.segments.map(parts => Number((parts.at(-1)!.end - parts[0]!.start).toFixed(3)))
}

/** What every playlist promises. */
function checkPromises({ timing, segments }: Cuts): void {
  let end = segments[0]![0]!.start
  for (const parts of segments) {
    const length = parts.at(-1)!.end - parts[0]!.start
    expect(Math.round(length)).toBeLessThanOrEqual(timing.targetDurationSeconds)
    for (const [index, part] of parts.entries()) {
      expect(part.start).toBeCloseTo(end, 9)
      end = part.end
      const duration = part.end - part.start
      expect(duration).toBeGreaterThan(0)
      expect(duration).toBeLessThanOrEqual(timing.partTargetSeconds + 1e-9)
      if (index < parts.length - 1)
        expect(duration).toBeGreaterThanOrEqual(0.85 * timing.partTargetSeconds - 1e-9)
    }
  }
}

describe('segments', () => {
  const table = [
    { name: '1 s groups make 2 s segments', gop: 30, target: 2, expected: [2, 2, 2, 2, 2] },
    { name: '2 s groups', gop: 60, target: 2, expected: [2, 2, 2, 2, 2] },
    { name: '0.5 s groups', gop: 15, target: 2, expected: [2, 2, 2, 2, 2] },
    { name: '5 s groups', gop: 150, target: 5, expected: [5, 5] },
    {
      name: '2.25 s groups fit by rounding',
      gop: 67.5,
      target: 2,
      expected: [2.267, 2.233, 2.267, 2.233, 1],
    },
    { name: '1.5 s groups', gop: 45, target: 3, expected: [3, 3, 3, 1] },
  ]
  for (const { name, gop, target, expected } of table)
    test(name, () => {
      const isKey = (index: number) => Math.floor(index / gop) !== Math.floor((index - 1) / gop)
      const cuts = cut(frames(10, 30), isKey)
      expect(cuts.timing.targetDurationSeconds).toBe(target)
      expect(lengths(cuts)).toEqual(expected)
      checkPromises(cuts)
    })

  test('without key frames they end near the target duration, which stays 6 s', () => {
    const cuts = cut(frames(30, 30), () => false)
    expect(cuts.timing.targetDurationSeconds).toBe(6)
    for (const length of lengths(cuts).slice(0, -1)) expect(length).toBeWithin(6, 6.46)
    checkPromises(cuts)
  })

  test('longer groups after the first segment are cut rather than break the target duration', () => {
    const cuts = cut(frames(30, 30), index => index <= 60 || index % 240 === 0)
    expect(cuts.timing.targetDurationSeconds).toBe(2)
    checkPromises(cuts)
    const starts = cuts.segments.map(parts => parts[0]!.start)
    for (const key of [8, 16, 24]) expect(starts).toContain(key)
  })

  const seldom = [
    { name: '10 s groups', gop: 300, expected: [6, 4, 6, 4, 6, 4] },
    { name: '16 s groups', gop: 480, expected: [6, 6, 4, 6, 6, 2] },
    {
      name: 'groups that just fit, once it is seen that they do',
      gop: 190,
      expected: [6, 0.333, 6.333, 6.333],
    },
  ]
  for (const { name, gop, expected } of seldom)
    test(`where no key frame comes in time, all but their first begin where renditions have one: ${name}`, () => {
      const cuts = cut(frames(30, 30), index => index % gop === 0, { renditionFrames: 30 })
      expect(lengths(cuts).slice(0, expected.length)).toEqual(expected)
      checkPromises(cuts)
    })

  test('a key frame is taken early when another group like the last would not fit', () => {
    const timing = { targetDurationSeconds: 2, partTargetSeconds: 0.27 }
    const cuts = cut(frames(9, 30), index => index % 45 === 0, { timing })
    expect(lengths(cuts)).toEqual([1.5, 1.5, 1.5, 1.5, 1.5, 1.5])
  })
})

describe('parts', () => {
  const rates = [1, 5, 10, 15, 23.976, 24, 25, 29.97, 30, 50, 59.94, 60, 120, 144]
  for (const rate of rates)
    test(`at ${rate} frames a second every part is known one frame after its last frame began`, () => {
      const times = Array.from(
        { length: Math.floor(12 * rate) },
        (_, index) => Math.round((index * 1000) / rate) / 1000,
      )
      const cuts = cut(times, index => index % Math.ceil(rate) === 0, {
        timing: {
          targetDurationSeconds: 2,
          partTargetSeconds: cut(times, index => index % Math.ceil(rate) === 0).timing.partTargetSeconds,
        },
      })
      checkPromises(cuts)
      const parts = cuts.segments.flat()
      for (const [index, part] of parts.entries()) expect(cuts.knownAt[index]).toBeCloseTo(part.end, 9)
    })

  test.each([24, 25, 29.97, 30, 50, 60])(
    'at %d pictures a second one target holds whole pictures and whole frames of any sound',
    rate => {
      for (const frameSeconds of [1024 / 48_000, 1024 / 44_100]) {
        const target = partTargetFor(1 / rate, [frameSeconds])
        expect(target).toBeWithin(0.15, 0.25)
        for (const seconds of [1 / rate, frameSeconds]) {
          const whole = Math.floor(target / seconds) * seconds
          expect(whole).toBeWithin(0.85 * target, target)
        }
        // hls.js stalls where a segment's first part is shorter than this and was left out.
        expect(Math.floor(target / frameSeconds) * frameSeconds).toBeGreaterThan(0.2)
        const times = Array.from({ length: Math.floor(4 / frameSeconds) }, (_, index) => index * frameSeconds)
        checkPromises(
          cut(times, () => true, { timing: { targetDurationSeconds: 2, partTargetSeconds: target } }),
        )
      }
    },
  )

  test('a part begins at a key frame inside a segment where the rule of 85 % allows it', () => {
    const timing = { targetDurationSeconds: 2, partTargetSeconds: 0.27 }
    const cuts = cut(frames(2, 30), index => index === 31, { timing })
    expect(cuts.segments[0]!.map(part => part.start)).toContainEqual(expect.closeTo(31 / 30, 5))
  })
})

/** A small generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

test('whatever the frame times and key frames, the promises hold', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const next = random(seed)
    const rate = 2 ** (next() * 7)
    const jitter = next() < 0.5 ? 0 : next()
    const keyChance = next() ** 3 / 2
    const times = [next() * 1000]
    while (times.at(-1)! - times[0]! < 40) {
      const isGap = next() < 0.005
      const interval = (1 + (next() - 0.5) * 2 * jitter) / rate + (isGap ? next() * 5 : 0)
      times.push(times.at(-1)! + Math.max(0.001, Math.round(interval * 1000) / 1000))
    }
    const keys = times.map(() => next() < keyChance)
    const renditionFrames = 2 * Math.ceil(rate / 2)
    const cuts = cut(times, index => keys[index]!, seed % 2 === 0 ? { renditionFrames } : {})
    checkPromises(cuts)
    const covered = cuts.segments.flat()
    expect(covered.at(-1)!.end).toBeCloseTo(times.at(-1)!, 3)
  }
})
