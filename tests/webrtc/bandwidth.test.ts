import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { Bandwidth } from '../../src/webrtc/bandwidth.ts'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** mediasoup's side: the bounds of the estimate, and every change of the upper one, which is what it tests the link on. */
class Link {
  estimateBps = 350_000
  min = 0
  max = 0
  readonly tested: number[] = []
  readonly bandwidth = new Bandwidth({
    getStats: async () => [{ availableOutgoingBitrate: this.estimateBps }] as never,
    setMinOutgoingBitrate: async bps => {
      this.min = bps
    },
    setMaxOutgoingBitrate: async bps => {
      if (bps !== 0 && bps !== this.max) this.tested.push(bps)
      this.max = bps
    },
  })
}

test('each search tests for more than is estimated, and for hardly more than is needed', async () => {
  const link = new Link()
  for (const estimateBps of [350_000, 350_000, 800_000, 1_700_000]) {
    link.estimateBps = estimateBps
    await link.bandwidth.search(2_000_000, 200_000)
    expect(link.tested.at(-1)!).toBeGreaterThan(estimateBps * 1.3)
    expect(link.tested.at(-1)!).toBeLessThan(2_000_000 * 1.5)
  }
  // The same result twice does not keep it from another test.
  expect(link.tested).toHaveLength(4)
  link.bandwidth.stop()
})

test('a test’s result cannot take away what is sent, unless the estimate had done so before', async () => {
  const link = new Link()
  link.bandwidth.keep(300_000)
  link.estimateBps = 900_000
  await link.bandwidth.search(2_000_000, 700_000)
  expect(link.min).toBeGreaterThan(700_000)
  expect(link.min).toBeLessThan(900_000)
  jest.advanceTimersByTime(1_000)
  expect(link.min).toBe(300_000)
  link.estimateBps = 500_000
  await link.bandwidth.search(2_000_000, 700_000)
  expect(link.min).toBe(500_000)
  link.bandwidth.stop()
  expect([link.min, link.max]).toEqual([300_000, 0])
})

test('a better layer is not put in question in its first moment, and nothing limits what comes next', async () => {
  const link = new Link()
  link.bandwidth.keep(300_000)
  await link.bandwidth.search(2_000_000, 200_000)
  link.bandwidth.reached(700_000)
  expect(link.min).toBeGreaterThan(700_000)
  expect(link.max).toBe(0)
  jest.advanceTimersByTime(1_000)
  expect(link.min).toBe(300_000)
})

test('nothing limits a viewer who has enough, or no longer searches', async () => {
  const link = new Link()
  await link.bandwidth.search(2_000_000, 200_000)
  expect(link.max).toBeGreaterThan(0)
  link.estimateBps = 2_500_000
  await link.bandwidth.search(2_000_000, 200_000)
  expect(link.max).toBe(0)
  link.estimateBps = 350_000
  const searching = link.bandwidth.search(2_000_000, 200_000)
  link.bandwidth.stop()
  await searching
  expect(link.max).toBe(0)
})
