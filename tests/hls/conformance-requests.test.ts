/** What draft-pantos-hls-rfc8216bis-22 asks of a server's answers, over HTTP. Each test names its clause. */
import { beforeAll, describe, expect, jest, test } from 'bun:test'
import { concatBytes } from '../../media/bytes.ts'
import { type Encoded, encode } from './encoder.ts'
import { reasonOf } from './live-channel.ts'
import { encodeRich, growing, hasPart, Live } from './live-site.ts'
import { ADVANCE_PARTS, SEGMENT_PARTS } from './part-target.ts'
import { readVersion } from './playlist-versions.ts'

const SECONDS = 40
const TARGET_SECONDS = 2
const RENDITIONS = ['source', '90p', 'audio', 'audio-2']
/** Seconds of the stream at which segment 2 has three parts: every rendition is in the middle of it. */
const MIDDLE = 5.5

let media: Encoded
let irregular: Encoded
beforeAll(async () => {
  ;[media, irregular] = await Promise.all([
    encodeRich(SECONDS),
    encode({ seconds: 30, size: '128x72', gop: 200, video: ['-bf', '2'] }),
  ])
})

describe('blocking reload (6.2.5.2)', () => {
  test('holds until the part is there, in every rendition, and answers with it', async () => {
    await using live = await Live.open(media, MIDDLE)
    for (const rendition of RENDITIONS) {
      const { sequence, parts } = growing(await live.version(rendition))
      const query = `?_HLS_msn=${sequence}&_HLS_part=${parts}`
      const held = await live.held(rendition, live.playlist(rendition, query))
      live.channel.feed(MIDDLE + 0.02 + RENDITIONS.indexOf(rendition) / 2)
      await live.version(rendition)
      if (!hasPart(await live.version(rendition), sequence, parts)) expect(held.isAnswered()).toBe(false)
      live.channel.feed(MIDDLE + 0.45 + RENDITIONS.indexOf(rendition) / 2)
      const response = await held.response
      expect(response.status).toBe(200)
      expect(hasPart(readVersion(await response.text()), sequence, parts)).toBe(true)
      // Appendix B: an answer to a blocking request may be kept for six target durations.
      expect(response.headers.get('cache-control')).toBe(`public, max-age=${6 * TARGET_SECONDS}`)
    }
  })

  test('without a part holds until the segment is complete', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { sequence } = growing(await live.version('source'))
    const held = await live.held('source', live.playlist('source', `?_HLS_msn=${sequence}`))
    live.channel.feed(MIDDLE + 0.4)
    expect(growing(await live.version('source')).sequence).toBe(sequence)
    expect(held.isAnswered()).toBe(false)
    live.channel.feed(MIDDLE + 0.7)
    const { segments } = readVersion(await (await held.response).text())
    expect(segments.some(each => each.sequence === sequence && each.uri !== undefined)).toBe(true)
  })

  test('a part beyond the last of a segment is the next one’s first', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { sequence } = growing(await live.version('source'))
    const held = await live.held(
      'source',
      live.playlist('source', `?_HLS_msn=${sequence}&_HLS_part=${SEGMENT_PARTS + 1}`),
    )
    live.channel.feed(MIDDLE + 0.6)
    expect(growing(await live.version('source'))).toEqual({ sequence: sequence + 1, parts: 0 })
    expect(held.isAnswered()).toBe(false)
    live.channel.feed(MIDDLE + 0.9)
    expect(hasPart(readVersion(await (await held.response).text()), sequence + 1, 0)).toBe(true)
  })

  test('answers at once with the whole playlist for what is there, and for what has long gone', async () => {
    await using live = await Live.open(media, SECONDS)
    for (const rendition of RENDITIONS) {
      const { mediaSequence, text, segments } = await live.version(rendition)
      expect(mediaSequence).toBeGreaterThan(3)
      const complete = segments.findLast(each => each.uri !== undefined)!
      const queries = ['0', '0&_HLS_part=0', '3&_HLS_part=2', `${mediaSequence - 1}`, `${complete.sequence}`]
      for (const query of queries)
        expect(await live.text(live.playlist(rendition, `?_HLS_msn=${query}`))).toBe(text)
    }
  })

  test('refuses with 400 a part without a segment, what is too far ahead, and what is no number', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { sequence, parts } = growing(await live.version('source'))
    // Three seconds of parts, from the last one: the Advance Part Limit.
    const advance = ADVANCE_PARTS
    const wrong = ['_HLS_part=0', '_HLS_msn=1.5', '_HLS_msn=', '_HLS_msn=-2', '_HLS_msn=1&_HLS_part=x']
    const far = [`_HLS_msn=${sequence + 3}`, `_HLS_msn=${sequence}&_HLS_part=${parts + advance}`]
    for (const query of [...wrong, ...far]) {
      const response = await live.fetch(live.playlist('source', `?${query}`))
      expect([query, response.status]).toEqual([query, 400])
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
    }
    const near = [`_HLS_msn=${sequence + 2}`, `_HLS_msn=${sequence}&_HLS_part=${parts + advance - 1}`]
    const held: Awaited<ReturnType<Live['held']>>[] = []
    for (const query of near) held.push(await live.held('source', live.playlist('source', `?${query}`)))
    live.channel.feed(MIDDLE + 7)
    for (const { response } of held) expect((await response).status).toBe(200)
  })

  test('gives up after three target durations of a silent publisher, with 503', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { sequence, parts } = growing(await live.version('audio'))
    jest.useFakeTimers()
    try {
      const path = live.playlist('audio', `?_HLS_msn=${sequence}&_HLS_part=${parts}`)
      const response = live.fetch(path)
      const rendition = live.stream.findRendition('audio')!
      while (rendition.heldRequests === 0) await new Promise(resolve => setImmediate(resolve))
      jest.advanceTimersByTime(3 * TARGET_SECONDS * 1000 - 1)
      expect(rendition.heldRequests).toBe(1)
      jest.advanceTimersByTime(2)
      expect((await response).status).toBe(503)
      expect((await response).headers.get('retry-after')).toBe('1')
    } finally {
      jest.useRealTimers()
    }
  })
})

describe('a hinted part (6.2.6)', () => {
  test('can be asked for at once, comes whole and not before it is complete; any other unknown one is not found', async () => {
    await using live = await Live.open(media, MIDDLE)
    for (const rendition of ['source', 'audio']) {
      const { hints } = await live.version(rendition)
      const held = await live.held(rendition, `s1/${rendition}/${hints[0]}`)
      live.channel.feed(MIDDLE + (rendition === 'source' ? 0.4 : 0.8))
      const response = await held.response
      expect(response.status).toBe(200)
      const bytes = await response.bytes()
      expect(Number(response.headers.get('content-length'))).toBe(bytes.byteLength)
      expect(await (await live.fetch(`s1/${rendition}/${hints[0]}`)).bytes()).toEqual(bytes)
    }
    const { sequence, parts } = growing(await live.version('source'))
    for (const name of [
      `${sequence}.${parts + 1}.m4s`,
      `${sequence + 1}.0.m4s`,
      `${sequence}.m4s`,
      'init-7.mp4',
    ])
      expect([name, (await live.fetch(`s1/source/${name}`)).status]).toEqual([name, 404])
  })

  test('stays for three target durations after it has left the playlist (6.2.2)', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { segments } = await live.version('source')
    const { sequence } = segments[0]!
    let leftAt = Number.NaN
    for (let seconds = MIDDLE; seconds < MIDDLE + 14; seconds += 0.2) {
      live.channel.feed(seconds)
      const first = (await live.version('source')).segments.find(each => each.sequence === sequence)!
      if (first.parts.length === 0 && Number.isNaN(leftAt)) leftAt = seconds
      if (seconds > leftAt + 3 * TARGET_SECONDS) break
      const part = await live.fetch(`s1/source/${sequence}.0.m4s`)
      expect(part.status).toBe(200)
      await part.bytes()
    }
    expect(leftAt).toBeLessThan(12)
  })
})

describe('the publisher', () => {
  test('who returns in another size keeps who waits, and the playlist open (6.2.1)', async () => {
    await using live = await Live.open(media, MIDDLE)
    const before = growing(await live.version('source'))
    const held = await live.held(
      'source',
      live.playlist('source', `?_HLS_msn=${before.sequence + 1}&_HLS_part=0`),
    )
    await live.channel.attach(irregular)
    expect((await live.version('source')).isEnded).toBe(false)
    live.channel.feed(4)
    const after = readVersion(await (await held.response).text())
    expect(after.isEnded).toBe(false)
    expect(after.segments.find(each => each.sequence === before.sequence + 1)).toMatchObject({
      isDiscontinuity: true,
      map: '#EXT-X-MAP:URI="init-1.mp4"',
    })
  })

  test('with key frames that come too seldom still gets segments within the target duration (6.2.1)', async () => {
    await using live = await Live.open(irregular, 14)
    let before = await live.version('source')
    const target = Number(/TARGETDURATION:(\d+)/.exec(before.text)![1])
    const starts = new Map<string, string>()
    for (let seconds = 14; seconds < 30; seconds += 0.1) {
      live.channel.feed(seconds)
      const after = await live.version('source')
      for (const { seconds: duration, uri, parts } of after.segments) {
        if (uri !== undefined) expect(Math.round(duration)).toBeLessThanOrEqual(target)
        if (uri !== undefined && parts[0]) starts.set(uri, parts[0])
      }
      expect(after.text).toContain(`#EXT-X-TARGETDURATION:${target}\n`)
      before = after
    }
    expect([...starts.values()].some(part => !part.includes('INDEPENDENT=YES'))).toBe(true)
    // 6.2.1: a tag that a publisher's return could make untrue may not be there to begin with.
    expect(before.text).not.toContain('#EXT-X-INDEPENDENT-SEGMENTS')
  })

  test('who ends lets everybody go with ENDLIST; directives then mean nothing; all media stays (6.2.1, 6.2.5)', async () => {
    await using live = await Live.open(media, MIDDLE)
    const { sequence } = growing(await live.version('source'))
    const held = await live.held('source', live.playlist('source', `?_HLS_msn=${sequence + 1}&_HLS_part=3`))
    await live.channel.end()
    const text = await (await held.response).text()
    for (const query of ['', '?_HLS_msn=900', '?_HLS_part=1', '?_HLS_skip=YES', '?_HLS_msn=x'])
      expect(await live.text(live.playlist('source', query))).toBe(text)
    const { isEnded, segments } = readVersion(text)
    expect(isEnded).toBe(true)
    const all = await Promise.all(
      segments.map(async ({ uri }) => (await live.fetch(`s1/source/${uri}`)).bytes()),
    )
    expect(concatBytes(all).byteLength).toBeGreaterThan(10_000)
    const missing = await live.fetch('s9/source/playlist.m3u8')
    expect([missing.status, await reasonOf(missing)]).toEqual([404, 'channel_not_live'])
  })
})

test('playlists are compressed for who accepts it; anybody’s page may read everything, and caches know how long (6.2.1)', async () => {
  await using live = await Live.open(media, MIDDLE)
  for (const path of ['index.m3u8', ...RENDITIONS.map(name => live.playlist(name))]) {
    const response = await live.fetch(path, { headers: { 'accept-encoding': 'gzip' }, decompress: false })
    const isMultivariant = path === 'index.m3u8'
    expect(response.headers.get('content-encoding')).toBe(isMultivariant ? null : 'gzip')
    expect(response.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
    // Appendix B: what is not held may be kept for half a target duration.
    const cache = response.headers.get('cache-control')!
    expect(
      Math.max(0, ...[...cache.matchAll(/age=(\d+)/g)].map(each => Number(each[1]))),
    ).toBeLessThanOrEqual(isMultivariant ? 0 : TARGET_SECONDS / 2)
    expect(cache).toMatch(isMultivariant ? /no-store/ : /no-cache|max-age=0/)
    const bytes = await response.bytes()
    if (isMultivariant) continue
    expect(new TextDecoder().decode(Bun.gunzipSync(bytes))).toBe(await live.text(path))
  }
  for (const path of [
    'index.m3u8',
    live.playlist('audio'),
    's1/source/init-0.mp4',
    's1/audio/1.m4s',
    's1/90p/1.0.m4s',
  ]) {
    const { headers } = await live.fetch(path)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    if (path.includes('.m4s') || path.includes('.mp4'))
      expect(headers.get('cache-control')).toContain('immutable')
  }
})
