/** What only a bucket can do, or fail to do: signatures, presigned addresses, checksums, and a server that goes away. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { S3Store, type S3StoreOptions } from '../../src/storage/s3-store.ts'
import { openTestS3, type TestS3 } from '../support/s3.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

let s3: TestS3
let store: S3Store

beforeAll(async () => {
  s3 = await openTestS3()
  store = new S3Store({ ...s3.config, timeoutMs: 1_000 })
}, 30_000)
afterEach(() => s3.comeBack())
afterAll(async () => {
  await store.close()
  await s3[Symbol.asyncDispose]()
})

test.each<[string, Partial<S3StoreOptions>, RegExp]>([
  [
    'a wrong secret',
    { credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'wrong' } },
    /SignatureDoesNot/,
  ],
  ['an unknown key', { credentials: { accessKeyId: 'WHO', secretAccessKey: 'wrong' } }, /InvalidAccessKeyId/],
  ['another region', { region: 'eu-other-2' }, /AuthorizationHeaderMalformed/],
])('%s is refused in every request', async (_, change, expected) => {
  await store.put('forged/there', text('here'))
  await using forger = new S3Store({ ...s3.config, ...change })
  const attempts = [
    forger.put('forged/a', text('x')),
    forger.get('forged/there'),
    forger.delete(['forged/there']),
    Array.fromAsync(forger.list('forged/')),
  ]
  for (const { reason } of (await Promise.allSettled(attempts)) as PromiseRejectedResult[])
    expect(reason?.message).toMatch(expected)
  // The answer to HEAD has no room for a name.
  await expect(forger.find('forged/there')).rejects.toThrow()
  const url = await forger.presign('forged/there', 60)
  expect((await fetch(url)).status).toBeGreaterThanOrEqual(400)
  expect(await Array.fromAsync(store.list('forged/'))).toEqual([{ key: 'forged/there', sizeBytes: 4 }])
})

test('every kind of request that is sent has a signature that verifies', async () => {
  const sent = s3.requests.length
  await using folder = await tempFolder()
  await Bun.write(`${folder.path}/file`, 'from a file')
  await store.put('signed/a', text('bytes'))
  await store.put('signed/a', text('bytes'), { checksum: sha256('bytes') })
  await store.put('signed/b', { path: `${folder.path}/file` })
  await store.put('signed/b', { path: `${folder.path}/file` }, { checksum: sha256('from a file') })
  await (await store.get('signed/a', { start: 1, end: 2 }))?.bytes()
  await store.find('signed/b')
  await Array.fromAsync(store.list('signed/'))
  await store.delete(['signed/a', 'signed/b'])
  expect(s3.requests.slice(sent)).toEqual([
    'PUT /media/signed/a 200',
    'PUT /media/signed/a 200',
    'PUT /media/signed/b 200',
    'PUT /media/signed/b 200',
    'GET /media/signed/a 206',
    'HEAD /media/signed/b 200',
    'GET /media/ 200',
    'POST /media/ 200',
  ])
})

test('a presigned address gives a browser the object and its parts, nothing else, and no longer than told', async () => {
  await store.put('presigned/a.m4s', text('0123456789'), { contentType: 'video/mp4' })
  await store.put('presigned/b.m4s', text('another'))
  const url = await store.presign('presigned/a.m4s', 60)
  const whole = await fetch(url)
  expect([whole.status, whole.headers.get('content-type'), await whole.text()]).toEqual([
    200,
    'video/mp4',
    '0123456789',
  ])
  expect(await (await fetch(url, { headers: { range: 'bytes=2-4' } })).text()).toBe('234')

  expect((await fetch(url.replace('a.m4s', 'b.m4s'))).status).toBe(403)
  expect((await fetch(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'))).status).toBe(403)
  expect((await fetch(url, { method: 'PUT', body: 'mine' })).status).toBe(403)
  expect((await fetch(url.split('?')[0]!)).status).toBe(403)

  const short = await store.presign('presigned/a.m4s', 1)
  expect((await fetch(short)).status).toBe(200)
  expect(
    await waitFor(async () => (await fetch(short)).status === 403, { message: 'the address to expire' }),
  ).toBe(true)
})

test('content that is not what its checksum says is refused', async () => {
  await using folder = await tempFolder()
  await Bun.write(`${folder.path}/file`, 'damaged')
  await expect(store.put('sum/a', text('damaged'), { checksum: sha256('whole') })).rejects.toThrow(/Mismatch/)
  const fromFile = store.put('sum/b', { path: `${folder.path}/file` }, { checksum: sha256('whole') })
  await expect(fromFile).rejects.toThrow(/Mismatch/)
  expect(await Array.fromAsync(store.list('sum/'))).toEqual([])
})

test.each(['refusing', 'failing', 'hanging'] as const)(
  'while it is %s all that is asked for fails soon; then it goes on',
  async trouble => {
    await using folder = await tempFolder()
    await Bun.write(`${folder.path}/file`, 'spooled')
    await store.put('away/there', text('here'))
    await s3.goAway(trouble)
    const begun = performance.now()
    const attempts = [
      store.put('away/a', text('x')),
      store.put('away/b', { path: `${folder.path}/file` }),
      store.get('away/there'),
      store.find('away/there'),
      store.delete(['away/there']),
      Array.fromAsync(store.list('away/')),
    ]
    for (const outcome of await Promise.allSettled(attempts)) expect(outcome.status).toBe('rejected')
    expect(performance.now() - begun).toBeLessThan(4_000)
    await s3.comeBack()
    await store.put('away/a', text('x'))
    await store.put('away/b', { path: `${folder.path}/file` })
    expect(await Array.fromAsync(store.list('away/'))).toEqual([
      { key: 'away/a', sizeBytes: 1 },
      { key: 'away/b', sizeBytes: 7 },
      { key: 'away/there', sizeBytes: 4 },
    ])
  },
)

test('a full store takes nothing more and still gives', async () => {
  await store.put('full/there', text('here'))
  await s3.goAway('full')
  await expect(store.put('full/a', text('x'))).rejects.toThrow()
  expect(new TextDecoder().decode(await (await store.get('full/there'))?.bytes())).toBe('here')
})

test('closing ends what is under way', async () => {
  const other = new S3Store({ ...s3.config, timeoutMs: 60_000 })
  await s3.goAway('hanging')
  const attempts = Promise.allSettled([other.put('closing/a', text('x')), other.get('closing/a')])
  await other.close()
  expect((await attempts).map(each => each.status)).toEqual(['rejected', 'rejected'])
})

test('an answer that breaks off or stops in the middle is an error, never a short object', async () => {
  for (const trouble of ['ends', 'stops']) {
    using broken = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`)
          if (trouble === 'ends') socket.end()
        },
      },
    })
    const endpoint = `http://127.0.0.1:${broken.port}`
    await using other = new S3Store({ ...s3.config, endpoint, timeoutMs: 300 })
    const got = await other.get('broken/a')
    expect(got?.sizeBytes).toBe(1000)
    await expect(got?.bytes()).rejects.toThrow()
  }
})

test('more requests than there are connections wait for one another', async () => {
  await using patient = new S3Store(s3.config)
  s3.delay(20)
  const keys = Array.from({ length: 200 }, (_, i) => `crowd/${String(i).padStart(3, '0')}`)
  await Promise.all(keys.map(key => patient.put(key, text(key))))
  s3.delay(0)
  expect((await Array.fromAsync(store.list('crowd/'))).map(each => each.key)).toEqual(keys)
}, 30_000)

test('readers that take their time hold up neither the writers nor each other’s content', async () => {
  const content = crypto.getRandomValues(new Uint8Array(60_000))
  await store.put('slow/a', content)
  const bodies = await Promise.all(Array.from({ length: 40 }, () => store.get('slow/a')))
  await store.put('slow/b', text('not held up'))
  for (const body of bodies) expect(await body?.bytes()).toEqual(content)
})

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

function sha256(content: string): string {
  return new Bun.CryptoHasher('sha256').update(content).digest('hex')
}
