import { expect, test } from 'bun:test'
import { BoundedCache } from '../../src/vod-http/bounded-cache.ts'

test('a cache within its bytes keeps what is used, and what has just come', async () => {
  const cache = new BoundedCache<string>({ maxBytes: 3, sizeOf: text => text.length })
  for (const key of ['a', 'b', 'c']) await cache.get(key, async () => key)
  await cache.get('d', async () => 'd')
  expect(cache.find('d')).toBe('d')
  expect(cache.find('b')).toBe('b')
  await cache.get('e', async () => 'e')
  expect(cache.bytes).toBe(3)
  expect(['a', 'b', 'c', 'd', 'e'].filter(key => cache.find(key))).toEqual(['b', 'd', 'e'])
})

test('a value is made once for all who ask meanwhile, a failure is not kept, and what is too large pushes nothing out', async () => {
  const cache = new BoundedCache<string>({ maxBytes: 3, sizeOf: text => text.length })
  let made = 0
  const make = async () => String(++made)
  expect(await Promise.all([cache.get('a', make), cache.get('a', make)])).toEqual(['1', '1'])
  await expect(cache.get('b', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await cache.get('b', async () => 'b')).toBe('b')
  expect(await cache.get('large', async () => 'large')).toBe('large')
  expect(cache.find('large')).toBeUndefined()
  expect(cache.find('a')).toBe('1')
})
