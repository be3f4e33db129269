/** Pictures of single moments: the very frame, by reading little, made once, within bounds. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createLog } from '../../src/log.ts'
import { Frames } from '../../src/pictures/frames.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import type { ByteRange, ObjectStore } from '../../src/storage/object-store.ts'
import { framesPrefix, segmentKey } from '../../src/vod/object-keys.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { type StoredVod, storeVod } from '../support/stored-vod.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'
import { encodeCounted, RATE, readPicture } from './counted.ts'

const log = createLog('silent')
const FRAMES = 100

let opened: TestDatabase
let folder: TempFolder
let store: ObjectStore
let channelId: string
/** With B-frames and a key frame every two seconds. */
let vod: StoredVod
beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  folder = await tempFolder()
  store = await DirectoryStore.open(folder.path)
  const services = createServices(opened.database)
  channelId = (await createChannel(services, (await createAccount(services)).id)).id
  vod = await add(await encodeCounted(FRAMES, ['-bf', '2']))
}, 60_000)
afterAll(async () => {
  await opened[Symbol.asyncDispose]()
  await folder.remove()
})

const add = (...broadcasts: Awaited<ReturnType<typeof encodeCounted>>[]) =>
  storeVod({ database: opened.database, store, channelId, broadcasts })
const framesOf = ({ vods }: StoredVod, reads: ByteRange[] = []) =>
  new Frames({
    ...{ manifest: vods.manifest, log },
    store: {
      get: (key, range) => {
        if (range) reads.push(range)
        return store.get(key, range)
      },
      put: (...given) => store.put(...given),
      list: prefix => store.list(prefix),
    },
  })
const kept = async (id: string) => (await Array.fromAsync(store.list(framesPrefix(id)))).map(each => each.key)

test('a moment’s picture is that of its very frame', async () => {
  const frames = framesOf(vod)
  const moments = [0, 39, 40, 41, 500, 1_001, 1_960, 1_999, 2_000, 2_040, 2_777, 3_333, 3_960, 3_999]
  for (const at of moments) {
    const found = (await frames.find(vod.id, at))!
    const { frame } = await readPicture(await frames.jpeg(found, 320))
    expect([at, frame]).toEqual([at, Math.min(FRAMES - 1, Math.floor((at * RATE) / 1000))])
    expect([at, found.offsetMs]).toEqual([at, (frame * 1000) / RATE])
  }
  expect((await frames.find(vod.id, 100_000))!.offsetMs).toBe(3_960)
}, 60_000)

test('all moments of a frame share one picture, of which each width is made once and kept', async () => {
  const frames = framesOf(vod)
  let made = 0
  const ask = async (at: number, width: 160 | 1280) =>
    frames.jpeg((await frames.find(vod.id, at))!, width, () => made++)
  const [one, other] = await Promise.all([ask(3_000, 160), ask(3_039, 160)])
  expect(Buffer.compare(one, other)).toBe(0)
  expect(await readPicture(one)).toEqual({ width: 160, height: 90, frame: 75 })
  // No picture is made larger than it was.
  expect(await readPicture(await ask(3_020, 1280))).toEqual({ width: 320, height: 180, frame: 75 })
  expect(made).toBe(2)
  await ask(3_010, 160)
  expect(made).toBe(2)
  expect((await kept(vod.id)).filter(key => key.includes('/3000-'))).toEqual([
    `vods/${vod.id}/frames/3000-1280.jpg`,
    `vods/${vod.id}/frames/3000-160.jpg`,
  ])
}, 60_000)

test('no more is read than from the key frame up to the frame', async () => {
  const reads: ByteRange[] = []
  const frames = framesOf(vod, reads)
  const [, second] = vod.segments.get('source')!
  await frames.jpeg((await frames.find(vod.id, 2_000))!, 640)
  await frames.jpeg((await frames.find(vod.id, 3_900))!, 640)
  const [key, late] = reads.map(({ start, end }) => end - start)
  expect(key).toBeLessThan(second!.data.byteLength / 2)
  expect(late).toBeGreaterThan(key!)
  expect(late).toBeLessThanOrEqual(second!.data.byteLength)
}, 60_000)

test('a frame that decodes from an earlier segment’s key frame is found too', async () => {
  const long = await add(await encodeCounted(FRAMES, ['-g', '1000'], 10))
  expect(long.segments.get('source')!.filter(each => !each.isIndependent).length).toBeGreaterThan(0)
  const frames = framesOf(long)
  const found = (await frames.find(long.id, 9_500))!
  expect(found.stretches.length).toBeGreaterThan(1)
  expect((await readPicture(await frames.jpeg(found, 320))).frame).toBe(95)
}, 60_000)

test('a moment behind a drop is the second broadcast’s; a lost one shows what was before', async () => {
  const two = await add(await encodeCounted(50), await encodeCounted(75))
  const frames = framesOf(two)
  const at = async (ms: number) =>
    (await readPicture(await frames.jpeg((await frames.find(two.id, ms))!, 320))).frame
  expect([await at(1_960), await at(2_000), await at(4_840)]).toEqual([49, 0, 71])
  await two.vods.manifest.markGap(two.id, 'source', 1)
  const found = (await frames.find(two.id, 3_000))!
  expect([found.offsetMs, (await readPicture(await frames.jpeg(found, 160))).frame]).toEqual([1_960, 49])
}, 60_000)

test('who asks for too many at once is told to wait, and what is lost is an error', async () => {
  const many = await add(await encodeCounted(FRAMES))
  const frames = framesOf(many)
  const asked = Array.from({ length: 60 }, async (_, index) =>
    frames.jpeg((await frames.find(many.id, index * 40))!, 160).then(
      () => 'made',
      error => error.reason ?? 'failed',
    ),
  )
  const outcomes = await Promise.all(asked)
  expect(new Set(outcomes)).toEqual(new Set(['made', 'busy']))
  expect(outcomes.filter(each => each === 'made').length).toBeGreaterThanOrEqual(50)
  const hurt = await add(await encodeCounted(50))
  await store.delete([segmentKey({ vodId: hurt.id, rendition: 'source', sequence: 0 })])
  const found = (await framesOf(hurt).find(hurt.id, 0))!
  expect(framesOf(hurt).jpeg(found, 160)).rejects.toThrow(/lost/)
}, 120_000)
