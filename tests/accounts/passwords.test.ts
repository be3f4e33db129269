/** argon2id with few hashes at once and a bounded line. */
import { expect, test } from 'bun:test'
import { Passwords } from '../../src/accounts/passwords.ts'

test('stores argon2id with a salt of its own and finds the right password alone', async () => {
  const passwords = new Passwords()
  const [first, second] = await Promise.all([passwords.hash('hunter22'), passwords.hash('hunter22')])
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(first).not.toBe(second)
  expect(await passwords.verify('hunter22', first)).toBe(true)
  expect(await passwords.verify('hunter23', first)).toBe(false)
})

test('an unknown account fails, and only after hashing with the same parameters', async () => {
  const passwords = new Passwords({ maxRunning: 1, maxWaiting: 0 })
  const unknown = passwords.verify('hunter22', undefined)
  await expect(passwords.hash('hunter22')).rejects.toMatchObject({ reason: 'busy' })
  expect(await unknown).toBe(false)
})

test('who finds the line full is told to come back; the others are served', async () => {
  const passwords = new Passwords({ maxRunning: 1, maxWaiting: 2 })
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash('hunter22')))
  const refused = outcomes.filter(outcome => outcome.status === 'rejected').map(outcome => outcome.reason)
  expect(refused).toHaveLength(2)
  for (const error of refused)
    expect(error).toMatchObject({ kind: 'LIMIT', reason: 'busy', retryAfterSeconds: 5 })
  expect(await passwords.verify('hunter22', await passwords.hash('hunter22'))).toBe(true)
})
