import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes } from '../../media/bytes.ts'
import { completeFragments } from '../../media/mp4/demux.ts'
import { decodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { VodSegment } from '../../src/vod/manifest.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { decode, packageStream } from '../hls/packaging.ts'
import { waitFor } from '../support/wait-for.ts'
import { INSTANCE, Stage } from './recording-stage.ts'

const OTHER_INSTANCE = '00000000-0000-7000-8000-000000000002'

let media: Encoded
let small: Encoded
let stage: Stage

beforeAll(async () => {
  media = await encode({ seconds: 20, gop: 30 })
  small = await encode({ seconds: 8, size: '160x90', rate: 25, gop: 25, sampleRate: 44_100 })
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

async function ready(streamId: string) {
  return waitFor(
    async () => {
      const vod = await stage.vods.findByStream(streamId)
      return vod?.status === 'ready' && vod
    },
    { message: 'the VOD to be ready' },
  )
}

/** The object of every row, checked against it. */
async function readAll(
  vodId: string,
  rendition: string,
): Promise<{ rows: VodSegment[]; bytes: Uint8Array[] }> {
  const rows = await stage.manifest.segments(vodId, { rendition })
  const bytes: Uint8Array[] = []
  for (const row of rows.filter(each => !each.isGap)) {
    const data = await (await stage.store.get(`vods/${vodId}/${rendition}/${row.sequence}.m4s`))!.bytes()
    expect(data.byteLength).toBe(row.sizeBytes)
    expect(new Bun.CryptoHasher('sha256').update(data).digest('hex')).toBe(row.checksum)
    bytes.push(data)
  }
  return { rows, bytes }
}

describe('a stream', () => {
  test('becomes a VOD of the very segments that HLS made, each with its row', async () => {
    await using recorder = await stage.openRecorder()
    const stream = await stage.stream(recorder, media)
    stream.feed(60)
    await stream.end()
    const vod = await ready(stream.identity.id)
    const expected = await packageStream(media)
    for (const [rendition, { segments }] of expected.collectors) {
      const { rows, bytes } = await readAll(vod.id, rendition)
      expect(rows.map(row => row.sequence)).toEqual(segments.map(segment => segment.sequence))
      expect(bytes).toEqual(segments.map(segment => segment.data))
      expect(rows.map(row => row.durationSeconds)).toEqual(segments.map(segment => segment.durationSeconds))
      expect(rows.map(row => decodeSampleTable(row.samples).length)).toEqual(rows.map(row => row.frameCount))
    }
    expect(Math.abs(vod.durationMs! - 20_000)).toBeLessThan(60)
    expect(vod.problem).toBeNull()
    expect(await stage.spooled()).toEqual([])
    const [init] = await stage.manifest
      .inits(vod.id)
      .then(all => all.filter(each => each.rendition === 'source'))
    await decode(concatBytes([init!.data, ...(await readAll(vod.id, 'source')).bytes]))
  }, 60_000)

  test('that goes on with another publisher stays one VOD, with a discontinuity and an init segment for each', async () => {
    await using recorder = await stage.openRecorder()
    const stream = await stage.stream(recorder, media)
    stream.feed(7)
    stream.attach(small)
    stream.feed(60)
    await stream.end()
    const vod = await ready(stream.identity.id)
    const { rows } = await readAll(vod.id, 'source')
    expect(rows.filter(row => row.isDiscontinuity)).toHaveLength(1)
    expect(new Set(rows.map(row => row.initIndex))).toEqual(new Set([0, 1]))
    const tracks = (await stage.manifest.inits(vod.id))
      .filter(init => init.rendition === 'source')
      .map(init => init.track)
    expect(tracks).toMatchObject([{ width: 320 }, { width: 160 }])
  }, 60_000)

  test('of which nothing was stored leaves no VOD', async () => {
    await using recorder = await stage.openRecorder()
    const stream = await stage.stream(recorder, media)
    await stream.end()
    await waitFor(async () => stage.removed.length === 1, { message: 'the empty recording to go' })
    expect(await stage.vods.findByStream(stream.identity.id)).toBeUndefined()
  })
})

describe('while the store is away', () => {
  test('everything waits on disk, is readable, and is stored when it is back', async () => {
    await using recorder = await stage.openRecorder()
    stage.isStoreAway = true
    const stream = await stage.stream(recorder, media)
    stream.feed(60)
    await stream.end()
    const vod = (await stage.vods.findByStream(stream.identity.id))!
    expect(vod.status).toBe('recording')
    expect(recorder.waiting).toBeGreaterThan(10)
    expect(await stage.manifest.segments(vod.id)).toEqual([])
    stage.isStoreAway = false
    await ready(stream.identity.id)
    const expected = await packageStream(media)
    for (const [rendition, { segments }] of expected.collectors)
      expect((await readAll(vod.id, rendition)).bytes).toEqual(segments.map(segment => segment.data))
    expect(await stage.spooled()).toEqual([])
  }, 60_000)

  test('a restart goes on where the process stopped', async () => {
    stage.isStoreAway = true
    const first = await stage.openRecorder()
    const stream = await stage.stream(first, media)
    stream.feed(60)
    await stream.end()
    await first.close()
    expect((await stage.spooled()).length).toBeGreaterThan(10)
    stage.isStoreAway = false
    await using _second = await stage.openRecorder()
    const vod = await ready(stream.identity.id)
    const expected = await packageStream(media)
    expect((await readAll(vod.id, 'source')).bytes).toEqual(
      expected.source.segments.map(segment => segment.data),
    )
  }, 60_000)
})

describe('a process that is killed', () => {
  test('loses no more than the part in flight, wherever it was', async () => {
    const expected = await packageStream(media)
    for (const seconds of [3.1, 5.15, 9.9, 13.33]) {
      const first = await stage.openRecorder()
      const stream = await stage.stream(first, media)
      stream.feed(seconds)
      const vod = (await stage.vods.findByStream(stream.identity.id))!
      // What is already handed over is on disk a moment later.
      const isOnDisk = async () =>
        (await writtenBytes(vod.id)) >= bytesBefore(expected.source.segments, seconds - 0.4)
      await waitFor(isOnDisk, { message: 'the parts to be on disk' })
      const left = await stage.snapshotSpool()
      await first.close()
      await left.restore()
      await using _second = await stage.openRecorder()
      const { id, durationMs } = await ready(stream.identity.id)
      const { rows, bytes } = await readAll(id, 'source')
      expect(rows.every(row => !row.isGap)).toBe(true)
      expect(durationMs! / 1000).toBeGreaterThan(seconds - 0.45)
      const all = concatBytes(bytes)
      const whole = concatBytes(expected.source.segments.map(segment => segment.data))
      expect(all).toEqual(whole.subarray(0, all.byteLength))
      expect(completeFragments(all)).toBe(all.byteLength)
      expect(await stage.spooled()).toEqual([])
      await stream.end()
    }
  }, 60_000)

  test('leaves half a part behind, which is cut off', async () => {
    const first = await stage.openRecorder()
    const stream = await stage.stream(first, media)
    stream.feed(5)
    const vod = (await stage.vods.findByStream(stream.identity.id))!
    const newest = `${vod.id}/source/2.m4s`
    const isThere = async () => (await stage.spooled()).includes(newest)
    await waitFor(isThere, { message: 'the open segment in the spool' })
    const left = await stage.snapshotSpool()
    await first.close()
    await left.restore()
    const path = join(stage.folder, 'spool', newest)
    const before = completeFragments(await Bun.file(path).bytes())
    expect(before).toBeGreaterThan(0)
    await appendFile(path, halfAPart())
    await using _second = await stage.openRecorder()
    const { id } = await ready(stream.identity.id)
    const { rows } = await readAll(id, 'source')
    expect(rows.at(-1)!.sizeBytes).toBe(before)
    await stream.end()
  }, 60_000)

  /** The first half of a fragment. */
  function halfAPart(): Uint8Array {
    const moof = new Uint8Array(40)
    moof.set([0, 0, 1, 0, ...new TextEncoder().encode('moof')])
    return moof
  }

  async function writtenBytes(vodId: string): Promise<number> {
    const rows = await stage.manifest.segments(vodId, { rendition: 'source' })
    const names = (await stage.spooled()).filter(name => name.includes(`${vodId}/source`))
    const sizes = names.map(name => Bun.file(join(stage.folder, 'spool', name)).size)
    return [...rows.map(row => row.sizeBytes), ...sizes].reduce((sum, size) => sum + size, 0)
  }

  function bytesBefore(
    segments: readonly { parts: readonly { durationSeconds: number; data: Uint8Array }[] }[],
    seconds: number,
  ) {
    let [at, bytes] = [0, 0]
    for (const part of segments.flatMap(segment => segment.parts)) {
      at += part.durationSeconds
      if (at <= seconds) bytes += part.data.byteLength
    }
    return bytes
  }
})

test('what an instance has stored before it died becomes a VOD, and what lay on its disk comes when it is back', async () => {
  const dead = await stage.openRecorder()
  const stream = await stage.stream(dead, media)
  stream.feed(9.5)
  await stream.spooled()
  const vod = (await stage.vods.findByStream(stream.identity.id))!
  const stored = async () => (await stage.manifest.segments(vod.id, { rendition: 'source' })).length >= 4
  await waitFor(stored, { message: 'segments to be stored' })
  const left = await stage.snapshotSpool()
  await dead.close()
  {
    await using other = await stage.openRecorder(join(stage.folder, 'spool-of-another'), OTHER_INSTANCE)
    await other.finishAbandoned([INSTANCE, OTHER_INSTANCE])
    expect((await stage.vods.get(vod.id)).status).toBe('recording')
    await other.finishAbandoned([OTHER_INSTANCE])
    await ready(stream.identity.id)
  }
  const { durationMs } = await stage.vods.get(vod.id)
  await left.restore()
  await using _back = await stage.openRecorder()
  const isLonger = async () => (await stage.vods.get(vod.id)).durationMs! > durationMs!
  await waitFor(isLonger, { message: 'the rest to be there' })
  // What was a gap meanwhile is none any more.
  const hasNoGap = async () => (await stage.manifest.segments(vod.id)).every(row => !row.isGap)
  await waitFor(hasNoGap, { message: 'no gap to be left' })
  await readAll(vod.id, 'source')
  await stream.end()
}, 60_000)
