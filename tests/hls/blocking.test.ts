import { afterEach, beforeAll, describe, expect, jest, test } from 'bun:test'
import { readFragments } from '../media/mp4/box-reader.ts'
import { type Encoded, encode } from './encoder.ts'
import { LiveChannel, reasonOf } from './live-channel.ts'
import { ADVANCE_PARTS, PART_PICTURES, SEGMENT_PARTS } from './part-target.ts'
import { checkPlaylist, readPlaylist } from './playlist-checker.ts'

const PLAYLIST = 's1/source/playlist.m3u8'

let media: Encoded
beforeAll(async () => {
  media = await encode({ seconds: 70, size: '64x36' })
}, 60_000)

let channel: LiveChannel
afterEach(async () => {
  jest.useRealTimers()
  await channel.hls.close()
})

async function live(seconds: number, limits?: ConstructorParameters<typeof LiveChannel>[0]): Promise<void> {
  channel = await LiveChannel.live(media, seconds, limits)
}

describe('blocking', () => {
  test('a playlist is held until it has the part that was asked for, and may then be cached', async () => {
    await live(5)
    const { segments } = readPlaylist(await channel.text(PLAYLIST))
    const { sequence, parts } = segments.at(-1)!
    const held = channel.request(`${PLAYLIST}?_HLS_msn=${sequence}&_HLS_part=${parts.length}`)
    expect(await channel.isHeld(held)).toBe(true)
    channel.feed(5.4)
    const response = await held
    expect(checkPlaylist(await response.text()).segments.at(-1)!.parts.length).toBeGreaterThan(parts.length)
    expect(response.headers.get('cache-control')).toBe('public, max-age=12')
    expect((await channel.request(PLAYLIST)).headers.get('cache-control')).toBe(
      'public, max-age=0, s-maxage=1',
    )
  })

  test('a part beyond the last of a segment is the first of the next', async () => {
    await live(5)
    const held = channel.request(`${PLAYLIST}?_HLS_msn=2&_HLS_part=${SEGMENT_PARTS + 1}`)
    channel.feed(6.1)
    expect(await channel.isHeld(held)).toBe(true)
    channel.feed(6.4)
    expect(readPlaylist(await (await held).text()).segments.at(-1)).toMatchObject({
      sequence: 3,
      uri: undefined,
    })
    // The same question about a complete segment is answered at once.
    const again = await channel.text(`${PLAYLIST}?_HLS_msn=2&_HLS_part=${SEGMENT_PARTS + 1}`)
    expect(readPlaylist(again).segments.at(-1)!.sequence).toBe(3)
  })

  test('without a part it is held until the segment is complete', async () => {
    await live(5)
    const held = channel.request(`${PLAYLIST}?_HLS_msn=2`)
    channel.feed(5.9)
    expect(await channel.isHeld(held)).toBe(true)
    channel.feed(6.1)
    expect(readPlaylist(await (await held).text()).segments.some(each => each.uri === '2.m4s')).toBe(true)
  })

  test('an old sequence number gets the full playlist at once', async () => {
    await live(40)
    for (const query of ['_HLS_msn=0', '_HLS_msn=0&_HLS_part=3', '_HLS_msn=17&_HLS_part=2'])
      expect(await channel.text(`${PLAYLIST}?${query}`)).toBe(await channel.text(PLAYLIST))
  })

  test('wrong directives are refused with 400', async () => {
    await live(5)
    const wrong = [
      '_HLS_part=0',
      '_HLS_msn=x',
      '_HLS_msn=-1',
      '_HLS_msn=2&_HLS_part=1.5',
      '_HLS_msn=1e3',
      '_HLS_msn=',
    ]
    const far = [
      '_HLS_msn=5',
      '_HLS_msn=99999999999',
      '_HLS_msn=2&_HLS_part=40',
      `_HLS_msn=3&_HLS_part=${ADVANCE_PARTS + 1}`,
    ]
    for (const query of [...wrong, ...far]) {
      const response = await channel.request(`${PLAYLIST}?${query}`)
      expect([query, response.status]).toEqual([query, 400])
      expect(await reasonOf(response)).toBe('hls_directive_invalid')
    }
  })

  test('the hinted part is held until it is complete; any other unknown one is 404', async () => {
    await live(5)
    const { hint } = readPlaylist(await channel.text(PLAYLIST))
    const held = channel.request(`s1/source/${hint}`)
    expect(await channel.isHeld(held)).toBe(true)
    channel.feed(5.4)
    const response = await held
    expect(response.status).toBe(200)
    expect(readFragments(await response.bytes()).get(1)!.length).toBe(PART_PICTURES)
    for (const file of [
      `2.${SEGMENT_PARTS - 1}.m4s`,
      '3.0.m4s',
      '9.m4s',
      '2.m4s',
      'init-1.mp4',
      '0.99.m4s',
      'x.m4s',
      '1.2.3.m4s',
      '..',
    ]) {
      const missing = await channel.request(`s1/source/${file}`)
      expect([file, missing.status]).toEqual([file, 404])
    }
  })

  test('a stall ends waiting with 503 after three target durations', async () => {
    await live(5)
    const { hint, segments } = readPlaylist(await channel.text(PLAYLIST))
    jest.useFakeTimers()
    const held = [
      channel.request(`${PLAYLIST}?_HLS_msn=${segments.at(-1)!.sequence}`),
      channel.request(`s1/source/${hint}`),
    ]
    for (const request of held) expect(await channel.isHeld(request)).toBe(true)
    jest.advanceTimersByTime(5_999)
    for (const request of held) expect(await channel.isHeld(request)).toBe(true)
    jest.advanceTimersByTime(2)
    for (const response of await Promise.all(held)) {
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(await reasonOf(response)).toBe('media_late')
    }
  })

  test('only so many are held; a client that leaves makes room at once', async () => {
    await live(5, { maxHeldRequests: 2 })
    const leaving = new AbortController()
    const query = `${PLAYLIST}?_HLS_msn=2`
    const first = channel.request(query, { signal: leaving.signal })
    const second = channel.request(query)
    expect(await channel.isHeld(second)).toBe(true)
    const refused = await channel.request(query)
    expect([refused.status, await reasonOf(refused)]).toEqual([503, 'too_many_requests_held'])
    leaving.abort()
    expect((await first).status).toBe(499)
    const third = channel.request(query)
    expect(await channel.isHeld(third)).toBe(true)
    channel.feed(6.1)
    expect([(await second).status, (await third).status]).toEqual([200, 200])
  })
})
