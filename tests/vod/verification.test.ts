/** Each thing that may be wrong between rows and objects: it is found, and repair makes it right. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { vods as vodTable } from '../../src/db/vod-schema.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { frameKey, segmentKey, storyboardKey } from '../../src/vod/object-keys.ts'
import { openStoredStage, STORYBOARD, type StoredStage } from './stored-stage.ts'

let stage: StoredStage
let store: ObjectStore
/** Ready, with four whole segments. */
let vodId: string

beforeAll(async () => {
  stage = await openStoredStage()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(async () => {
  store = await stage.openStore('directory')
  vodId = await stage.createVod()
  for (let sequence = 0; sequence < 4; sequence++) await stage.storeSegment(store, vodId, 'source', sequence)
  await stage.vods.finish(vodId)
})

const keyOf = (sequence: number) => segmentKey({ vodId, rendition: 'source', sequence })
const found = async (withChecksums = false) => {
  const { problems } = await stage.look(store, withChecksums)
  return problems.map(({ kind, key, detail }) => ({ kind: kind as string, key, detail }))
}
const mend = async (withChecksums = false) => stage.repair(await stage.look(store, withChecksums), store)

test('what is whole is right, with its gaps and pictures', async () => {
  await stage.addGap(vodId, 'source', 4)
  await stage.vods.describe(vodId, { storyboard: STORYBOARD })
  await stage.correct(vodId)
  for (const sheet of [0, 1]) await store.put(storyboardKey(vodId, sheet), new Uint8Array([1]))
  await store.put(frameKey(vodId, 1_000, 320), new Uint8Array([1]))
  const sizeBytes = 50 + 51 + 52 + 53
  expect(await stage.look(store, true)).toEqual({ vods: 1, segments: 4, sizeBytes, problems: [] })
})

test('an object that is gone becomes a gap that players pass over, and the size falls', async () => {
  await store.delete([keyOf(1)])
  expect(await found()).toEqual([{ kind: 'missing', key: keyOf(1), detail: 'not stored' }])
  await mend()
  expect(await found()).toEqual([])
  expect(await stage.manifest.findEntry(vodId, 'source', 1)).toMatchObject({ isGap: true, sizeBytes: 0 })
  expect(await stage.vods.get(vodId)).toMatchObject({ durationMs: 8_000, sizeBytes: 50 + 52 + 53 })
})

test('an object of another size is seen at a glance, one of other content by reading it', async () => {
  await store.put(keyOf(0), new Uint8Array(7))
  await store.put(keyOf(2), new Uint8Array(52))
  const short = { kind: 'damaged', key: keyOf(0), detail: '7 bytes instead of 50' }
  const other = { kind: 'damaged', key: keyOf(2), detail: 'other content than was stored' }
  expect(await found()).toEqual([short])
  expect(await found(true)).toEqual([short, other])
  await mend(true)
  expect(await found(true)).toEqual([])
  expect((await Array.fromAsync(store.list('vods/'))).map(each => each.key)).toEqual([keyOf(1), keyOf(3)])
})

test('what nobody knows is removed; not what is still being made, nor what somebody else keeps there', async () => {
  const orphans = [`vods/${crypto.randomUUID()}/source/0.m4s`, `uploads/${vodId}/chunk-0.nut`, keyOf(99)]
  const inWork = await stage.createVod()
  const needed = [
    ...[`uploads/${inWork}/chunk-0.nut`, segmentKey({ vodId: inWork, rendition: 'source', sequence: 0 })],
    ...['backups/2026.tar', 'vods/readme.txt', 'probe/x'],
  ]
  for (const key of [...orphans, ...needed]) await store.put(key, new Uint8Array(3))
  const problems = await found()
  expect(new Set(problems.map(each => each.kind))).toEqual(new Set(['orphan']))
  expect(problems.map(each => each.key!).toSorted()).toEqual(orphans.toSorted())
  await mend()
  expect(await found()).toEqual([])
  for (const key of needed) expect(await store.find(key)).toBeDefined()
})

test('a video that is being removed is left to whoever removes it', async () => {
  await stage.vods.remove(vodId)
  await store.delete([keyOf(0)])
  expect(await found()).toEqual([])
})

test('a video that does not know how long and large it is, is told', async () => {
  await stage.db.update(vodTable).set({ durationMs: 1, sizeBytes: 2 }).where(eq(vodTable.id, vodId))
  const detail = '1 ms instead of 8000, 2 bytes instead of 206'
  expect(await found()).toEqual([{ kind: 'totals', key: undefined, detail }])
  await mend()
  expect(await found()).toEqual([])
})

test('where a sheet for seeking is gone, the pictures are made again', async () => {
  await stage.vods.describe(vodId, { storyboard: STORYBOARD })
  await store.put(storyboardKey(vodId, 0), new Uint8Array([1]))
  const detail = '1 of 2 sheets for seeking are not stored'
  expect(await found()).toEqual([{ kind: 'pictures', key: undefined, detail }])
  const asked: string[] = []
  const makePictures = async (id: string) => void asked.push(id)
  await stage.repair(await stage.look(store), store, { makePictures })
  expect(asked).toEqual([vodId])
})

test('what is stored and written down after the list was read is no problem', async () => {
  const { problems } = await stage.look({
    find: key => store.find(key),
    get: key => store.get(key),
    async *list(prefix) {
      yield* await Array.fromAsync(store.list(prefix))
      if (prefix !== 'vods/') return
      await stage.storeSegment(store, vodId, 'source', 4)
      await stage.correct(vodId)
    },
  })
  expect(problems).toEqual([])
})

test('what comes back before it is mended stays', async () => {
  const content = await (await store.get(keyOf(2)))!.bytes()
  await store.delete([keyOf(2)])
  await store.put(keyOf(4), new Uint8Array(54))
  const seen = await stage.look(store)
  await store.put(keyOf(2), content)
  await stage.storeSegment(store, vodId, 'source', 4)
  await stage.repair(seen, store)
  expect(await stage.manifest.findEntry(vodId, 'source', 2)).toMatchObject({ isGap: false })
  expect(await store.find(keyOf(4))).toBeDefined()
})

test('a store in which next to nothing is, is more likely the wrong one: nothing changes unless forced', async () => {
  for (let sequence = 4; sequence < 30; sequence++) await stage.storeSegment(store, vodId, 'source', sequence)
  await stage.correct(vodId)
  await store.delete((await Array.fromAsync(store.list(''))).map(({ key }) => key))
  const seen = await stage.look(store)
  await expect(stage.repair(seen, store)).rejects.toThrow(/30 of 30.*DATA_DIR.*--force/)
  expect((await found()).length).toBe(30)
  await stage.repair(seen, store, { isForced: true })
  expect(await found()).toEqual([])
})
