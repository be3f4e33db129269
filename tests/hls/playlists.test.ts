import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import HLS from 'hls-parser'
import { concatBytes } from '../../media/bytes.ts'
import { readFragments } from '../media/mp4/box-reader.ts'
import { type Encoded, encode } from './encoder.ts'
import { LiveChannel } from './live-channel.ts'
import { PART_TARGET_SECONDS } from './part-target.ts'
import { checkPlaylist, readPlaylist } from './playlist-checker.ts'

const PLAYLIST = 's1/source/playlist.m3u8'

let media: Encoded
beforeAll(async () => {
  media = await encode({ seconds: 70, size: '64x36' })
}, 60_000)

let channel: LiveChannel
afterEach(async () => {
  await channel.hls.close()
})

async function live(seconds: number, limits?: ConstructorParameters<typeof LiveChannel>[0]): Promise<void> {
  channel = await LiveChannel.live(media, seconds, limits)
}

describe('playlists', () => {
  test('every one of a minute keeps all promises, and nothing listed ever changes', async () => {
    await live(3)
    const seen = new Map<string, number>()
    let lastSequence = 0
    for (let seconds = 3; seconds < 68; seconds += 0.25) {
      channel.feed(seconds)
      const text = await channel.text(PLAYLIST)
      const playlist = checkPlaylist(text)
      expect(playlist).toMatchObject({ targetDuration: 2, partTarget: PART_TARGET_SECONDS })
      expect(playlist.mediaSequence).toBeGreaterThanOrEqual(lastSequence)
      lastSequence = playlist.mediaSequence
      for (const { sequence, dateTime, uri, duration, parts } of playlist.segments) {
        const id = `time of ${sequence}`
        expect(seen.get(id) ?? dateTime).toBe(dateTime)
        seen.set(id, dateTime)
        for (const known of [...parts, ...(uri ? [{ uri, duration: duration! }] : [])]) {
          expect(seen.get(known.uri) ?? known.duration).toBe(known.duration)
          seen.set(known.uri, known.duration)
        }
      }
      const withParts = playlist.segments.flatMap(segment => segment.parts)
      expect(withParts.reduce((sum, part) => sum + part.duration, 0)).toBeWithin(2.7, 6)
      if (seconds > 27) expect(playlist.segments.filter(segment => segment.uri)).toHaveLength(12)
    }
    expect(lastSequence).toBeGreaterThan(15)
  })

  test('everything listed can be had, init and parts and segments, and makes up continuous media', async () => {
    await live(30)
    const playlist = checkPlaylist(await channel.text(PLAYLIST))
    const bytes: Uint8Array[] = []
    for (const segment of playlist.segments) {
      const parts: Uint8Array[] = []
      for (const part of segment.parts) {
        const response = await channel.request(`s1/source/${part.uri}`)
        expect(response.headers.get('cache-control')).toContain('immutable')
        parts.push(await response.bytes())
        const video = readFragments(parts.at(-1)!).get(1)!
        expect(video[0]!.isKey).toBe(part.isIndependent)
      }
      if (segment.uri) {
        const whole = await (await channel.request(`s1/source/${segment.uri}`)).bytes()
        if (parts.length > 0) expect(Buffer.compare(concatBytes(parts), whole)).toBe(0)
        bytes.push(whole)
      } else bytes.push(...parts)
    }
    expect(await (await channel.request('s1/source/init-0.mp4')).bytes()).not.toBeEmpty()
    for (const samples of readFragments(concatBytes(bytes)).values())
      for (const [index, sample] of samples.slice(1).entries())
        expect(sample.dts).toBe(samples[index]!.dts + samples[index]!.duration)
  })

  test('a delta update and what the client has make the full playlist', async () => {
    await live(29)
    const before = await channel.text(PLAYLIST)
    channel.feed(29.6)
    for (const skip of ['YES', 'v2']) {
      const delta = await channel.text(`${PLAYLIST}?_HLS_skip=${skip}`)
      const full = await channel.text(PLAYLIST)
      const { skipped, mediaSequence } = readPlaylist(delta)
      expect(skipped).toBeGreaterThan(3)
      const fullLines = full.split('\n')
      const deltaLines = delta.split('\n')
      const at = deltaLines.findIndex(line => line.startsWith('#EXT-X-SKIP'))
      const rest = deltaLines.slice(at + 1)
      expect(fullLines.slice(0, at)).toEqual(deltaLines.slice(0, at))
      expect(fullLines.slice(-rest.length)).toEqual(rest)
      // What is skipped is what the client had before.
      const known = readPlaylist(before)
        .segments.filter(each => each.sequence >= mediaSequence)
        .slice(0, skipped)
      const replaced = fullLines
        .slice(at, fullLines.length - rest.length)
        .filter(line => line.endsWith('.m4s'))
      expect(replaced).toEqual(known.map(each => each.uri!))
    }
    expect(await channel.text(`${PLAYLIST}?_HLS_skip=no`)).toBe(await channel.text(PLAYLIST))
  })

  test('the multivariant playlist tells codecs, size, frame rate and measured bit rates', async () => {
    await live(20)
    const text = await channel.text('index.m3u8')
    const parsed = HLS.parse(text)
    if (!parsed.isMasterPlaylist) throw new Error('not a multivariant playlist')
    const [variant] = parsed.variants
    const { video } = media.tracks
    expect(variant).toMatchObject({
      codecs: `${video.codecString},mp4a.40.2`,
      resolution: { width: 64, height: 36 },
      frameRate: 30,
    })
    expect(text).toContain('#EXT-X-INDEPENDENT-SEGMENTS')
    expect(variant!.bandwidth).toBeGreaterThanOrEqual(variant!.averageBandwidth!)
    const bits = media.units
      .filter(unit => unit.dts / unit.track.timescale < 18)
      .reduce((sum, unit) => sum + unit.data.byteLength * 8, 0)
    expect(variant!.averageBandwidth! / (bits / 18)).toBeWithin(0.95, 1.3)
    const response = await channel.request(variant!.uri)
    expect(checkPlaylist(await response.text()).segments.length).toBeGreaterThan(5)
  })

  test('is compressed for those who accept it', async () => {
    await live(10)
    const response = await channel.request(PLAYLIST, { headers: { 'accept-encoding': 'br, gzip;q=0.8' } })
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(response.headers.get('vary')).toBe('Accept-Encoding')
    const text = new TextDecoder().decode(Bun.gunzipSync(await response.bytes()))
    expect(text).toBe(await channel.text(PLAYLIST))
    const refused = await channel.request(PLAYLIST, { headers: { 'accept-encoding': 'gzip;q=0' } })
    expect(refused.headers.get('content-encoding')).toBeNull()
  })
})

describe('HTTP', () => {
  test('HEAD and OPTIONS', async () => {
    await live(5)
    await using server = channel.mounted.listen()
    const head = await fetch(`${server.url}hls/chan/s1/source/1.m4s`, { method: 'HEAD' })
    const get = await channel.request('s1/source/1.m4s')
    expect(head.status).toBe(200)
    expect(Number(head.headers.get('content-length'))).toBe((await get.bytes()).byteLength)
    const preflight = await channel.request('s1/source/1.m4s', { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    for (const path of ['index.m3u8', PLAYLIST, 's1/source/1.m4s', 's1/source/init-0.mp4']) {
      const { headers } = await channel.request(path)
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      const type = path.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4'
      expect(headers.get('content-type')).toBe(type)
    }
  })

  test('single byte ranges', async () => {
    await live(5)
    const whole = await (await channel.request('s1/source/1.m4s')).bytes()
    const size = whole.byteLength
    const table = [
      { range: 'bytes=0-9', from: 0, to: 10 },
      { range: 'bytes=100-', from: 100, to: size },
      { range: 'bytes=-7', from: size - 7, to: size },
      { range: `bytes=10-${size + 5}`, from: 10, to: size },
      { range: `bytes=-${size + 5}`, from: 0, to: size },
    ]
    for (const { range, from, to } of table) {
      const response = await channel.request('s1/source/1.m4s', { headers: { range } })
      expect([range, response.status]).toEqual([range, 206])
      expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${size}`)
      expect(Buffer.compare(await response.bytes(), whole.subarray(from, to))).toBe(0)
    }
    const beyond = await channel.request('s1/source/1.m4s', { headers: { range: `bytes=${size}-` } })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${size}`])
    for (const range of ['bytes=0-1,4-5', 'lines=1-2', 'bytes=-'])
      expect((await channel.request('s1/source/1.m4s', { headers: { range } })).status).toBe(200)
  })
})
