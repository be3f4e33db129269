/** A VOD with a drop in the middle, a ladder and two sounds plays whole: HLS, DASH and one MP4 file. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import HLS from 'hls-parser'
import { type Encoded, encode } from '../hls/encoder.ts'
import { encodeRich } from '../hls/live-site.ts'
import { find, findAll, readSegments, readXml, secondsOf } from '../hls/manifest-reader.ts'
import { readFragments } from '../media/mp4/box-reader.ts'
import type { StoredVod } from '../support/stored-vod.ts'
import { countPictures, openVodSite, run, type VodSite } from './site.ts'

HLS.setOptions({ strictMode: true })
const FRAMES = 16 * 30

let site: VodSite
/** Its publisher came back with another size and without the second sound. */
let vod: StoredVod
/** Its publisher came back as it was. */
let steady: StoredVod
/** Its publisher did not drop. */
let plain: StoredVod
beforeAll(async () => {
  const [first, second, same, whole]: Encoded[] = await Promise.all([
    encodeRich(9),
    encode({ seconds: 7, size: '128x72', video: ['-bf', '2'] }),
    encodeRich(7),
    encode({ seconds: 8, size: '64x36', video: ['-bf', '2'] }),
  ])
  site = await openVodSite()
  vod = await site.add({ broadcasts: [first!, second!] })
  steady = await site.add({ broadcasts: [first!, same!] })
  plain = await site.add({ broadcasts: [whole!] })
}, 60_000)
afterAll(() => site[Symbol.asyncDispose]())

test('the multivariant playlist offers the source and the sounds, and no picture that is there for half of the time', async () => {
  const parsed = HLS.parse(await site.text(`${vod.id}/index.m3u8`)) as HLS.types.MasterPlaylist
  expect(parsed.isMasterPlaylist).toBe(true)
  expect(parsed.variants.map(each => each.uri)).toEqual(['source/playlist.m3u8', 'audio/playlist.m3u8'])
  expect(parsed.variants[0]).toMatchObject({ resolution: { width: 64, height: 36 }, frameRate: 30 })
  // Those of both broadcasts: the second one's picture is larger.
  expect(parsed.variants[0]!.codecs!.split(',').length).toBeGreaterThanOrEqual(2)
  expect(parsed.variants[0]!.audio.map(each => [each.name, each.language])).toEqual([
    ['Main', undefined],
    ['German', 'de'],
  ])
})

test('a picture of the ladder that is there all the time is offered, in the file too', async () => {
  const parsed = HLS.parse(await site.text(`${steady.id}/index.m3u8`)) as HLS.types.MasterPlaylist
  expect(parsed.variants.map(each => each.uri)).toEqual(
    ['source', '90p', 'audio'].map(name => `${name}/playlist.m3u8`),
  )
  const url = `${site.url}/vod/${steady.id}/video.mp4?rendition=90p`
  expect(await countPictures(url)).toBe(FRAMES)
  const args = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'stream=width', '-of', 'csv=p=0', url]
  expect((await run(['ffprobe', ...args])).stdout.trim()).toBe('32')
})

test('a media playlist is of type VOD, lists every segment of all renditions in step, and ends', async () => {
  const response = await site.fetch(`${vod.id}/source/playlist.m3u8`)
  expect(response.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
  const text = await response.text()
  expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD\n')
  expect(text).toEndWith('#EXT-X-ENDLIST\n')
  expect(text).not.toMatch(/PART|PRELOAD|SERVER-CONTROL|SKIP/)
  const source = HLS.parse(text) as HLS.types.MediaPlaylist
  const { segments } = vod
  expect(source.segments.length).toBe(segments.get('source')!.length)
  const lasts = source.segments.reduce((sum, each) => sum + each.duration, 0)
  expect(Math.abs(lasts - (await site.vods.vods.get(vod.id)).durationMs! / 1000)).toBeLessThan(0.01)
  const breaks = source.segments.filter(each => each.discontinuity)
  expect(breaks).toHaveLength(1)
  expect(breaks[0]!.map!.uri).toBe('init-1.mp4')
  // The drop: the wall clock went on meanwhile.
  const at = source.segments.indexOf(breaks[0]!)
  const before = source.segments[at - 1]!
  const pause =
    breaks[0]!.programDateTime!.getTime() - before.programDateTime!.getTime() - before.duration * 1000
  expect(pause).toBeGreaterThan(4_000)
  for (const name of ['audio', 'audio-2']) {
    const other = HLS.parse(await site.text(`${vod.id}/${name}/playlist.m3u8`)) as HLS.types.MediaPlaylist
    expect(other.segments.map(each => each.mediaSequenceNumber)).toEqual(
      source.segments.map(each => each.mediaSequenceNumber),
    )
    expect(other.segments.map(each => each.discontinuity)).toEqual(
      source.segments.map(each => each.discontinuity),
    )
  }
})

test('ffmpeg decodes the playlists strictly to the end', async () => {
  const playlist = (id: string) => `${site.url}/vod/${id}/index.m3u8`
  expect(await countPictures(playlist(plain.id))).toBe(240)
  // Where time goes back, ffmpeg's reader of fragments throws away the first fifth of a second.
  expect(await countPictures(playlist(steady.id))).toBeWithin(FRAMES - 8, FRAMES + 1)
}, 60_000)

test('the file plays in ffmpeg with every frame, begins with its header, and has all sounds', async () => {
  const url = `${site.url}/vod/${vod.id}/video.mp4`
  expect(await countPictures(url)).toBe(FRAMES)
  const probe = ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', url]
  const { streams, format } = JSON.parse((await run(['ffprobe', ...probe])).stdout)
  expect(streams.map((each: { codec_name: string }) => each.codec_name)).toEqual(['h264', 'aac', 'aac'])
  expect(streams[2].tags.language).toBe('deu')
  expect(Math.abs(Number(format.duration) - 16)).toBeLessThan(0.2)
  const head = Buffer.from(
    await (await site.fetch(`${vod.id}/video.mp4`, { headers: { range: 'bytes=0-63' } })).bytes(),
  )
  expect(head.indexOf('ftyp')).toBe(4)
  expect(head.indexOf('moov')).toBeGreaterThan(0)
}, 60_000)

test('any range of the file is that slice of the whole', async () => {
  const path = `${vod.id}/video.mp4`
  const response = await site.fetch(path)
  const whole = await response.bytes()
  const etag = response.headers.get('etag')!
  expect(whole.byteLength).toBeGreaterThan(100_000)
  const ranges = Array.from({ length: 60 }, () => {
    const ends = [Math.random(), Math.random()].map(each => Math.floor(each * whole.byteLength))
    return ends.sort((a, b) => a - b) as [number, number]
  })
  ranges.push([0, 0], [0, whole.byteLength - 1], [whole.byteLength - 1, whole.byteLength - 1])
  for (const [first, last] of ranges) {
    const part = await site.fetch(path, { headers: { range: `bytes=${first}-${last}` } })
    expect([part.status, part.headers.get('content-range')]).toEqual([
      206,
      `bytes ${first}-${last}/${whole.byteLength}`,
    ])
    expect(Number(part.headers.get('content-length'))).toBe(last - first + 1)
    expect(Buffer.compare(await part.bytes(), whole.subarray(first, last + 1))).toBe(0)
  }
  const tail = await site.fetch(path, { headers: { range: 'bytes=-1000', 'if-range': etag } })
  expect(Buffer.compare(await tail.bytes(), whole.subarray(-1000))).toBe(0)
  const other = await site.fetch(path, { headers: { range: 'bytes=0-9', 'if-range': '"another"' } })
  expect(other.status).toBe(200)
  await other.body!.cancel()
  const beyond = await site.fetch(path, { headers: { range: `bytes=${whole.byteLength}-` } })
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${whole.byteLength}`])
  const head = await site.fetch(path, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, `${whole.byteLength}`])
})

test('the DASH manifest is static, and leads to media that lies where it says', async () => {
  const response = await site.fetch(`${vod.id}/manifest.mpd`)
  expect(response.headers.get('content-type')).toBe('application/dash+xml')
  const manifest = readXml(await response.text())
  expect(manifest.attributes).toMatchObject({ type: 'static' })
  expect(manifest.attributes['minimumUpdatePeriod']).toBeUndefined()
  const periods = findAll(manifest, 'Period')
  expect(periods.length).toBeGreaterThanOrEqual(2)
  expect(secondsOf(manifest.attributes['mediaPresentationDuration']!)).toBeWithin(15.8, 16.2)
  for (const period of periods) {
    const sets = findAll(period, 'AdaptationSet')
    expect(sets.map(set => find(set, 'Role').attributes['value'])).toEqual(['main', 'main', 'alternate'])
  }
  const segments = readSegments(manifest)
  const source = segments.filter(each => each.representation === 'source')
  expect(source.length).toBe(vod.segments.get('source')!.length)
  let end = 0
  for (const segment of source) {
    expect(Math.abs(segment.startSeconds - end)).toBeLessThan(0.1)
    end = segment.startSeconds + segment.duration / segment.timescale
  }
  for (const segment of segments) {
    const media = await site.fetch(`${vod.id}/${segment.uri}`)
    expect([segment.uri, media.status]).toEqual([segment.uri, 200])
    const samples = readFragments(await media.bytes()).get(1)!
    const first = Math.min(...samples.map(sample => sample.pts))
    expect(Math.abs(first - segment.start)).toBeLessThanOrEqual(segment.timescale * 0.05)
    expect((await site.fetch(`${vod.id}/${segment.initUri}`)).status).toBe(200)
  }
})

test('ffmpeg decodes every frame from the DASH manifest of a VOD without a drop', async () => {
  expect(await countPictures(`${site.url}/vod/${plain.id}/manifest.mpd`)).toBe(240)
}, 60_000)
