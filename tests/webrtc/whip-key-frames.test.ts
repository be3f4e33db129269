import { expect, test } from 'bun:test'
import { KeyFrameRequests } from '../../src/webrtc/whip-key-frames.ts'

/** What is asked for, in milliseconds, when `happening` has happened and time goes on by 250 ms ticks for ten seconds. */
function asked(happening: readonly (readonly ['request' | 'arrived', number])[], delayMs?: number): number[] {
  const times: number[] = []
  let now = 0
  const arrivals: number[] = []
  const requests = new KeyFrameRequests(() => {
    times.push(now)
    if (delayMs !== undefined) arrivals.push(now + delayMs)
  }, 0)
  for (; now < 10_000; now += 10) {
    if (arrivals[0] === now) requests.arrived(arrivals.shift()!)
    for (const [what, at] of happening) if (at === now) requests[what](now)
    if (now % 250 === 0) requests.tick(now)
  }
  return times
}

test('a key frame is asked for every two seconds where none comes', () => {
  expect(asked([])).toEqual([2_000, 4_000, 6_000, 8_000])
})

test('a publisher that sends enough of them is left alone', () => {
  expect(asked([500, 2_000, 3_900, 5_800, 7_700, 9_600].map(at => ['arrived', at] as const))).toEqual([])
})

test('a viewer who needs one causes a request at once, and a crowd one for each half second', () => {
  expect(asked([['request', 100]], 50)).toEqual([100, 2_250, 4_500, 6_750, 9_000])
  const crowd = Array.from({ length: 100 }, (_, index) => ['request', index * 10] as const)
  expect(asked(crowd, 50).filter(at => at <= 1_250)).toEqual([0, 500, 1_000])
})

test('who asked while one was on its way is served by it', () => {
  expect(
    asked([
      ['request', 0],
      ['request', 100],
      ['arrived', 200],
    ]),
  ).toEqual([0, 2_250, 4_250, 6_250, 8_250])
})
