/** Rows and objects after whatever crashes, disks and people do: repair makes them agree, and what was whole stays. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { vodSegments, vods as vodTable } from '../../src/db/vod-schema.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { segmentKey, storyboardKey } from '../../src/vod/object-keys.ts'
import { openStoredStage, STORYBOARD, type StoredStage, sha256 } from './stored-stage.ts'

const VODS = 6
const MISHAPS = 25
const seeds = (count: number) => Array.from({ length: count }, () => Math.floor(Math.random() * 1e9))
let stage: StoredStage

beforeAll(async () => {
  stage = await openStoredStage()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

/** Below `below`. */
type Random = (below: number) => number
/** What nothing happened to, by key. */
type Whole = Map<string, Uint8Array<ArrayBuffer>>

describe.each(['directory', 's3'] as const)('%s', kind => {
  test.each(seeds(kind === 's3' ? 3 : 12))(
    'seed %i',
    async seed => {
      await using store = await stage.openStore(kind)
      const random = generator(seed)
      const whole: Whole = new Map()
      for (let n = 0; n < VODS; n++) await makeVod(store, random, whole)
      for (let n = 0; n < MISHAPS; n++) await damageSegment(store, random, whole)
      await damageVods(store, random, whole)

      // A repair that breaks off is nothing but another mishap.
      const seen = await stage.look(store, true)
      let allowed = random(1 + seen.problems.length)
      const markGap = async (...segment: Parameters<typeof stage.manifest.markGap>) => {
        if (allowed-- === 0) throw new Error('killed')
        await stage.manifest.markGap(...segment)
      }
      const { totals, findEntry } = stage.manifest
      const broken = {
        markGap,
        totals: totals.bind(stage.manifest),
        findEntry: findEntry.bind(stage.manifest),
      }
      await stage
        .repair(seen, store, { manifest: broken })
        .catch(error => expect(error.message).toBe('killed'))

      await stage.repair(await stage.look(store, true), store)
      const left = (await stage.look(store, true)).problems.filter(each => each.kind !== 'pictures')
      expect(left).toEqual([])
      await expectAgreement(store)
      for (const [key, content] of whole) expect(await (await store.get(key))?.bytes()).toEqual(content)
    },
    60_000,
  )
})

/** Up to three renditions, some with gaps; perhaps with pictures; in work, ready, or failed. */
async function makeVod(store: ObjectStore, random: Random, whole: Whole): Promise<void> {
  const id = await stage.createVod()
  for (const rendition of ['source', '720p', 'audio'].slice(0, 1 + random(3)))
    for (let sequence = 0; sequence < 3 + random(10); sequence++)
      if (random(8) === 0) await stage.addGap(id, rendition, sequence)
      else {
        const { key, content } = await stage.storeSegment(store, id, rendition, sequence)
        whole.set(key, content)
      }
  if (random(2) === 0) {
    await stage.vods.describe(id, { storyboard: STORYBOARD })
    for (const sheet of [0, 1]) await store.put(storyboardKey(id, sheet), new Uint8Array([sheet]))
  }
  const fate = random(6)
  if (fate > 1) await stage.vods.finish(id)
  else if (fate === 1) await stage.vods.fail(id, 'broken')
}

async function damageSegment(store: ObjectStore, random: Random, whole: Whole): Promise<void> {
  const [key, content] = [...whole][random(whole.size)]!
  const isIt = eq(vodSegments.checksum, sha256(content))
  const mishaps = [
    () => store.delete([key]),
    () => store.put(key, content.slice(0, random(content.byteLength))),
    () => store.put(key, crypto.getRandomValues(new Uint8Array(content.byteLength))),
    // The process died between the object and its row, or between a gap and its object.
    () => stage.db.delete(vodSegments).where(isIt),
    () => stage.db.update(vodSegments).set({ isGap: true, sizeBytes: 0 }).where(isIt),
  ]
  await mishaps[random(mishaps.length)]!()
  whole.delete(key)
}

/** One has lost its row, and each has forgotten its size. */
async function damageVods(store: ObjectStore, random: Random, whole: Whole): Promise<void> {
  const rows = await stage.db.select({ id: vodTable.id }).from(vodTable).orderBy(vodTable.id)
  const { id } = rows[random(rows.length)]!
  await stage.db.delete(vodTable).where(eq(vodTable.id, id))
  for (const key of whole.keys()) if (key.includes(id)) whole.delete(key)
  await store.put(`uploads/${id}/chunk-0.nut`, new Uint8Array(5))
  await stage.db.update(vodTable).set({ sizeBytes: random(1_000) })
}

/** Each row has its object; and each object its row, unless its VOD is still in work. */
async function expectAgreement(store: ObjectStore): Promise<void> {
  const vods = new Map((await stage.db.select().from(vodTable)).map(vod => [vod.id, vod]))
  for (const [vodId, { status, sizeBytes }] of vods) {
    const rows = await stage.manifest.entries(vodId)
    for (const row of rows) {
      const content = await (await store.get(segmentKey(row)))?.bytes()
      if (!row.isGap) expect(sha256(content!)).toBe(row.checksum)
      else if (status !== 'processing') expect(content).toBeUndefined()
    }
    if (status === 'ready') expect(sizeBytes).toBe(rows.reduce((sum, row) => sum + row.sizeBytes, 0))
  }
  for await (const { key } of store.list('vods/')) {
    const [, vodId = '', rendition = '', file] = key.split('/')
    expect(vods.get(vodId)).toBeDefined()
    if (file === undefined || vods.get(vodId)?.status === 'processing') continue
    const entry = await stage.manifest.findEntry(vodId, rendition, Number.parseInt(file, 10))
    expect(entry).toMatchObject({ isGap: false })
  }
  expect(await Array.fromAsync(store.list('uploads/'))).toEqual([])
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): Random {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
