/** Pictures of VODs and of running streams by their addresses. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { finishPictures } from '../../src/pictures/finish-pictures.ts'
import type { Encoded } from '../hls/encoder.ts'
import { encodeCounted, readPicture } from '../pictures/counted.ts'
import { createServices } from '../support/platform.ts'
import type { StoredVod } from '../support/stored-vod.ts'
import { openVodSite, reasonOf, type VodSite } from './site.ts'

let media: Encoded
let site: VodSite
let vod: StoredVod
let isFull = false
beforeAll(async () => {
  media = await encodeCounted(100, ['-bf', '2'])
  site = await openVodSite({
    limit: () => {
      if (isFull) throw new AppError('LIMIT', 'rate_limited', 'Too many.')
    },
  })
  vod = await site.add({ broadcasts: [media] })
}, 60_000)
afterAll(() => site[Symbol.asyncDispose]())

test('a frame has a width by number or by device, is kept for ever, and known again', async () => {
  const response = await site.fetch(`${vod.id}/frame.jpg?at=2500&width=160`)
  expect(response.headers.get('content-type')).toBe('image/jpeg')
  expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(await readPicture(await response.bytes())).toEqual({ width: 160, height: 90, frame: 62 })
  const phone = await site.fetch(`${vod.id}/frame.jpg?at=2500&device=phone`)
  expect((await readPicture(await phone.bytes())).width).toBe(320)
  const again = await site.fetch(`${vod.id}/frame.jpg?at=2500&width=160`, {
    headers: { 'if-none-match': response.headers.get('etag')! },
  })
  expect(again.status).toBe(304)
}, 30_000)

test.each([
  ['at=-1', 'at_invalid'],
  ['at=x', 'at_invalid'],
  ['at=99999999999', 'at_invalid'],
  ['at=0&width=161', 'width_invalid'],
  ['at=0&device=fridge', 'width_invalid'],
])('frame.jpg?%s is refused: %s', async (query, reason) => {
  const response = await site.fetch(`${vod.id}/frame.jpg?${query}`)
  expect([response.status, await reasonOf(response)]).toEqual([400, reason])
})

test('only what has to be made is counted by the limit', async () => {
  expect((await site.fetch(`${vod.id}/frame.jpg?at=1000&width=160`)).status).toBe(200)
  isFull = true
  expect((await site.fetch(`${vod.id}/frame.jpg?at=1000&width=160`)).status).toBe(200)
  const refused = await site.fetch(`${vod.id}/frame.jpg?at=1500&width=160`)
  expect([refused.status, await reasonOf(refused)]).toEqual([429, 'rate_limited'])
  isFull = false
}, 30_000)

test('the thumbnail is the one that was chosen, or one that was found, or of a tenth of the way', async () => {
  const frame = async () =>
    (await readPicture(await (await site.fetch(`${vod.id}/thumbnail.jpg?width=320`)).bytes())).frame
  expect(await frame()).toBe(10)
  await site.vods.vods.describe(vod.id, { thumbnailCandidatesMs: [3_000, 1_000] })
  expect(await frame()).toBe(75)
  await site.vods.vods.update(site.channel.ownerId, vod.id, { thumbnailMs: 2_000 })
  expect(await frame()).toBe(50)
}, 30_000)

test('the storyboard says which part of which sheet is shown when', async () => {
  expect(await reasonOf(await site.fetch(`${vod.id}/storyboard.vtt`))).toBe('vod_file_not_found')
  expect(await reasonOf(await site.fetch(`${vod.id}/storyboard-0.jpg`))).toBe('vod_file_not_found')
  const { vods, manifest } = site.vods
  await finishPictures({ vods, manifest, store: site.store }, vod.id, new AbortController().signal)
  const response = await site.fetch(`${vod.id}/storyboard.vtt`)
  expect(response.headers.get('content-type')).toBe('text/vtt; charset=utf-8')
  expect(await response.text()).toBe(`WEBVTT

00:00:00.000 --> 00:00:01.000
storyboard-0.jpg#xywh=0,0,160,90

00:00:01.000 --> 00:00:02.000
storyboard-0.jpg#xywh=160,0,160,90

00:00:02.000 --> 00:00:03.000
storyboard-0.jpg#xywh=320,0,160,90

00:00:03.000 --> 00:00:04.000
storyboard-0.jpg#xywh=480,0,160,90
`)
  const sheet = await site.fetch(`${vod.id}/storyboard-0.jpg`)
  expect((await readPicture(await sheet.bytes())).width).toBe(1600)
  expect((await site.fetch(`${vod.id}/storyboard-1.jpg`)).status).toBe(404)
}, 30_000)

test('a running stream gives frames of what is stored, and no more is remembered than is final', async () => {
  const services = createServices(site.opened.database)
  const stream = await services.streams.open(site.channel.id)
  const live = await site.add({ broadcasts: [media], streamId: stream.id, isUnfinished: true })
  const ask = async (path: string) => {
    const response = await fetch(`${site.url}${path}`)
    const { frame } = await readPicture(await response.bytes())
    return [frame, response.headers.get('cache-control')]
  }
  const address = `/streams/${stream.id}/frame.jpg`
  expect(await ask(`${address}?at=2000&width=320`)).toEqual([50, 'public, max-age=31536000, immutable'])
  expect(await ask(`${address}?at=9000&width=320`)).toEqual([99, 'public, max-age=2'])
  expect(await ask(`${address}?width=320`)).toEqual([99, 'public, max-age=2'])
  expect(await ask(`/vod/${live.id}/thumbnail.jpg?width=320`)).toEqual([99, 'public, max-age=60'])
  const nobody = await fetch(`${site.url}/streams/${Bun.randomUUIDv7()}/frame.jpg`)
  expect([nobody.status, await reasonOf(nobody)]).toEqual([404, 'stream_not_found'])
}, 30_000)
