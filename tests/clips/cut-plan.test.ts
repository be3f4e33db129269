import { expect, test } from 'bun:test'
import { type Piece, planCut, type SourceSegment } from '../../src/clips/cut-plan.ts'

/** Ten pictures a second; `keys`: the numbers of those that are key frames. Its own time line begins at 100 s. */
function segment(
  sequence: number,
  options: {
    at: number
    seconds?: number
    keys?: number[]
    isGap?: boolean
    isDiscontinuity?: boolean
    start?: number
  },
): SourceSegment {
  const { at, seconds = 2, keys = [0], isGap = false, isDiscontinuity = false, start = 100 + at } = options
  const frames = Array.from({ length: isGap ? 0 : Math.round(seconds * 10) }, (_, index) => ({
    seconds: start + index / 10,
    isKey: keys.includes(index),
  }))
  const times = { offsetSeconds: at, startSeconds: start, durationSeconds: seconds }
  return { sequence, ...times, isGap, isDiscontinuity, frames }
}

/** `5[101.0-101.5)`, `3-4[…)` for what is encoded again, with `!` for a discontinuity. */
function show(pieces: readonly Piece[]): string {
  return pieces
    .map(({ firstSequence, lastSequence, fromSeconds, toSeconds, decodeFrom, isDiscontinuity }) => {
      const name = firstSequence === lastSequence ? `${firstSequence}` : `${firstSequence}-${lastSequence}`
      const range =
        fromSeconds === undefined && toSeconds === undefined
          ? ''
          : `[${fromSeconds?.toFixed(1) ?? ''}-${toSeconds?.toFixed(1) ?? ''})`
      const decoded = decodeFrom ? `<${decodeFrom.sequence}@${decodeFrom.seconds.toFixed(1)}>` : ''
      return `${isDiscontinuity ? '!' : ''}${name}${range}${decoded}`
    })
    .join(' ')
}

const regular = [0, 1, 2, 3, 4].map(sequence => segment(sequence, { at: sequence * 2, keys: [0, 10] }))
const long = [0, 1, 2, 3, 4].map(sequence =>
  segment(sequence, { at: sequence * 2, keys: sequence % 3 === 0 ? [0] : [] }),
)
const dropped = [
  segment(0, { at: 0 }),
  segment(1, { at: 2, seconds: 1.5 }),
  segment(2, { at: 3.5, isDiscontinuity: true, start: 7 }),
  segment(3, { at: 5.5, start: 9 }),
]
const lost = [
  segment(0, { at: 0 }),
  segment(1, { at: 2, isGap: true }),
  segment(2, { at: 4, keys: [5] }),
  segment(3, { at: 6 }),
]

test.each([
  { name: 'whole segments', segments: regular, from: 2, to: 6, copied: '1 2', exact: '1 2' },
  {
    name: 'from and to key frames inside',
    segments: regular,
    from: 1,
    to: 5,
    copied: '0[101.0-) 1 2[-105.0)',
    exact: '0[101.0-) 1 2[-105.0)',
  },
  {
    name: 'between key frames',
    segments: regular,
    from: 1.5,
    to: 6.3,
    copied: '0[101.0-) 1 2 3[-107.0)',
    exact: '0[101.5-)<0@101.0> !1 2 !3[-106.3)<3@106.0>',
  },
  {
    name: 'within one group of pictures',
    segments: regular,
    from: 2.2,
    to: 2.8,
    copied: '1[-103.0)',
    exact: '1[102.2-102.8)<1@102.0>',
  },
  {
    name: 'groups longer than segments',
    segments: long,
    from: 3,
    to: 9,
    copied: '0 1 2 3 4',
    exact: '1-2[103.0-)<0@100.0> !3-4[-109.0)<3@106.0>',
  },
  {
    name: 'over a discontinuity',
    segments: dropped,
    from: 2.5,
    to: 6,
    copied: '1 !2 3',
    exact: '1[102.5-)<1@102.0> !2 !3[-9.5)<3@9.0>',
  },
  {
    name: 'a gap in the middle',
    segments: lost,
    from: 1,
    to: 7,
    copied: '0 1 2 3',
    exact: '0[101.0-)<0@100.0> !1 2 !3[-107.0)<3@106.0>',
  },
  {
    name: 'a beginning in a gap is put off to the next key frame',
    segments: lost,
    from: 3,
    to: 8,
    copied: '2[104.5-) 3',
    exact: '2[104.5-) 3',
  },
  { name: 'beyond the end', segments: regular, from: 8, to: 60, copied: '4', exact: '4' },
  { name: 'an end between two pictures', segments: regular, from: 6, to: 9.95, copied: '3 4', exact: '3 4' },
  {
    name: 'a beginning behind the last picture',
    segments: regular,
    from: 3.96,
    to: 6,
    copied: '2',
    exact: '2',
  },
])('$name', ({ segments, from, to, copied, exact }) => {
  const request = { fromSeconds: from, toSeconds: to }
  expect(show(planCut(segments, { ...request, isExact: false }))).toBe(copied)
  expect(show(planCut(segments, { ...request, isExact: true }))).toBe(exact)
})

test('nothing is recorded of that time', () => {
  const reasonOf = (fromSeconds: number, toSeconds: number) => {
    try {
      return show(planCut(lost, { fromSeconds, toSeconds, isExact: false }))
    } catch (error) {
      return (error as { reason?: string }).reason
    }
  }
  expect(reasonOf(2.2, 3.8)).toBe('clip_not_recorded')
  expect(reasonOf(9, 12)).toBe('clip_not_recorded')
  expect(reasonOf(4, 4.3)).toBe('clip_not_recorded')
})
