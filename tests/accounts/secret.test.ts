/** The server's secret: made once, kept private, different keys for different purposes. */
import { expect, test } from 'bun:test'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveKey, loadSecret } from '../../src/accounts/secret.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('AUTH_SECRET goes before the file, and no file is made', async () => {
  await using folder = await tempFolder()
  expect(await loadSecret({ authSecret: 'given', dataDir: folder.path })).toBe('given')
  expect(await Bun.file(join(folder.path, 'auth-secret')).exists()).toBe(false)
})

test('without it, one is made that only the owner can read, and found again', async () => {
  await using folder = await tempFolder()
  const dataDir = join(folder.path, 'new', 'data')
  const secret = await loadSecret({ authSecret: undefined, dataDir })
  expect(secret.length).toBeGreaterThanOrEqual(43)
  expect(await loadSecret({ authSecret: undefined, dataDir })).toBe(secret)
  expect((await stat(join(dataDir, 'auth-secret'))).mode & 0o777).toBe(0o600)
})

test('of many that start at once, all get the same secret, and nothing else is left in the folder', async () => {
  await using folder = await tempFolder()
  const load = () => loadSecret({ authSecret: undefined, dataDir: folder.path })
  expect(new Set(await Promise.all(Array.from({ length: 20 }, load))).size).toBe(1)
  expect(await readdir(folder.path)).toEqual(['auth-secret'])
})

test('a damaged file is named instead of replaced', async () => {
  await using folder = await tempFolder()
  await Bun.write(join(folder.path, 'auth-secret'), 'cut')
  await expect(loadSecret({ authSecret: undefined, dataDir: folder.path })).rejects.toThrow(
    /auth-secret.*AUTH_SECRET/,
  )
})

test('each purpose and each secret has a key of its own', () => {
  const keys = [
    deriveKey('one', 'access-token'),
    deriveKey('one', 'stream-key'),
    deriveKey('two', 'stream-key'),
  ]
  expect(new Set(keys.map(key => Buffer.from(key).toString('hex'))).size).toBe(3)
  for (const key of keys) expect(key.byteLength).toBe(32)
})
