/** Whether the store can be used is known at the start, and said with the variable to change. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createLog } from '../../src/log.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { openTestS3, type TestS3 } from '../support/s3.ts'
import { tempFolder } from '../support/temp-folder.ts'

const lines: string[] = []
const log = createLog('info', { write: line => void lines.push(line) })

describe('a bucket', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await openTestS3()
  }, 30_000)
  afterEach(() => s3.comeBack())
  afterAll(() => s3[Symbol.asyncDispose]())

  test('that can be used is opened without a word, and nothing is left in it', async () => {
    lines.length = 0
    await using store = await openStore({ s3: s3.config, directory: '/nonexistent', log })
    expect(await Array.fromAsync(store.list(''))).toEqual([])
    expect(lines).toEqual([])
  })

  test.each([
    ['S3_BUCKET', { bucket: 'nobody-has-it' }],
    ['S3_SECRET_ACCESS_KEY', { credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'wrong-word' } }],
    ['S3_ACCESS_KEY_ID', { credentials: { accessKeyId: 'WHO', secretAccessKey: 'wrong-word' } }],
    ['S3_REGION', { region: 'mars-1' }],
  ])('that refuses names %s, and never the secret', async (variable, change) => {
    const opening = openStore({ s3: { ...s3.config, ...change }, directory: '/nonexistent', log })
    const message = await opening.then(String, error => (error as Error).message)
    expect(message).toContain(variable)
    expect(message).toContain(s3.config.endpoint!)
    expect(message).not.toContain('wrong-word')
  })

  test('at an address where something else answers names S3_ENDPOINT', async () => {
    using other = Bun.serve({ port: 0, fetch: () => new Response('<html>', { status: 404 }) })
    const endpoint = `http://127.0.0.1:${other.port}`
    const opening = openStore({ s3: { ...s3.config, endpoint }, directory: '/nonexistent', log })
    await expect(opening).rejects.toThrow(/S3_ENDPOINT/)
  })

  test.each(['refusing', 'failing', 'hanging'] as const)(
    'that is %s is warned of, and used when it is back',
    async trouble => {
      lines.length = 0
      await s3.goAway(trouble)
      await using store = await openStore({ s3: s3.config, directory: '/nonexistent', log, timeoutMs: 1_000 })
      expect(lines.join()).toContain('S3_ENDPOINT')
      await s3.comeBack()
      await store.put('back/a', new Uint8Array([1]))
      expect(await store.find('back/a')).toEqual({ key: 'back/a', sizeBytes: 1 })
      await store.delete(['back/a'])
    },
  )
})

describe('a folder', () => {
  test('that is not there is made, and nothing is left in it', async () => {
    await using folder = await tempFolder()
    const directory = join(folder.path, 'data', 'media')
    await using store = await openStore({ s3: undefined, directory, log })
    expect(await Array.fromAsync(store.list(''))).toEqual([])
    expect(await readdir(directory)).toEqual(['.drafts'])
  })

  test('that cannot be one is named together with DATA_DIR', async () => {
    await using folder = await tempFolder()
    await Bun.write(join(folder.path, 'file'), 'not a folder')
    const directory = join(folder.path, 'file', 'media')
    await expect(openStore({ s3: undefined, directory, log })).rejects.toThrow(/file\/media.*DATA_DIR/)
  })

  test('is empty again when its last object is deleted', async () => {
    await using folder = await tempFolder()
    await using store = await DirectoryStore.open(folder.path)
    await store.put('vods/1/source/0.m4s', new Uint8Array([1]))
    await store.put('vods/2/source/0.m4s', new Uint8Array([1]))
    await store.delete(['vods/1/source/0.m4s'])
    expect(await readdir(join(folder.path, 'vods'))).toEqual(['2'])
    await store.delete(['vods/2/source/0.m4s'])
    expect(await readdir(folder.path)).toEqual(['.drafts'])
  })

  test('keeps what is being written, and clears away what a dead process left long ago', async () => {
    await using folder = await tempFolder()
    await (await DirectoryStore.open(folder.path)).close()
    const drafts = join(folder.path, '.drafts')
    const fresh = `${Date.now() - 3_600_000}-fresh`
    await Bun.write(join(drafts, fresh), 'x')
    await Bun.write(join(drafts, `${Date.now() - 2 * 86_400_000}-old`), 'x')
    await using store = await DirectoryStore.open(folder.path)
    expect(await readdir(drafts)).toEqual([fresh])
    expect(await Array.fromAsync(store.list(''))).toEqual([])
  })

  test('may hold what is not ours: links, hidden files and odd names are no objects', async () => {
    await using folder = await tempFolder()
    await using store = await DirectoryStore.open(folder.path)
    await store.put('a/object', new Uint8Array([1]))
    await Bun.write(join(folder.path, 'a/.hidden'), 'x')
    await mkdir(join(folder.path, 'a/folder'))
    await Bun.write(join(folder.path, 'lost+found/a'), 'x')
    await symlink('/etc/passwd', join(folder.path, 'a/link'))
    expect(await Array.fromAsync(store.list(''))).toEqual([{ key: 'a/object', sizeBytes: 1 }])
  })

  test('says why it took nothing, and leaves no half of it', async () => {
    await using folder = await tempFolder()
    await using store = await DirectoryStore.open(folder.path)
    await store.put('a', new Uint8Array([1]))
    await expect(store.put('a/b', new Uint8Array([1]))).rejects.toThrow(/ENOTDIR|EEXIST/)
    expect(await readdir(join(folder.path, '.drafts'))).toEqual([])
  })

  test('takes a file from another file system too', async () => {
    await using folder = await tempFolder()
    // /dev/shm is a file system of its own on every Linux.
    const path = `/dev/shm/${crypto.randomUUID()}`
    try {
      await Bun.write(path, 'from elsewhere')
      await using store = await DirectoryStore.open(join(folder.path, 'media'))
      await store.put('a/b', { path })
      expect(await Bun.file(path).text()).toBe('from elsewhere')
      expect(new TextDecoder().decode(await (await store.get('a/b'))?.bytes())).toBe('from elsewhere')
    } finally {
      await Bun.file(path).delete()
    }
  })
})
