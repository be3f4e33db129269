import { expect, test } from 'bun:test'
import { waitFor } from './wait-for.ts'

test('gives the first truthy answer', async () => {
  let looks = 0
  expect(await waitFor(() => ++looks > 2 && `look ${looks}`, { intervalMs: 1, message: 'three looks' })).toBe(
    'look 3',
  )
})

test('an error counts as not yet', async () => {
  let looks = 0
  const answer = await waitFor(
    () => {
      if (++looks < 3) throw new Error('not yet')
      return looks
    },
    { intervalMs: 1, message: 'three looks' },
  )
  expect(answer).toBe(3)
})

test('says what never came, how long it waited and what it saw last', async () => {
  const wait = waitFor(() => Promise.reject(new Error('no such channel')), {
    timeoutMs: 20,
    intervalMs: 5,
    message: 'the channel to be live',
  })
  await expect(wait).rejects.toThrow(
    /waited 20 ms for the channel to be live; last answer: Error: no such channel/,
  )
})

test('a look that never ends is given up as well', async () => {
  const wait = waitFor(() => new Promise<boolean>(() => {}), { timeoutMs: 20, message: 'an answer' })
  await expect(wait).rejects.toThrow(/waited 20 ms for an answer/)
})
