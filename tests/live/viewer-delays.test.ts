import { expect, test } from 'bun:test'
import { ViewerDelays } from '../../src/live/viewer-delays.ts'

const viewer = (number: number) => `viewer-${String(number).padStart(16, '0')}`

function open(maxViewers?: number) {
  const clock = { now: 0 }
  const delays = new ViewerDelays({ now: () => clock.now, ...(maxViewers && { maxViewers }) })
  const tell = (stream: string, number: number, delayMs: number, protocol: 'webrtc' | 'hls' = 'webrtc') =>
    delays.report(stream, { viewerId: viewer(number), protocol, delayMs })
  return { clock, delays, tell }
}

test('the median and the 95th of a hundred viewers, one figure of each, by protocol and over streams', () => {
  const { delays, tell } = open()
  for (let number = 1; number <= 100; number++) {
    tell('a', number, 5_000)
    tell('a', number, number)
  }
  tell('a', 101, 900, 'hls')
  tell('b', 1, 1_000)
  expect(delays.of(['a'])).toEqual({
    webrtc: { p50Ms: 50, p95Ms: 95, viewers: 100 },
    hls: { p50Ms: 900, p95Ms: 900, viewers: 1 },
  })
  expect(delays.of(['a', 'b']).webrtc).toEqual({ p50Ms: 51, p95Ms: 96, viewers: 101 })
  expect(delays.of(['c'])).toEqual({})
})

test('a viewer who changes the protocol is counted under the new one alone', () => {
  const { delays, tell } = open()
  tell('a', 1, 100)
  tell('a', 1, 1_000, 'hls')
  expect(delays.of(['a'])).toEqual({ hls: { p50Ms: 1_000, p95Ms: 1_000, viewers: 1 } })
})

test('who has not told for 30 s is gone, and with the last one the stream', () => {
  const { clock, delays, tell } = open()
  tell('a', 1, 100)
  tell('b', 1, 100)
  clock.now = 20_000
  tell('a', 2, 300)
  clock.now = 30_000
  expect(delays.of(['a']).webrtc).toEqual({ p50Ms: 300, p95Ms: 300, viewers: 1 })
  expect(delays.size).toBe(1)
  clock.now = 50_000
  expect(delays.of(['a'])).toEqual({})
  expect(delays.size).toBe(0)
})

test('what is no delay is refused, and of too many viewers the latest are kept', () => {
  const { delays, tell } = open(3)
  for (const delayMs of [-1, 120_001, Number.NaN, Number.POSITIVE_INFINITY])
    expect(tell('a', 1, delayMs)).toBe(false)
  expect(delays.of(['a'])).toEqual({})
  for (let number = 1; number <= 5; number++) expect(tell('a', number, number * 100)).toBe(true)
  expect(delays.of(['a']).webrtc).toEqual({ p50Ms: 400, p95Ms: 500, viewers: 3 })
})
