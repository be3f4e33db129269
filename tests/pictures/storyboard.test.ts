/** The pictures of a finished VOD: sheets in which each shows its time, and moments that are not black. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { finishPictures } from '../../src/pictures/finish-pictures.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { storyboardKey } from '../../src/vod/object-keys.ts'
import { encode } from '../hls/encoder.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { type StoredVod, storeVod } from '../support/stored-vod.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'
import { readGrays } from './counted.ts'

let opened: TestDatabase
let folder: TempFolder
let store: ObjectStore
let channelId: string
beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  folder = await tempFolder()
  store = await DirectoryStore.open(folder.path)
  const services = createServices(opened.database)
  channelId = (await createChannel(services, (await createAccount(services)).id)).id
}, 30_000)
afterAll(async () => {
  await opened[Symbol.asyncDispose]()
  await folder.remove()
})

const RATE = 5
const add = (...broadcasts: Awaited<ReturnType<typeof encode>>[]) =>
  storeVod({ database: opened.database, store, channelId, broadcasts })
const film = (picture: string, seconds: number, size = '320x180') =>
  encode({
    ...{ seconds, rate: RATE, gop: RATE, hasAudio: false, size, video: ['-crf', '8'] },
    picture: `${picture.replace('SIZE', `size=${size}:rate=${RATE}:duration=${seconds}`)}`,
  })
async function finished({ id, vods: { vods, manifest } }: StoredVod) {
  await finishPictures({ vods, manifest, store }, id, new AbortController().signal)
  return vods.get(id)
}
/** Brightness in the middle of each picture, as video has it. */
async function tones(id: string, sheet: number, shape: { width: number; height: number }, count: number) {
  const jpeg = await (await store.get(storyboardKey(id, sheet)))!.bytes()
  const { grays, width } = await readGrays(jpeg)
  return Array.from({ length: count }, (_, index) => {
    const x = (index % 10) * shape.width + shape.width / 2
    const y = Math.floor(index / 10) * shape.height + shape.height / 2
    return Math.round((grays[y * width + x]! * 219) / 255 + 16)
  })
}

test('every picture shows its time, over several sheets', async () => {
  // A second is as bright as its number, from 0 to 119.
  const vod = await add(await film('nullsrc=SIZE,geq=lum=40+floor(N/5):cb=128:cr=128', 120))
  const { storyboard } = await finished(vod)
  expect(storyboard).toEqual({
    ...{ intervalMs: 1_000, pictures: 120, width: 160, height: 90, columns: 10, rows: 10 },
  })
  const seen = [...(await tones(vod.id, 0, storyboard!, 100)), ...(await tones(vod.id, 1, storyboard!, 20))]
  for (const [second, tone] of seen.entries()) expect(Math.abs(tone - 40 - second)).toBeLessThanOrEqual(2)
}, 120_000)

test('moments that could stand for it are neither black nor plain, spread over it, the most telling first', async () => {
  const black = 'color=black:SIZE'
  const parts = await Promise.all([
    film(black, 6),
    film('testsrc2=SIZE', 4),
    film(black, 6),
    film('testsrc2=SIZE', 4),
  ])
  const vod = await add(...parts)
  const { thumbnailCandidatesMs } = await finished(vod)
  expect(thumbnailCandidatesMs.length).toBeWithin(3, 6)
  const inside = thumbnailCandidatesMs.filter(ms => (ms >= 6_000 && ms < 10_000) || ms >= 16_000)
  expect(inside.length).toBeGreaterThanOrEqual(2)
  expect(inside).toContain(thumbnailCandidatesMs[0]!)
}, 120_000)

test('other sizes fit in, an upright one too, and what is missing shows what was before', async () => {
  const [upright, wide] = await Promise.all([
    film('nullsrc=SIZE,geq=lum=100:cb=128:cr=128', 4, '90x160'),
    film('nullsrc=SIZE,geq=lum=200:cb=128:cr=128', 4, '160x90'),
  ])
  const vod = await add(upright, wide)
  await vod.vods.manifest.markGap(vod.id, 'source', 1)
  const { storyboard } = await finished(vod)
  expect(storyboard).toMatchObject({ width: 90, height: 160, pictures: 8 })
  const seen = await tones(vod.id, 0, storyboard!, 8)
  for (const tone of seen.slice(0, 4)) expect(tone).toBeWithin(97, 104)
  for (const tone of seen.slice(4)) expect(tone).toBeWithin(197, 204)
}, 120_000)

test('it is made again after it failed, and not made of what is gone', async () => {
  const vod = await add(await film('testsrc2=SIZE', 4))
  const { vods, manifest } = vod.vods
  const broken: ObjectStore['put'] = async () => {
    throw new Error('away')
  }
  const without = { get: store.get.bind(store), put: broken }
  const { signal } = new AbortController()
  expect(finishPictures({ vods, manifest, store: without }, vod.id, signal)).rejects.toThrow('away')
  expect((await finished(vod)).storyboard).not.toBeNull()
  await vods.remove(vod.id)
  await finishPictures({ vods, manifest, store }, vod.id, signal)
}, 60_000)
