/** What every object store keeps: a directory, and a bucket on a real S3-compatible server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { createLog } from '../../src/log.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { openTestS3, type TestS3 } from '../support/s3.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'

const log = createLog('silent')
let folder: TempFolder
let s3: TestS3

beforeAll(async () => {
  folder = await tempFolder()
  s3 = await openTestS3()
}, 30_000)
afterAll(async () => {
  await s3[Symbol.asyncDispose]()
  await folder.remove()
})

const kinds: Record<string, () => Promise<ObjectStore>> = {
  directory: () => openStore({ s3: undefined, directory: join(folder.path, 'media'), log }),
  s3: () => openStore({ s3: s3.config, directory: '/nonexistent', log }),
}

describe.each(Object.keys(kinds))('%s', kind => {
  let store: ObjectStore
  beforeAll(async () => {
    store = await kinds[kind]!()
  })
  afterAll(() => store.close())

  test('what is put is what is got, byte for byte', async () => {
    const content = Uint8Array.from({ length: 256 * 4 }, (_, i) => i)
    await store.put('exact/all-bytes.m4s', content, { contentType: 'video/mp4', checksum: sha256(content) })
    const got = await store.get('exact/all-bytes.m4s')
    expect(got?.sizeBytes).toBe(1024)
    expect(await got?.bytes()).toEqual(content)
    expect(await store.find('exact/all-bytes.m4s')).toEqual({ key: 'exact/all-bytes.m4s', sizeBytes: 1024 })
  })

  test('a part of a larger buffer is only that part', async () => {
    await store.put('exact/view', new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3))
    expect(await bytesOf('exact/view')).toEqual(new Uint8Array([2, 3]))
  })

  test('an object without a byte is an object', async () => {
    await store.put('exact/empty', new Uint8Array())
    expect((await store.get('exact/empty'))?.sizeBytes).toBe(0)
    expect(await bytesOf('exact/empty')).toEqual(new Uint8Array())
    expect(await store.find('exact/empty')).toEqual({ key: 'exact/empty', sizeBytes: 0 })
  })

  test('put again, it is replaced, by a shorter one too', async () => {
    await store.put('again/a', text('a long first content'))
    await store.put('again/a', text('short'))
    expect(await readText('again/a')).toBe('short')
  })

  test('the body can be the answer to a request', async () => {
    await store.put('answer/a', text('hello'))
    expect(await new Response((await store.get('answer/a'))?.body).text()).toBe('hello')
    const part = await store.get('answer/a', { start: 1, end: 3 })
    expect(await new Response(part?.body).text()).toBe('el')
  })

  test.each([
    { start: 0, end: 10, expected: '0123456789' },
    { start: 0, end: 1, expected: '0' },
    { start: 3, end: 7, expected: '3456' },
    { start: 9, end: 10, expected: '9' },
    { start: 5, end: 1000, expected: '56789' },
    { start: 4, end: Number.POSITIVE_INFINITY, expected: '456789' },
    { start: 10, end: 20, expected: '' },
    { start: 500, end: 600, expected: '' },
    { start: 4, end: 4, expected: '' },
    { start: 6, end: 4, expected: '' },
  ])('of ten bytes, from $start to $end are $expected', async ({ start, end, expected }) => {
    await store.put('range/ten', text('0123456789'))
    const got = await store.get('range/ten', { start, end })
    expect(got?.sizeBytes).toBe(expected.length)
    expect(new TextDecoder().decode(await got?.bytes())).toBe(expected)
  })

  test('what is not there is not found, in whole or in part', async () => {
    await store.put('missing/is-there', text('x'))
    for (const key of ['missing/other', 'nothing/at/all', 'missing']) {
      expect(await store.get(key)).toBeUndefined()
      expect(await store.get(key, { start: 0, end: 1 })).toBeUndefined()
      expect(await store.get(key, { start: 1, end: 1 })).toBeUndefined()
      expect(await store.find(key)).toBeUndefined()
    }
  })

  test('a file is put, and stays its owner’s', async () => {
    const path = join(folder.path, `spooled-${kind}`)
    const content = crypto.getRandomValues(new Uint8Array(50_000))
    await Bun.write(path, content)
    await store.put('file/a.m4s', { path }, { checksum: sha256(content) })
    // A second time is what a restart does that does not know of the first.
    await store.put('file/a.m4s', { path })
    expect(await Bun.file(path).bytes()).toEqual(content)
    await Bun.file(path).delete()
    expect(await bytesOf('file/a.m4s')).toEqual(content)
  })

  test('a file that is not there is said to be missing', async () => {
    await expect(store.put('file/none', { path: join(folder.path, 'none') })).rejects.toThrow(/ENOENT/)
    expect(await store.find('file/none')).toBeUndefined()
  })

  test('an object of 40 MB comes back whole, and so do its last bytes', async () => {
    const path = join(folder.path, `large-${kind}`)
    const content = new Uint8Array(40_000_000)
    for (let i = 0; i < content.length; i += 65_536)
      crypto.getRandomValues(content.subarray(i, Math.min(i + 65_536, content.length)))
    await Bun.write(path, content)
    await store.put('large/file', { path }, { checksum: sha256(content) })
    await store.put('large/bytes', content)
    for (const key of ['large/file', 'large/bytes']) {
      expect(sha256((await bytesOf(key))!)).toBe(sha256(content))
      const end = await store.get(key, { start: 39_999_990, end: 50_000_000 })
      expect(await end?.bytes()).toEqual(content.slice(-10))
    }
  }, 60_000)

  test('what is deleted is gone, and what was never there is passed over', async () => {
    await store.put('delete/a/1', text('1'))
    await store.put('delete/a/2', text('2'))
    await store.put('delete/keep', text('3'))
    await store.delete(['delete/a/1', 'delete/never', 'delete/a/2', 'no/such/folder'])
    await store.delete([])
    expect(await keysOf('delete/')).toEqual(['delete/keep'])
    await store.put('delete/a/1', text('again'))
    expect(await readText('delete/a/1')).toBe('again')
  })

  test('more than a thousand are deleted, and listed, at once', async () => {
    const keys = Array.from({ length: 1_105 }, (_, i) => `many/${String(i).padStart(4, '0')}`)
    for (let i = 0; i < keys.length; i += 50)
      await Promise.all(keys.slice(i, i + 50).map(key => store.put(key, text(key))))
    expect(await keysOf('many/')).toEqual(keys)
    await store.delete(keys)
    expect(await keysOf('many/')).toEqual([])
  }, 60_000)

  test('a list has what begins so, in the order of the keys, with sizes', async () => {
    const keys = ['l/a-b', 'l/a.b', 'l/a/10', 'l/a/9', 'l/a/b/c', 'l/a0', 'l/aB', 'l/b', 'l_other']
    for (const key of [...keys].reverse()) await store.put(key, text(key))
    const infos = keys.map(key => ({ key, sizeBytes: key.length }))
    expect(await Array.fromAsync(store.list('l/'))).toEqual(infos.slice(0, -1))
    expect(await Array.fromAsync(store.list('l'))).toEqual(
      [...(await Array.fromAsync(store.list('l')))].sort((a, b) => (a.key < b.key ? -1 : 1)),
    )
    expect(await keysOf('l/a')).toEqual(keys.slice(0, 7))
    expect(await keysOf('l/a/')).toEqual(['l/a/10', 'l/a/9', 'l/a/b/c'])
    expect(await keysOf('l/a/b')).toEqual(['l/a/b/c'])
    expect(await keysOf('l/a/9')).toEqual(['l/a/9'])
    expect(await keysOf('l/a/9/')).toEqual([])
    expect(await keysOf('nobody/')).toEqual([])
    expect(await keysOf('')).toEqual(expect.arrayContaining(keys))
  })

  test('a list can be left in the middle, and what it names may go meanwhile', async () => {
    for (const name of ['a/1', 'b/1', 'c/1']) await store.put(`leave/${name}`, text('x'))
    const seen: string[] = []
    for await (const { key } of store.list('leave/')) {
      seen.push(key)
      await store.delete([key])
      if (seen.length === 2) break
    }
    expect(seen).toEqual(['leave/a/1', 'leave/b/1'])
    expect(await keysOf('leave/')).toEqual(['leave/c/1'])
  })

  test.each([
    ...['', '/', 'a//b', '/a', 'a/', '..', '.', 'a/../b', 'a/..', '../a', 'a/./b', '.drafts/x', 'a/.b'],
    ...[
      'a b',
      'a\\b',
      'a\0b',
      'ä',
      'a%2e',
      'a?b',
      'a#b',
      `${'too-long/'.repeat(120)}a`,
      `${'x'.repeat(256)}/a`,
    ],
  ])('%j is no key', async key => {
    await expect(store.put(key, text('x'))).rejects.toThrow(/cannot be the key/)
    await expect(store.get(key)).rejects.toThrow(/cannot be the key/)
    await expect(store.find(key)).rejects.toThrow(/cannot be the key/)
    await expect(store.delete(['a/fine', key])).rejects.toThrow(/cannot be the key/)
    await expect(store.presign(key, 60)).rejects.toThrow(/cannot be the key/)
  })

  test.each(['..', '../', 'a/../', '/', '.', 'a//', 'a/.'])('no key begins with %j', async prefix => {
    await expect(Array.fromAsync(store.list(prefix))).rejects.toThrow(/cannot begin the key/)
  })

  test('who reads while it is put again and again sees one content whole, never a mixture', async () => {
    const contents = Array.from({ length: 12 }, (_, i) => new Uint8Array(100_000 + i).fill(i))
    await store.put('whole/a', contents[0]!)
    const writing = Promise.all(contents.map(content => store.put('whole/a', content)))
    let isWritten = false
    void writing.finally(() => {
      isWritten = true
    })
    do {
      const got = (await bytesOf('whole/a'))!
      expect(got).toEqual(contents[got.length - 100_000]!)
    } while (!isWritten)
    await writing
    expect(contents).toContainEqual((await bytesOf('whole/a'))!)
  }, 30_000)

  test('a folder that empties while another object comes into it is no obstacle', async () => {
    for (let round = 0; round < 30; round++) {
      await store.put('busy/folder/old', text('old'))
      await Promise.all([store.delete(['busy/folder/old']), store.put('busy/folder/new', text('new'))])
      expect(await keysOf('busy/')).toEqual(['busy/folder/new'])
      await store.delete(['busy/folder/new'])
    }
  })

  test('closed, it takes and gives nothing, and closes twice', async () => {
    const other = await kinds[kind]!()
    await other.close()
    await other.close()
    await expect(other.put('closed/a', text('x'))).rejects.toThrow(/closed/)
    await expect(other.get('closed/a')).rejects.toThrow(/closed/)
    await expect(other.find('closed/a')).rejects.toThrow(/closed/)
    await expect(other.delete(['closed/a'])).rejects.toThrow(/closed/)
    await expect(Array.fromAsync(other.list('closed/'))).rejects.toThrow(/closed/)
    expect(await keysOf('closed/')).toEqual([])
  })

  async function bytesOf(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await store.get(key))?.bytes()
  }

  async function readText(key: string): Promise<string> {
    return new TextDecoder().decode(await bytesOf(key))
  }

  async function keysOf(prefix: string): Promise<string[]> {
    return (await Array.fromAsync(store.list(prefix))).map(each => each.key)
  }
})

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

function sha256(content: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(content).digest('hex')
}
