/** What a VOD's addresses answer: media with its headers, refusals, lost objects, tokens, and buckets. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { tokensOf } from '../../src/live/admission.ts'
import type { ByteRange, ObjectStore } from '../../src/storage/object-store.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { segmentKey } from '../../src/vod/object-keys.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { openTestS3 } from '../support/s3.ts'
import type { StoredVod } from '../support/stored-vod.ts'
import { waitFor } from '../support/wait-for.ts'
import { countPictures, log, openVodSite, reasonOf, type VodSite } from './site.ts'

let media: Encoded
let site: VodSite
let vod: StoredVod
beforeAll(async () => {
  media = await encode({ seconds: 8, size: '64x36' })
  site = await openVodSite()
  vod = await site.add({ broadcasts: [media] })
}, 60_000)
afterAll(() => site[Symbol.asyncDispose]())

/** Counts the bodies that files are made of. */
class WatchedStore implements ObjectStore {
  opened = 0
  open = 0
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  async get(key: string, range?: ByteRange) {
    const found = await this.#store.get(key, range)
    if (!found || !range) return found
    this.opened++
    this.open++
    const reader = (found.body as Blob).stream().getReader()
    const body = new ReadableStream<Uint8Array>(
      {
        pull: async controller => {
          const { value } = await reader.read()
          if (value) return controller.enqueue(value)
          this.open--
          controller.close()
        },
        cancel: () => {
          this.open--
          return reader.cancel()
        },
      },
      { highWaterMark: 0 },
    )
    return { ...found, body }
  }

  put = (...given: Parameters<ObjectStore['put']>) => this.#store.put(...given)
  find = (...given: Parameters<ObjectStore['find']>) => this.#store.find(...given)
  delete = (...given: Parameters<ObjectStore['delete']>) => this.#store.delete(...given)
  list = (...given: Parameters<ObjectStore['list']>) => this.#store.list(...given)
  presign = (...given: Parameters<ObjectStore['presign']>) => this.#store.presign(...given)
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

describe('media', () => {
  test('a segment is its object, kept for ever, in any range, and known again', async () => {
    const { data } = vod.segments.get('source')![1]!
    const path = `${vod.id}/source/1.m4s`
    const whole = await site.fetch(path)
    expect(Buffer.compare(await whole.bytes(), data)).toBe(0)
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': `${data.byteLength}`,
      'cache-control': 'public, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
    })
    const part = await site.fetch(path, { headers: { range: 'bytes=10-99' } })
    expect([part.status, part.headers.get('content-range'), part.headers.get('content-length')]).toEqual([
      ...[206, `bytes 10-99/${data.byteLength}`, '90'],
    ])
    expect(Buffer.compare(await part.bytes(), data.subarray(10, 100))).toBe(0)
    const tail = await site.fetch(path, { headers: { range: 'bytes=-7' } })
    expect(Buffer.compare(await tail.bytes(), data.subarray(-7))).toBe(0)
    const beyond = await site.fetch(path, { headers: { range: `bytes=${data.byteLength}-` } })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${data.byteLength}`])
    const again = await site.fetch(path, { headers: { 'if-none-match': whole.headers.get('etag')! } })
    expect(again.status).toBe(304)
    const head = await site.fetch(path, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, `${data.byteLength}`])
    expect((await site.fetch(path, { method: 'DELETE' })).status).toBe(405)
    expect(
      (await site.fetch(path, { method: 'OPTIONS' })).headers.get('access-control-allow-methods'),
    ).toContain('GET')
  })

  test('an init segment is what was stored', async () => {
    const response = await site.fetch(`${vod.id}/audio/init-0.mp4`)
    expect(Buffer.compare(await response.bytes(), vod.segments.get('audio')![0]!.init!)).toBe(0)
  })

  test('playlists are compressed for who takes that, and known again', async () => {
    const path = `${vod.id}/source/playlist.m3u8`
    const plain = await site.fetch(path, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    const packed = await site.fetch(path, { headers: { 'accept-encoding': 'gzip' } })
    expect(packed.headers.get('vary')).toBe('Accept-Encoding')
    expect(await packed.text()).toBe(await plain.text())
    const again = await site.fetch(path, { headers: { 'if-none-match': plain.headers.get('etag')! } })
    expect(again.status).toBe(304)
  })

  test.each([
    ['nothing', 'vod_not_found'],
    ['01a218bd-778a-740d-8b6b-26ecf2a5a16d/index.m3u8', 'vod_not_found'],
    ['ID/other.m3u8', 'vod_file_not_found'],
    ['ID/source/999.m4s', 'vod_file_not_found'],
    ['ID/source/init-9.mp4', 'vod_file_not_found'],
    ['ID/nothing/playlist.m3u8', 'vod_file_not_found'],
    ['ID/source/..%2f..%2fsecret', 'vod_not_found'],
    ['ID/source/0.m4s.bak', 'vod_file_not_found'],
    ['ID/video.mp4?rendition=4k', 'rendition_not_found'],
    ['ID/video.mp4?rendition=audio', 'rendition_not_found'],
  ])('%s is refused: %s', async (path, reason) => {
    const response = await site.fetch(path.replace('ID', vod.id))
    expect([response.status, await reasonOf(response)]).toEqual([404, reason])
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })

  test('the file has a name that every system takes, and is saved when asked', async () => {
    const title = 'Émile’s "best" of\n../2026: 100% 🎮'
    const named = await site.add({ broadcasts: [media], title })
    const saved = await site.fetch(`${named.id}/video.mp4?download=1`, { method: 'HEAD' })
    expect(saved.headers.get('content-disposition')).toBe(
      `attachment; filename="Emiles best of .. 2026 100.mp4"; filename*=UTF-8''%C3%89mile%E2%80%99s%20best%20of%20..%202026%20100%25%20%F0%9F%8E%AE.mp4`,
    )
    const played = await site.fetch(`${named.id}/video.mp4`, { method: 'HEAD' })
    expect(played.headers.get('content-disposition')).toStartWith('inline; ')
  })
})

test('what is not finished is not served, and what is deleted is gone', async () => {
  const unfinished = await site.add({ broadcasts: [media], isUnfinished: true })
  for (const file of ['index.m3u8', 'source/playlist.m3u8', 'source/0.m4s', 'manifest.mpd', 'video.mp4']) {
    const response = await site.fetch(`${unfinished.id}/${file}`)
    expect([response.status, await reasonOf(response)]).toEqual([404, 'vod_not_ready'])
  }
  await site.vods.vods.finish(unfinished.id)
  expect((await site.fetch(`${unfinished.id}/index.m3u8`)).status).toBe(200)
  await site.vods.vods.remove(unfinished.id)
  expect(await reasonOf(await site.fetch(`${unfinished.id}/source/0.m4s`))).toBe('vod_not_found')
})

test('a lost object is a gap in the playlists as soon as that is known, and the rest plays', async () => {
  const hurt = await site.add({ broadcasts: [media] })
  expect(await site.text(`${hurt.id}/source/playlist.m3u8`)).not.toContain('GAP')
  await site.store.delete([segmentKey({ vodId: hurt.id, rendition: 'source', sequence: 1 })])
  expect(await reasonOf(await site.fetch(`${hurt.id}/source/1.m4s`))).toBe('vod_file_not_found')
  const broken = await site
    .fetch(`${hurt.id}/video.mp4`)
    .then(response => response.bytes())
    .then(
      bytes => bytes.byteLength,
      () => 'failed',
    )
  expect(broken).not.toBe(vod.segments.get('source')!.reduce((sum, each) => sum + each.data.byteLength, 0))
  await site.vods.manifest.markGap(hurt.id, 'source', 1)
  expect(await site.text(`${hurt.id}/source/playlist.m3u8`)).toMatch(
    /#EXT-X-GAP\n#EXTINF:2.000000001,\n1.m4s\n/,
  )
  const url = `${site.url}/vod/${hurt.id}`
  expect(await countPictures(`${url}/video.mp4`)).toBe(180)
  const { format } = await probe(`${url}/video.mp4`)
  expect(Math.abs(Number(format.duration) - 8)).toBeLessThan(0.1)
  expect((await site.text(`${hurt.id}/manifest.mpd`)).match(/<Period/g)).toHaveLength(2)
})

test('who may not watch gets nothing; a token in the path goes on into every address', async () => {
  const token = 'a.b.c'
  const mayWatch = async (request: Request) => {
    if (tokensOf(request).includes(token)) return token
    throw new AppError('FORBIDDEN', 'playback_token_invalid', 'No.')
  }
  await using guarded = await openVodSite({ mayWatch })
  const { id } = await guarded.add({ broadcasts: [media], visibility: 'private' })
  const files = [
    'index.m3u8',
    'source/playlist.m3u8',
    'source/0.m4s',
    'source/init-0.mp4',
    'manifest.mpd',
    'video.mp4',
    'x',
  ]
  for (const file of files)
    for (const folder of [`vod/${id}`, `t/x.y.z/vod/${id}`]) {
      const response = await fetch(`${guarded.url}/${folder}/${file}`)
      expect([file, response.status, await reasonOf(response)]).toEqual([file, 403, 'playback_token_invalid'])
    }
  const seen = new Set<string>()
  const follow = async (url: string): Promise<void> => {
    if (seen.has(url)) return
    seen.add(url)
    const response = await fetch(url)
    expect([url, response.status]).toEqual([url, 200])
    expect(response.headers.get('cache-control')).toStartWith('private')
    if (!url.includes('.m3u8')) return
    const text = await response.text()
    expect(text).not.toContain(token)
    const listed = [...text.matchAll(/^[^#\n].*$|URI="([^"]+)"/gm)].map(match => match[1] ?? match[0])
    for (const uri of listed) await follow(new URL(uri, response.url).href)
  }
  await follow(`${guarded.url}/vod/${id}/index.m3u8?token=${token}`)
  // Two playlists, an init segment each, four segments each.
  expect(seen.size).toBe(1 + 2 + 2 + 8)
  const manifest = await fetch(`${guarded.url}/vod/${id}/manifest.mpd?token=${token}`)
  expect(manifest.url).toBe(`${guarded.url}/t/${token}/vod/${id}/manifest.mpd`)
  expect(await manifest.text()).toContain('media="source/$Number$.m4s"')
  const open = await guarded.add({ broadcasts: [media] })
  const anybody = await fetch(`${guarded.url}/vod/${open.id}/index.m3u8?token=${token}`)
  expect(anybody.redirected).toBe(false)
}, 60_000)

test('for a player that stops reading nothing is read ahead, and what is open is closed when it goes', async () => {
  const watched = new WatchedStore(site.store)
  const video = ['-b:v', '30M', '-minrate', '30M', '-x264-params', 'nal-hrd=cbr', '-bufsize', '5M']
  const big = await encode({ seconds: 24, size: '640x360', video, hasAudio: false })
  await using slow = await openVodSite({}, watched)
  const { id, segments } = await slow.add({ broadcasts: [big] })
  const count = segments.get('source')!.length
  const reader = (await slow.fetch(`${id}/video.mp4`)).body!.getReader()
  while (watched.opened === 0) await reader.read()
  // As long as it takes to give somebody else all of it, twice.
  for (let sequence = 0; sequence < count * 2; sequence++)
    await (await slow.fetch(`${id}/source/${sequence % count}.m4s`)).bytes()
  expect(watched.opened).toBeLessThan(count / 2)
  await reader.cancel()
  await waitFor(() => watched.open === 0, { message: 'what was open to be closed' })
  expect(watched.opened).toBeLessThan(count / 2)
}, 60_000)

describe('a bucket', () => {
  test('is served through this server, ranges too', async () => {
    await using s3 = await openTestS3()
    const store = await openStore({ s3: s3.config, directory: '', log })
    await using remote = await openVodSite({}, store)
    const stored = await remote.add({ broadcasts: [media] })
    const { data } = stored.segments.get('source')![0]!
    const response = await remote.fetch(`${stored.id}/source/0.m4s`)
    expect(response.headers.get('content-length')).toBe(`${data.byteLength}`)
    expect(Buffer.compare(await response.bytes(), data)).toBe(0)
    const part = await remote.fetch(`${stored.id}/source/0.m4s`, { headers: { range: 'bytes=5-9' } })
    expect(Buffer.compare(await part.bytes(), data.subarray(5, 10))).toBe(0)
    expect(await countPictures(`${remote.url}/vod/${stored.id}/video.mp4`)).toBe(240)
    await s3.goAway('failing')
    expect((await remote.fetch(`${stored.id}/source/1.m4s`)).status).toBe(500)
    // What was asked for a moment ago is still known.
    expect((await remote.fetch(`${stored.id}/source/0.m4s`)).status).toBe(200)
  }, 60_000)

  test('serves players itself by addresses that end, when that is chosen', async () => {
    await using s3 = await openTestS3()
    const store = await openStore({ s3: s3.config, directory: '', log })
    await using remote = await openVodSite({ delivery: 'redirect' }, store)
    const stored = await remote.add({ broadcasts: [media] })
    const sent = await remote.fetch(`${stored.id}/source/0.m4s`, { redirect: 'manual' })
    expect(sent.status).toBe(302)
    const location = new URL(sent.headers.get('location')!)
    expect(location.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/)
    expect(sent.headers.get('cache-control')).toStartWith('private, max-age=')
    const { data } = stored.segments.get('source')![0]!
    expect(Buffer.compare(await (await fetch(location)).bytes(), data)).toBe(0)
    expect(await countPictures(`${remote.url}/vod/${stored.id}/index.m3u8`)).toBe(240)
  }, 60_000)
})

async function probe(url: string): Promise<{ format: { duration: string } }> {
  const child = Bun.spawn(['ffprobe', '-v', 'error', '-show_format', '-of', 'json', url], { stdout: 'pipe' })
  return JSON.parse(await new Response(child.stdout).text())
}
