import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { readBoxes, readFragments } from '../media/mp4/box-reader.ts'
import { type Encoded, encode } from './encoder.ts'
import { inOrderOfArrival, seconds } from './ladder.ts'
import { reasonOf } from './live-channel.ts'
import { encodeRich, Live } from './live-site.ts'
import {
  type Element,
  find,
  findAll,
  type ReadSegment,
  readSegments,
  readXml,
  secondsOf,
} from './manifest-reader.ts'

const MANIFEST = '../../dash/chan/manifest.mpd'
/** As a player asks for the next version. */
const REFRESH = `${MANIFEST}?stream=s1&viewer=x`

let media: Encoded
let other: Encoded
beforeAll(async () => {
  ;[media, other] = await Promise.all([
    encodeRich(30),
    encode({ seconds: 40, rate: 25, size: '128x72', sampleRate: 44_100 }),
  ])
})

async function manifestOf(live: Live, path = REFRESH): Promise<Element> {
  return readXml(await live.text(path))
}

/** `path` of the manifest's, below `/hls/chan/`. */
const fetchMedia = (live: Live, path: string) => live.fetch(`../../dash/chan/${path}`)

/**
 * What is at a segment's address begins when it says, lasts so long but for `missingSeconds`, and has its init segment's
 * timescale.
 */
async function checkMedia(live: Live, segment: ReadSegment, missingSeconds = 0): Promise<void> {
  const response = await fetchMedia(live, segment.uri)
  expect([segment.uri, response.status]).toEqual([segment.uri, 200])
  const samples = readFragments(await response.bytes()).get(1)!
  const first = Math.min(...samples.map(sample => sample.pts))
  expect(Math.abs(first - segment.start)).toBeLessThanOrEqual(segment.timescale * 0.001)
  const lasts = samples.reduce((sum, sample) => sum + sample.duration, 0)
  expect((lasts - segment.duration) / segment.timescale).toBeWithin(-0.04 - missingSeconds, 0.04)
  const init = await (await fetchMedia(live, segment.initUri)).bytes()
  const mdhd = readBoxes(init).find(box => box.type === 'mdhd')!
  expect(mdhd.content.getUint32(12)).toBe(segment.timescale)
}

describe('the manifest', () => {
  test('offers the pictures and each sound, with their segments where the media says they are', async () => {
    await using live = await Live.open(media, 21)
    const manifest = await manifestOf(live)
    expect(manifest.attributes).toMatchObject({
      type: 'dynamic',
      minimumUpdatePeriod: 'PT2S',
      suggestedPresentationDelay: 'PT6S',
    })
    expect(manifest.attributes['profiles']).toContain('urn:mpeg:dash:profile:isoff-live:2011')
    const sets = findAll(manifest, 'AdaptationSet')
    expect(sets.map(set => set.attributes['contentType'])).toEqual(['video', 'audio', 'audio'])
    expect(sets.map(set => set.attributes['lang'])).toEqual([undefined, undefined, 'de'])
    expect(sets.map(set => find(set, 'Role').attributes['value'])).toEqual(['main', 'main', 'alternate'])
    for (const { attributes } of sets)
      expect(attributes).toMatchObject({ segmentAlignment: 'true', startWithSAP: '1' })
    expect(findAll(sets[0]!, 'Representation').map(each => each.attributes)).toEqual([
      expect.objectContaining({ id: 'source', width: '64', height: '36', frameRate: '30' }),
      expect.objectContaining({ id: '90p', width: '32', height: '18' }),
    ])
    const segments = readSegments(manifest)
    expect(segments.filter(each => each.representation === 'source')).toHaveLength(10)
    for (const segment of segments) await checkMedia(live, segment)
    const source = segments.filter(each => each.representation === 'source')
    for (const segment of segments)
      expect(Math.abs(segment.startSeconds - source[segment.number]!.startSeconds)).toBeLessThan(0.05)
    const depth = secondsOf(manifest.attributes['timeShiftBufferDepth'])
    expect(depth).toBeWithin(19.9, 20.1)
  })

  test('keeps every Period and segment in its place over refreshes, through a publisher’s return and out of the window', async () => {
    await using live = await Live.open(media, 10)
    const places = new Map<string, unknown>()
    const periods = new Set<string>()
    const look = async () => {
      const manifest = await manifestOf(live)
      const segments = readSegments(manifest)
      for (const each of segments) {
        const id = `${each.representation}/${each.number}`
        const place = [each.period, each.startSeconds.toFixed(4), each.duration, each.initUri]
        expect([id, places.get(id) ?? place]).toEqual([id, place])
        places.set(id, place)
        periods.add(each.period)
      }
      const starts = findAll(manifest, 'Period').map(period => secondsOf(period.attributes['start']))
      expect(starts).toEqual(starts.toSorted((a, b) => a - b))
      return segments
    }
    for (let at = 10; at < 16; at += 0.5) {
      live.channel.feed(at)
      await look()
    }
    const leftAt = live.channel.now
    live.channel.now += 5_000
    await live.channel.attach(other)
    let segments = await look()
    for (let at = 0.5; at < 38; at += 0.5) {
      live.channel.feed(at)
      segments = await look()
      if (at === 5) {
        const [before, after] = ['p0', [...periods].at(-1)!].map(
          id => segments.find(each => each.period === id)!,
        )
        // The gap is as long as the publisher was away: the time line is the wall clock's.
        expect(after!.startSeconds - before!.startSeconds).toBeWithin(20, 21.2)
        expect(live.channel.now - leftAt).toBeWithin(9_900, 10_100)
        await Promise.all(segments.map(each => checkMedia(live, each)))
      }
    }
    expect(periods.size).toBe(2)
    expect(new Set(segments.map(each => each.period)).size).toBe(1)
    expect(new Set(segments.map(each => each.representation))).toEqual(
      new Set(['source', 'audio', 'audio-2']),
    )
  })

  test('has no segment where a rendition has a gap, and a Period of its own for what comes after', async () => {
    const isAway = (unit: AccessUnit) =>
      unit.track.kind === 'video' && unit.track.rendition && seconds(unit) > 7.5 && seconds(unit) < 14.5
    const units = inOrderOfArrival({ units: media.units.filter(unit => !isAway(unit)) })
    await using live = await Live.open({ ...media, units }, 24)
    const segments = readSegments(await manifestOf(live))
    const numbersOf = (name: string) =>
      segments.filter(each => each.representation === name).map(each => each.number)
    const all = numbersOf('source')
    expect(all).toEqual([...all.keys()])
    expect(numbersOf('audio')).toEqual(all)
    const missing = all.filter(number => !numbersOf('90p').includes(number))
    expect(missing.length).toBeWithin(3, 5)
    expect(new Set(segments.map(each => each.period)).size).toBe(3)
    for (const each of segments) await checkMedia(live, each, each.representation === '90p' ? 2 : 0)
    const source = segments.filter(each => each.representation === 'source')
    for (const [index, each] of source.slice(1).entries())
      expect(each.startSeconds - source[index]!.startSeconds).toBeCloseTo(2, 3)
  })

  test('becomes static with its end, for its own players even when the channel is live again', async () => {
    await using live = await Live.open(media, 9)
    await live.channel.end()
    const manifest = await manifestOf(live)
    expect(manifest.attributes['type']).toBe('static')
    expect(manifest.attributes['minimumUpdatePeriod']).toBeUndefined()
    const last = readSegments(manifest).at(-1)!
    const end = last.startSeconds + last.duration / last.timescale
    expect(secondsOf(manifest.attributes['mediaPresentationDuration'])).toBeWithin(end - 0.05, end + 0.05)
    await live.channel.open('s2')
    await live.channel.attach(other)
    live.channel.feed(6)
    expect((await manifestOf(live)).attributes['type']).toBe('static')
    expect(await live.text(MANIFEST)).toContain('/hls/chan/s2/')
  })
})

describe('HTTP', () => {
  test('a player is sent to an address of its own, by which it is counted; all share what is there', async () => {
    await using live = await Live.open(media, 9)
    const [mine, yours] = await Promise.all([manifestOf(live, MANIFEST), manifestOf(live, MANIFEST)])
    expect(live.stream.viewerCount).toBe(0)
    const [first, second] = [mine, yours].map(each => find(each, 'Location').text)
    expect(first).not.toBe(second)
    const answers = await Promise.all(
      [first, second, first].map(path => live.text(`../../dash/chan/${path}`)),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).not.toContain('<Location>')
    expect(live.stream.viewerCount).toBe(2)
  })

  test('is compressed, not stored, open to every page, and tells the time', async () => {
    await using live = await Live.open(media, 9)
    for (const [path, cache] of [
      [MANIFEST, 'no-store'],
      [REFRESH, 'no-cache'],
    ] as const) {
      const response = await live.fetch(path, { headers: { 'accept-encoding': 'gzip' }, decompress: false })
      expect(response.headers.get('content-encoding')).toBe('gzip')
      expect(response.headers.get('content-type')).toBe('application/dash+xml')
      expect(response.headers.get('cache-control')).toBe(cache)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      readXml(new TextDecoder().decode(Bun.gunzipSync(await response.bytes())))
    }
    const head = await live.fetch(MANIFEST, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect((await live.fetch(MANIFEST, { method: 'OPTIONS' })).status).toBe(204)
    const clock = find(await manifestOf(live), 'UTCTiming').attributes
    expect(clock['schemeIdUri']).toBe('urn:mpeg:dash:utc:http-iso:2014')
    const time = await (await fetchMedia(live, clock['value']!)).text()
    expect(Date.parse(time)).toBe(Math.floor(live.channel.now))
  })

  test('is held until a stream has something to play; who is not live is not found', async () => {
    await using live = await Live.open(media, 1)
    const held = await live.held('source', MANIFEST)
    live.channel.feed(5)
    expect((await held.response).status).toBe(200)
    for (const path of [
      '../../dash/nobody/manifest.mpd',
      `${MANIFEST}?stream=s9`,
      '../../dash/other/manifest.mpd?stream=s1',
    ]) {
      const response = await live.fetch(path)
      expect([path, response.status, await reasonOf(response)]).toEqual([path, 404, 'channel_not_live'])
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
    }
  })
})
