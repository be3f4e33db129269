/** Token buckets: a burst, a steady rate, each key for itself, and a bounded memory. */
import { expect, test } from 'bun:test'
import { RateLimiter } from '../../src/api/rate-limiter.ts'

function limiterAt(options: { burst: number; perMinute: number; maxKeys?: number }) {
  const clock = { now: 0 }
  const limiter = new RateLimiter({ ...options, now: () => clock.now })
  const take = (key: string) => {
    try {
      limiter.take(key)
      return 'taken'
    } catch (error) {
      return (error as { retryAfterSeconds: number }).retryAfterSeconds
    }
  }
  return { clock, limiter, take }
}

test('after the burst, one is allowed as often as the rate says, and the wait is told', () => {
  const { clock, take } = limiterAt({ burst: 2, perMinute: 6 })
  expect([take('a'), take('a'), take('a')]).toEqual(['taken', 'taken', 10])
  clock.now = 9_000
  expect(take('a')).toBe(1)
  clock.now = 10_000
  expect([take('a'), take('a')]).toEqual(['taken', 10])
})

test('refused attempts do not lengthen the wait, and a rest never saves more than the burst', () => {
  const { clock, take } = limiterAt({ burst: 1, perMinute: 60 })
  take('a')
  for (let i = 0; i < 1_000; i++) take('a')
  clock.now = 1_000
  expect(take('a')).toBe('taken')
  clock.now = 3_600_000
  expect([take('a'), take('a')]).toEqual(['taken', 1])
})

test('keys do not share, and memory is bounded by forgetting the one longest unused', () => {
  const { limiter, take } = limiterAt({ burst: 1, perMinute: 1, maxKeys: 3 })
  expect([take('a'), take('b'), take('c')]).toEqual(['taken', 'taken', 'taken'])
  expect(take('a')).toBe(60)
  take('d')
  expect(limiter.size).toBe(3)
  expect([take('a'), take('b')]).toEqual([60, 'taken'])
  for (let i = 0; i < 1_000; i++) take(`key ${i}`)
  expect(limiter.size).toBe(3)
})
