/** Clips of real segments: which pictures and how much sound they have, whatever their source looks like. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ClipMaker, type ClipMakerOptions } from '../../src/clips/clip-maker.ts'
import { createLog } from '../../src/log.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import { segmentKey, vodPrefix } from '../../src/vod/object-keys.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { asRung, inOrderOfArrival } from '../hls/ladder.ts'
import { packageStream, Stream } from '../hls/packaging.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'
import { createVods, type TestVods } from '../support/vods.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Decoded, decodeFile, indexesIn } from './pictures.ts'
import { downloadOf, record } from './recorded.ts'

const RATE = 30
const never = new AbortController().signal

let opened: TestDatabase
let folder: TempFolder
let store: DirectoryStore
let services: TestServices
let made: TestVods
let channelId: string
let source: Encoded
let stream: Stream
beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  folder = await tempFolder()
  store = await DirectoryStore.open(folder.path)
  services = createServices(opened.database)
  made = createVods(opened.database)
  const owner = await createAccount(services)
  channelId = (await createChannel(services, owner.id)).id
  source = await encode({ seconds: 12, video: ['-bf', '2'], size: '320x180', gop: 60 })
  const small = await encode({ seconds: 12, video: ['-tune', 'zerolatency'], size: '160x90', gop: 60 })
  const rung = asRung(small, '90p', source)
  const units = inOrderOfArrival({ units: source.units }, { units: rung, lateSeconds: 0.5 })
  stream = await packageStream({ ...source, units })
}, 90_000)
afterAll(async () => {
  await store.close()
  await opened[Symbol.asyncDispose]()
  await folder.remove()
})

const place = () => ({ manifest: made.manifest, store })
const newVod = async (title: string) =>
  (await made.vods.create({ channelId, kind: 'upload', title, visibility: 'public' })).id

async function recorded(packaged: Stream): Promise<string> {
  const id = await newVod('a recording')
  await record(place(), id, packaged)
  await made.vods.finish(id)
  return id
}

async function newClip(sourceId: string, fromMs: number, toMs: number, isExact = false): Promise<string> {
  const clip = { fromMs, toMs, isExact }
  const common = { channelId, kind: 'clip', title: 'a clip', visibility: 'public', sourceId, clip } as const
  return (await made.vods.create(common)).id
}

const maker = (options: Partial<ClipMakerOptions> = {}) =>
  new ClipMaker({ vods: made.vods, manifest: made.manifest, store, log: createLog('silent'), ...options })

/** The numbers of the source's pictures that it shows, in its own picture and in the ladder's. */
async function check(id: string, originals: ReadonlyMap<string, Decoded>): Promise<number[]> {
  expect(await made.vods.get(id)).toMatchObject({ status: 'ready', problem: null })
  const numbers: number[][] = []
  for (const [rendition, original] of originals) {
    const { pictures, times, sounds } = await decodeFile(await downloadOf(place(), id, [rendition, 'audio']))
    numbers.push(indexesIn(original.pictures, pictures))
    expect(times[0]).toBe(0)
    for (const [index, time] of times.slice(1).entries()) expect(time - times[index]!).toBeLessThan(0.05)
    expect(sounds[0]).toBeLessThan(0.03)
    for (const [index, time] of sounds.slice(1).entries()) expect(time - sounds[index]!).toBeLessThan(0.05)
    expect(Math.abs(sounds.at(-1)! - pictures.length / RATE)).toBeLessThan(0.06)
  }
  for (const each of numbers.slice(1)) expect(each).toEqual(numbers[0]!)
  await checkRows(id)
  return numbers[0]!
}

/** What every VOD promises: sequences from 0 in every rendition, and an object for each row that is no gap. */
async function checkRows(id: string): Promise<void> {
  const rows = await made.manifest.segments(id)
  const stored = new Map<string, number>()
  for await (const { key, sizeBytes } of store.list(vodPrefix(id))) stored.set(key, sizeBytes)
  const expected = rows.filter(row => !row.isGap).map(row => [segmentKey(row), row.sizeBytes] as const)
  expect(new Map([...stored].toSorted())).toEqual(new Map(expected.toSorted()))
  for (const own of Map.groupBy(rows, row => row.rendition).values()) {
    expect(own.map(row => row.sequence)).toEqual(own.map((_, index) => index))
    expect(own[0]).toMatchObject({ discontinuity: 0, isDiscontinuity: false })
  }
  const { durationMs } = await made.manifest.totals(id)
  expect((await made.vods.get(id)).durationMs).toBe(durationMs)
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
/** All pictures of a VOD, by rendition. */
async function allOf(vodId: string, renditions = ['source', '90p']): Promise<Map<string, Decoded>> {
  const files = renditions.map(async name => decodeFile(await downloadOf(place(), vodId, [name])))
  return new Map((await Promise.all(files)).map((decoded, index) => [renditions[index]!, decoded]))
}

test('from key frame to key frame, nothing is encoded again, and it stays when its source is deleted', async () => {
  const sourceId = await recorded(stream)
  const original = await allOf(sourceId)
  const refuse = async () => Promise.reject(new Error('nothing is to be encoded'))
  const id = await newClip(sourceId, 2_500, 7_200)
  await maker({ encode: refuse }).make(id, never)
  // Segments have two seconds here, and begin with the only key frames.
  const shown = range(60, 240)
  expect(await check(id, original)).toEqual(shown)
  expect((await made.vods.get(id)).durationMs).toBe(6_000)
  await made.manifest.remove(sourceId)
  for await (const { key } of store.list(vodPrefix(sourceId))) await store.delete([key])
  expect(await check(id, original)).toEqual(shown)
}, 30_000)

test('key frames inside segments: the first and the last are cut', async () => {
  const dense = await packageStream(await encode({ seconds: 8, gop: 15, video: ['-bf', '2'] }))
  const sourceId = await recorded(dense)
  const original = await allOf(sourceId, ['source'])
  const id = await newClip(sourceId, 1_200, 4_800)
  await maker().make(id, never)
  expect(await check(id, original)).toEqual(range(30, 150))
}, 20_000)

test('exact ends have the pictures that were asked for, in every rendition', async () => {
  const sourceId = await recorded(stream)
  const original = await allOf(sourceId)
  const id = await newClip(sourceId, 2_500, 7_200, true)
  await maker().make(id, never)
  expect(await check(id, original)).toEqual(range(75, 216))
  const rows = await made.manifest.segments(id, { rendition: 'source' })
  expect(rows.map(row => row.isDiscontinuity)).toEqual([false, true, true])
  expect(rows.map(row => row.initIndex)).toEqual([0, 1, 2])
  const within = await newClip(sourceId, 4_500, 5_500, true)
  await maker().make(within, never)
  expect(await check(within, original)).toEqual(range(135, 165))
}, 30_000)

test('over a publisher’s drop, with another size and other sound after it', async () => {
  const second = await encode({ seconds: 6, size: '426x240', sampleRate: 44_100, gop: 60 })
  const returned = new Stream()
  for (const { tracks, units } of [source, second]) {
    const packager = returned.attach(tracks)
    for (const unit of units) packager.write(unit)
    await packager.close()
  }
  const sourceId = await recorded(returned)
  const original = await allOf(sourceId, ['source'])
  for (const isExact of [false, true]) {
    const id = await newClip(sourceId, 9_000, 15_000, isExact)
    await maker().make(id, never)
    expect(await check(id, original)).toEqual(isExact ? range(270, 450) : range(240, 480))
    const inits = await made.manifest.inits(id)
    expect(inits.filter(init => init.rendition === 'audio')).toHaveLength(2)
  }
}, 30_000)

test('of a running stream, it waits until the recorder has stored its end', async () => {
  const { owner } = await createChannel(services, (await createAccount(services)).id)
  const live = await createChannel(services, owner.id)
  const { id: streamId } = await services.streams.open(live.id)
  const { id: sourceId } = await made.vods.openRecording({ streamId, instanceId: null })
  await record(place(), sourceId, stream, sequence => sequence < 2)
  // The third is still on its way, the fourth is there already.
  await record(place(), sourceId, stream, sequence => sequence === 3)
  const id = await newClip(sourceId, 2_000, 6_000)
  let looks = 0
  const { manifest } = made
  const counted = {
    entries: (...asked: Parameters<typeof manifest.entries>) => {
      looks++
      return manifest.entries(...asked)
    },
    segments: manifest.segments.bind(manifest),
    inits: manifest.inits.bind(manifest),
    addInit: manifest.addInit.bind(manifest),
    addSegments: manifest.addSegments.bind(manifest),
    remove: manifest.remove.bind(manifest),
  }
  const making = maker({ manifest: counted, waitMs: 10_000 }).make(id, never)
  await waitFor(() => looks > 2, { message: 'the job to look for the segments' })
  expect((await made.vods.get(id)).status).toBe('processing')
  await record(place(), sourceId, stream, (sequence, rendition) => sequence === 2 && rendition === 'source')
  await record(place(), sourceId, stream, sequence => sequence === 2)
  await making
  expect(await made.vods.get(id)).toMatchObject({ status: 'ready', durationMs: 4_000 })
  for (const rendition of ['source', '90p'])
    expect((await decodeFile(await downloadOf(place(), id, [rendition]))).pictures).toHaveLength(120)
}, 20_000)

test('what cannot be made says why; what may be made later is tried again', async () => {
  const sourceId = await recorded(stream)
  const beyond = await newClip(sourceId, 60_000, 70_000)
  await maker().make(beyond, never)
  expect(await made.vods.get(beyond)).toMatchObject({
    status: 'failed',
    problem: 'Nothing is recorded of that time.',
  })
  const gone = await newClip(sourceId, 2_000, 4_000)
  const away = {
    ...store,
    get: async () => Promise.reject(new Error('the store is away')),
    list: () => store.list(vodPrefix(gone)),
    delete: async () => {},
    put: async () => {},
  }
  await expect(maker({ store: away }).make(gone, never)).rejects.toThrow('the store is away')
  expect((await made.vods.get(gone)).status).toBe('processing')
  await store.put(`${vodPrefix(gone)}source/99.m4s`, new Uint8Array(1))
  await maker().make(gone, never)
  expect(await check(gone, await allOf(sourceId))).toEqual(range(60, 120))
})

test('ends that cannot be encoded are cut at key frames, and it says so', async () => {
  const sourceId = await recorded(stream)
  const id = await newClip(sourceId, 2_500, 7_200, true)
  await maker({ encode: async () => Promise.reject(new Error('no encoder')) }).make(id, never)
  expect(await made.vods.get(id)).toMatchObject({ status: 'ready', durationMs: 6_000 })
  expect((await made.vods.get(id)).problem).toContain('key frames')
})

test('an object that is lost becomes a gap, and a rendition without any is left out', async () => {
  const sourceId = await recorded(stream)
  await store.delete([segmentKey({ vodId: sourceId, rendition: 'source', sequence: 2 })])
  for (const row of await made.manifest.segments(sourceId, { rendition: '90p' }))
    await store.delete([segmentKey(row)])
  const id = await newClip(sourceId, 2_000, 8_000)
  await maker().make(id, never)
  const rows = await made.manifest.segments(id)
  expect(rows.filter(row => row.rendition === 'source').map(row => row.isGap)).toEqual([false, true, false])
  expect(rows.some(row => row.rendition === '90p')).toBe(false)
  await checkRows(id)
})
