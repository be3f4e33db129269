import { afterEach, beforeAll, describe, expect, jest, test } from 'bun:test'
import { type Encoded, encode } from './encoder.ts'
import { LiveChannel, reasonOf } from './live-channel.ts'
import { PART_TARGET_SECONDS } from './part-target.ts'
import { checkPlaylist, readPlaylist } from './playlist-checker.ts'

const PLAYLIST = 's1/source/playlist.m3u8'

let media: Encoded
let other: Encoded
beforeAll(async () => {
  media = await encode({ seconds: 70, size: '64x36' })
  other = await encode({ seconds: 6, rate: 25, size: '128x72', hasAudio: false })
}, 60_000)

let channel: LiveChannel
afterEach(async () => {
  jest.useRealTimers()
  await channel.hls.close()
})

async function live(seconds: number, limits?: ConstructorParameters<typeof LiveChannel>[0]): Promise<void> {
  channel = await LiveChannel.live(media, seconds, limits)
}

describe('the life of a stream', () => {
  test('until the first segment is complete everything is held, then refused with 503, never 404', async () => {
    await live(1)
    const held = [
      channel.request('index.m3u8'),
      channel.request(PLAYLIST),
      channel.request(`${PLAYLIST}?_HLS_msn=0`),
    ]
    for (const response of held) expect(await channel.isHeld(response)).toBe(true)
    channel.feed(2.2)
    for (const response of await Promise.all(held)) expect(response.status).toBe(200)

    await channel.end()
    await channel.open('s2')
    jest.useFakeTimers()
    const late = [channel.request('index.m3u8'), channel.request('s2/source/playlist.m3u8')]
    for (const request of late) expect(await channel.isHeld(request)).toBe(true)
    jest.advanceTimersByTime(8_001)
    for (const response of await Promise.all(late)) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await reasonOf(response)).toBe('stream_starting')
    }
  })

  test('another broadcast goes on with a discontinuity, a new init segment and the same promises', async () => {
    await live(5.5)
    const { mediaSequence } = readPlaylist(await channel.text(PLAYLIST))
    const held = channel.request(`${PLAYLIST}?_HLS_msn=3&_HLS_part=0`)
    await channel.attach(other)
    expect(await channel.isHeld(held)).toBe(true)
    channel.feed(3)
    const playlist = checkPlaylist(await (await held).text())
    expect(playlist).toMatchObject({
      mediaSequence,
      targetDuration: 2,
      partTarget: PART_TARGET_SECONDS,
      isEnded: false,
    })
    const now = checkPlaylist(await channel.text(PLAYLIST)).segments
    expect(now.map(each => each.isDiscontinuity)).toEqual([false, false, false, true, false])
    expect(now.map(each => each.map)).toEqual([
      ...Array(3).fill('init-0.mp4'),
      ...Array(2).fill('init-1.mp4'),
    ])
    for (let index = 1; index < now.length; index++)
      expect(now[index]!.dateTime).toBeGreaterThan(now[index - 1]!.dateTime)
    for (const init of ['init-0.mp4', 'init-1.mp4'])
      expect((await channel.request(`s1/source/${init}`)).status).toBe(200)
    const index = await channel.text('index.m3u8')
    // 4.4.6.2: the highest frame rate of all that is listed, which the first publisher's is.
    expect(index).toContain(`CODECS="${other.tracks.video.codecString}",RESOLUTION=128x72,FRAME-RATE=30.000`)
  })

  test('the discontinuity sequence counts discontinuities that have left the playlist', async () => {
    await live(5.5)
    await channel.attach(media)
    channel.feed(60)
    const text = await channel.text(PLAYLIST)
    expect(text).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1\n')
    expect(text).not.toContain('#EXT-X-DISCONTINUITY\n')
    expect((await channel.request('s1/source/init-0.mp4')).status).toBe(404)
    expect(readPlaylist(text).segments[0]!.map).toBe('init-1.mp4')
    expect((await channel.request('s1/source/init-1.mp4')).status).toBe(200)
  })

  test('the end answers who waits, is told once and stays readable; the next stream takes over', async () => {
    await live(5.5)
    const { hint } = readPlaylist(await channel.text(PLAYLIST))
    const held = [channel.request(`${PLAYLIST}?_HLS_msn=4&_HLS_part=1`), channel.request(`s1/source/${hint}`)]
    jest.useFakeTimers()
    await channel.end()
    const [playlist, part] = await Promise.all(held)
    const ended = checkPlaylist(await playlist!.text())
    expect(ended.isEnded).toBe(true)
    expect(ended.segments.map(each => each.uri)).toEqual(['0.m4s', '1.m4s', '2.m4s'])
    expect(part!.status).toBe(200)
    // Directives mean nothing any more, not even wrong ones.
    for (const query of ['_HLS_msn=900', '_HLS_part=1', '_HLS_msn=x', '_HLS_skip=YES'])
      expect(await channel.text(`${PLAYLIST}?${query}`)).toBe(ended.text)
    expect(await channel.text('index.m3u8')).toContain('s1/source/')

    await channel.open('s2')
    await channel.attach(media)
    channel.feed(3)
    expect(await channel.text('index.m3u8')).toContain('s2/source/')
    expect(await channel.text(PLAYLIST)).toBe(ended.text)
    jest.advanceTimersByTime(60_001)
    expect((await channel.request(PLAYLIST)).status).toBe(404)
    expect(await channel.text('index.m3u8')).toContain('s2/source/')
  })

  test('after that, and for a channel never live, it is 404', async () => {
    await live(3)
    jest.useFakeTimers()
    await channel.end()
    jest.advanceTimersByTime(60_001)
    for (const path of [
      'index.m3u8',
      PLAYLIST,
      's1/source/0.m4s',
      '%2e%2e%2fx/source/0.m4s',
      's1/other/0.m4s',
    ]) {
      const response = await channel.request(path)
      expect([path, response.status]).toEqual([path, 404])
      expect(await reasonOf(response)).toBe('channel_not_live')
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('a stream that ends before any media lets its viewers go with 404', async () => {
    channel = new LiveChannel()
    await channel.open('s1')
    const held = channel.request('index.m3u8')
    expect(await channel.isHeld(held)).toBe(true)
    await channel.end()
    expect((await held).status).toBe(404)
    expect((await channel.request('index.m3u8')).status).toBe(404)
  })

  test('closing is idempotent, whichever goes first, and nothing opens afterwards', async () => {
    await live(5)
    const held = channel.request(`${PLAYLIST}?_HLS_msn=2`)
    await Promise.all([channel.hls.close(), channel.end()])
    await Promise.all([channel.end(), channel.hls.close()])
    expect(readPlaylist(await (await held).text()).isEnded).toBe(true)
    expect((await channel.request(PLAYLIST)).status).toBe(404)
    expect(channel.open('s3')).rejects.toMatchObject({ reason: 'server_closing' })
  })

  test('memory is bounded: over the limit the oldest segments go', async () => {
    const maxBytes = 150_000
    await live(60, { maxBytes })
    const { segments } = checkPlaylist(await channel.text(PLAYLIST))
    expect(segments.length).toBeGreaterThan(1)
    expect(segments.length).toBeLessThan(12)
    const first = segments[0]!.sequence
    let kept = 0
    for (let sequence = 0; sequence <= segments.at(-1)!.sequence; sequence++) {
      const response = await channel.request(`s1/source/${sequence}.m4s`)
      if (response.ok) kept += (await response.bytes()).byteLength
      else expect(sequence < first || sequence === segments.at(-1)!.sequence).toBe(true)
    }
    expect(kept).toBeLessThanOrEqual(maxBytes)
  })

  test('unlisted segments can be had for as long as the longest playlist, then no more', async () => {
    await live(40)
    const listed = readPlaylist(await channel.text(PLAYLIST)).mediaSequence
    expect((await channel.request(`s1/source/${listed - 1}.m4s`)).status).toBe(200)
    expect((await channel.request(`s1/source/${listed - 1}.0.m4s`)).status).toBe(200)
    channel.feed(63.9)
    expect((await channel.request(`s1/source/${listed - 1}.m4s`)).status).toBe(200)
    expect((await channel.request('s1/source/0.m4s')).status).toBe(404)
    channel.feed(64.1)
    expect((await channel.request(`s1/source/${listed - 1}.m4s`)).status).toBe(404)
  })
})
