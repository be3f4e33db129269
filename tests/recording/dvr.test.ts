import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Encoded, encode } from '../hls/encoder.ts'
import { packageStream } from '../hls/packaging.ts'
import { mountMedia } from '../support/mounted-media.ts'
import { waitFor } from '../support/wait-for.ts'
import { type RecordedStream, Stage } from './recording-stage.ts'

const SECONDS = 150
let media: Encoded
let stage: Stage

beforeAll(async () => {
  media = await encode({ seconds: SECONDS, size: '160x90', rate: 25, gop: 25 })
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

function site(stream: RecordedStream) {
  const app = mountMedia(stream.hls.routes)
  const request = (path: string, init?: RequestInit) =>
    app.handle(new Request(`http://localhost/hls/${stream.identity.slug}/${path}`, init))
  const text = async (path: string) => (await request(path)).text()
  return { request, text }
}

describe('a live stream that is recorded', () => {
  test('can be rewound to its start from the same playlist, while memory holds its last minute', async () => {
    await using recorder = await stage.openRecorder()
    const stream = await stage.stream(recorder, media)
    const { request, text } = site(stream)
    const expected = (await packageStream(media)).source.segments
    // The disk keeps up with a stream that takes its time.
    for (let at = 5; at <= SECONDS; at += 5) {
      stream.feed(at)
      await stream.spooled()
    }
    const folder = `${stream.identity.id}/source`
    const playlist = await text(`${folder}/playlist.m3u8`)
    expect(playlist).toContain('#EXT-X-MEDIA-SEQUENCE:0\n')
    const listed = [...playlist.matchAll(/^(\d+)\.m4s$/gm)].map(match => Number(match[1]))
    expect(listed).toEqual(expected.slice(0, listed.length).map(segment => segment.sequence))
    expect(listed.length).toBeGreaterThan(expected.length - 2)
    for (const sequence of [0, 1, 20, listed.at(-1)!]) {
      const answer = await request(`${folder}/${sequence}.m4s`)
      expect(answer.status).toBe(200)
      expect(new Uint8Array(await answer.arrayBuffer())).toEqual(expected[sequence]!.data)
    }
    const range = await request(`${folder}/3.m4s`, { headers: { range: 'bytes=100-199' } })
    expect(new Uint8Array(await range.arrayBuffer())).toEqual(expected[3]!.data.subarray(100, 200))
    const total = expected.reduce((sum, segment) => sum + segment.data.byteLength, 0)
    expect(stream.bytesInMemory).toBeLessThan(0.65 * total)
    expect(stream.bytesInMemory).toBeGreaterThan(0.3 * total)
    await stream.end()
    expect(await text(`${folder}/playlist.m3u8`)).toContain('#EXT-X-ENDLIST')
    expect((await request(`${folder}/0.m4s`)).status).toBe(200)
  }, 60_000)

  test('goes on when the disk is full: what is missing is a gap, and the recording says so', async () => {
    await using recorder = await stage.openRecorder()
    const stream = await stage.stream(recorder, media)
    const vod = (await stage.vods.findByStream(stream.identity.id))!
    const folder = join(stage.folder, 'spool', vod.id, 'source')
    await mkdir(folder, { recursive: true })
    for (const sequence of [3, 4]) await symlink('/dev/full', join(folder, `${sequence}.m4s`))
    stream.feed(20)
    await stream.end()
    const isReady = async () => (await stage.vods.find(vod.id))?.status === 'ready'
    await waitFor(isReady, { message: 'the VOD to be ready' })
    const rows = await stage.manifest.segments(vod.id)
    const gaps = rows.filter(row => row.isGap)
    expect(gaps.map(({ rendition, sequence }) => `${rendition} ${sequence}`)).toEqual([
      'source 3',
      'source 4',
    ])
    expect((await stage.vods.get(vod.id)).problem).toContain('The disk was full')
    expect(Math.abs((await stage.vods.get(vod.id)).durationMs! - 20_000)).toBeLessThan(100)
    const playlist = await site(stream).text(`${stream.identity.id}/source/playlist.m3u8`)
    expect(playlist).not.toContain('EXT-X-GAP')
  }, 60_000)
})
