/** Times of re-encoded pictures are the source's, whatever is missing. */
import { expect, test } from 'bun:test'
import { SourceTimes } from '../../src/live/source-times.ts'
import { videoUnit } from './tracks.ts'

/** Decoding and presentation in milliseconds: two B-frames between the others. */
const source = [
  [0, 80],
  [40, 200],
  [80, 120],
  [120, 160],
  [160, 240],
] as const

function filled(baseMs = 0): SourceTimes {
  const times = new SourceTimes()
  for (const [dts, pts] of source) times.add(videoUnit(baseMs + dts, { ptsMs: baseMs + pts }), dts)
  return times
}

test('in the order of presentation, with decoding times that go on', () => {
  const day = 24 * 3600 * 1000
  const times = filled(day)
  const taken = [80, 120, 160, 200, 240].map(ms => times.take(ms)!)
  expect(taken.map(({ pts }) => pts / 90 - day)).toEqual([80, 120, 160, 200, 240])
  expect(taken.map(({ dts }) => dts / 90 - day)).toEqual([0, 40, 80, 120, 160])
  // When each was written, not when the one with its place was.
  expect(taken.map(({ writtenAt }) => writtenAt)).toEqual([0, 80, 120, 40, 160])
})

test('a millisecond off is the same picture; pictures that never came out are passed over', () => {
  const times = filled()
  expect(times.take(81)).toMatchObject({ dts: 0, pts: 80 * 90 })
  expect(times.take(199)).toMatchObject({ dts: 120 * 90, pts: 200 * 90 })
})

test('a time that no picture had gets none, and costs none', () => {
  const times = filled()
  expect(times.take(100)).toBeUndefined()
  expect(times.take(120)).toMatchObject({ pts: 120 * 90 })
  expect(new SourceTimes().take(0)).toBeUndefined()
})

test('what never comes out is forgotten', () => {
  const times = new SourceTimes()
  for (let index = 0; index < 5_000; index++) times.add(videoUnit(index * 40), 0)
  expect(times.take(0)).toBeUndefined()
  expect(times.take(4_999 * 40)).toMatchObject({ dts: 4_999 * 40 * 90 })
})
