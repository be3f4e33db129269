import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import HLS from 'hls-parser'
import { type Encoded, encode } from './encoder.ts'
import { asRung, asSound, inOrderOfArrival, seconds } from './ladder.ts'
import { LiveChannel } from './live-channel.ts'
import { PART_TARGET_SECONDS } from './part-target.ts'
import { checkPlaylist, readPlaylist } from './playlist-checker.ts'

let source: Encoded
let small: Encoded
let full: Encoded
beforeAll(async () => {
  source = await encode({ seconds: 40, size: '128x72', video: ['-bf', '2'] })
  small = await encode({ seconds: 40, size: '64x36', video: ['-tune', 'zerolatency'] })
  full = withLadder(() => true)
}, 60_000)

let channel: LiveChannel
afterEach(() => channel.hls.close())

/** The source with a rung, in which only some pictures come, and with a German commentary. */
function withLadder(isSent: (at: number) => boolean, lateSeconds = 0.5): Encoded {
  const commentary = asSound(source, { trackId: 2, language: 'de' })
  const rung = asRung(small, '36p', source).filter(unit => isSent(seconds(unit)))
  return {
    tracks: { ...source.tracks, alternateAudio: [commentary.track] },
    units: inOrderOfArrival(
      { units: source.units },
      { units: commentary.units },
      { units: rung, lateSeconds },
    ),
  }
}

async function live(media: Encoded, until: number, limits?: ConstructorParameters<typeof LiveChannel>[0]) {
  channel = await LiveChannel.live(media, until, limits)
  return channel
}

const playlistOf = (name: string) => channel.text(`s1/${name}/playlist.m3u8`)
const RENDITIONS = ['source', '36p', 'audio', 'audio-2']

function variantLines(text: string): string[] {
  return text.split('\n').filter(line => line.startsWith('#EXT-X-STREAM-INF') || /^s\d\//.test(line))
}

describe('the multivariant playlist', () => {
  test('offers the source, the ladder, the sounds and sound alone, exactly described', async () => {
    await live(full, 20)
    const text = await channel.text('index.m3u8')
    const parsed = HLS.parse(text)
    if (!parsed.isMasterPlaylist) throw new Error('not a multivariant playlist')
    const paths = parsed.variants.map(variant => variant.uri.replace(/\?.*/, ''))
    expect(paths).toEqual(['source', '36p', 'audio'].map(name => `s1/${name}/playlist.m3u8`))
    expect(parsed.variants).toMatchObject([
      { codecs: `${source.tracks.video.codecString},mp4a.40.2`, resolution: { width: 128, height: 72 } },
      { codecs: `${small.tracks.video.codecString},mp4a.40.2`, resolution: { width: 64, height: 36 } },
      { codecs: 'mp4a.40.2' },
    ])
    for (const variant of parsed.variants) {
      expect(
        variant.audio.map(({ name, language, isDefault, autoselect, channels }) => [
          ...[name, language, isDefault, autoselect, channels],
        ]),
      ).toEqual([
        ['Main', undefined, true, true, '2'],
        ['German', 'de', undefined, true, '2'],
      ])
      for (const { uri } of [variant, ...variant.audio])
        expect(checkPlaylist(await channel.text(uri!)).segments.length).toBeGreaterThan(5)
    }
  })

  test('states bandwidths that no segment of a variant and its sound exceeds', async () => {
    await live(full, 30)
    const text = await channel.text('index.m3u8')
    const bits = async (name: string, sequence: number) =>
      (await (await channel.request(`s1/${name}/${sequence}.m4s`)).bytes()).byteLength * 8
    for (const name of ['source', '36p']) {
      const line = text.split('\n').find((_, index, lines) => lines[index + 1]?.includes(`/${name}/`))!
      const stated = Number(/BANDWIDTH=(\d+)/.exec(line)![1])
      let peak = 0
      for (const { sequence, uri, duration } of readPlaylist(await playlistOf(name)).segments)
        if (uri)
          peak = Math.max(peak, ((await bits(name, sequence)) + (await bits('audio', sequence))) / duration!)
      expect(stated / peak).toBeWithin(0.99, 1.2)
    }
  })

  test('of the sounds alone has no picture', async () => {
    await live(full, 10)
    const text = await channel.text('audio.m3u8')
    expect(variantLines(text)[1]).toStartWith('s1/audio/playlist.m3u8?viewer=')
    expect(variantLines(text)).toHaveLength(2)
    expect(text.match(/#EXT-X-MEDIA:/g)).toHaveLength(2)
    expect(text).not.toMatch(/RESOLUTION|avc1/)
  })

  test('names the codecs of everything that is listed, a publisher’s who has gone too (4.4.6.2)', async () => {
    const before = source.tracks.video.codecString
    const after = small.tracks.video.codecString
    expect(after).not.toBe(before)
    await live(source, 9)
    await channel.attach(small)
    const codecs = async () => /CODECS="(.*?)"/.exec(await channel.text('index.m3u8'))![1]
    expect(await codecs()).toBe(`${before},mp4a.40.2`)
    channel.feed(3)
    expect(await codecs()).toBe(`${after},${before},mp4a.40.2`)
    channel.feed(36)
    expect(readPlaylist(await playlistOf('source')).segments[0]!.map).toBe('init-1.mp4')
    expect(await codecs()).toBe(`${after},mp4a.40.2`)
  })

  test('of a stream without sound has no audio group', async () => {
    const { video } = source.tracks
    await live({ tracks: { video }, units: source.units.filter(unit => unit.track === video) }, 10)
    expect(await channel.text('index.m3u8')).not.toMatch(/AUDIO|mp4a/)
  })

  test('is held for the ladder when a stream begins, but not for ever', async () => {
    for (const { isSent, until, variants } of [
      { isSent: () => true, until: 3, variants: 3 },
      { isSent: () => false, until: 6.3, variants: 2 },
    ]) {
      channel = new LiveChannel()
      await channel.open('s1')
      await channel.attach(withLadder(isSent))
      channel.setRungs('36p')
      const held = channel.request('index.m3u8')
      channel.feed(2.3)
      expect(await channel.isHeld(held)).toBe(true)
      channel.feed(until)
      expect(variantLines(await (await held).text())).toHaveLength(2 * variants)
    }
  })
})

describe('the renditions of a stream', () => {
  test('keep all promises for as long as they run, with the same numbers, and report on each other', async () => {
    await live(full, 4)
    for (let until = 4; until < 38; until += 0.4) {
      channel.feed(until)
      const playlists = await Promise.all(RENDITIONS.map(playlistOf))
      for (const [index, text] of playlists.entries()) {
        const { targetDuration, partTarget, segments, mediaSequence } = checkPlaylist(text)
        expect({ targetDuration, partTarget }).toEqual({ targetDuration: 2, partTarget: PART_TARGET_SECONDS })
        expect(mediaSequence).toBe(readPlaylist(playlists[0]!).mediaSequence)
        const last = segments.at(-1)!
        for (const [other, otherText] of playlists.entries()) {
          const report = new RegExp(
            `RENDITION-REPORT:URI="../${RENDITIONS[index]}/playlist.m3u8",LAST-MSN=(\\d+),LAST-PART=(\\d+)`,
          )
          const found = report.exec(otherText)
          if (other === index) expect(found).toBeNull()
          else if (Number(found![1]) === last.sequence)
            expect(Number(found![2])).toBeWithin(last.parts.length - 3, last.parts.length)
          else expect(Number(found![1])).toBe(last.sequence - 1)
        }
      }
    }
  })

  test('have their discontinuity at the same number when the publisher returns', async () => {
    await live(full, 9.1)
    await channel.attach(withLadder(at => at > 3, 0.2))
    channel.feed(13)
    for (const name of RENDITIONS) {
      const { segments, isEnded } = checkPlaylist(await playlistOf(name))
      expect(segments.map(segment => segment.isDiscontinuity).indexOf(true)).toBe(5)
      expect(isEnded).toBe(false)
      // The rung's gap is cut before its new encoder is known.
      const maps = segments.slice(4, 7).map(segment => segment.map)
      const atReturn = name === '36p' ? 'init-0.mp4' : 'init-1.mp4'
      expect(maps).toEqual(['init-0.mp4', atReturn, 'init-1.mp4'])
    }
    // Without pictures for the first three seconds, and then with the new encoder's.
    const rung = await playlistOf('36p')
    expect(rung.match(/#EXT-X-GAP/g)).toHaveLength(1)
    channel.feed(38)
    for (const name of RENDITIONS)
      expect(await playlistOf(name)).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1\n')
  })

  test('of the ladder are gaps while they are not made, and not offered meanwhile', async () => {
    await live(
      withLadder(at => at < 10 || at > 24),
      12,
    )
    const isOffered = async () => (await channel.text('index.m3u8')).includes('/36p/')
    expect(await isOffered()).toBe(true)
    channel.feed(14)
    const { hint } = readPlaylist(await playlistOf('36p'))
    const held = channel.request(`s1/36p/${hint}`)
    channel.feed(23)
    expect((await held).status).toBe(404)
    expect(await isOffered()).toBe(false)
    const text = await playlistOf('36p')
    checkPlaylist(text)
    expect(text).toContain(',GAP=YES')
    const gap = /#EXT-X-GAP\n#EXTINF:.*\n(.*)/.exec(text)![1]!
    expect((await channel.request(`s1/36p/${gap}`)).status).toBe(404)
    channel.feed(30)
    expect(await isOffered()).toBe(true)
  })

  test('that have only gaps left still name an init segment, and it can be had', async () => {
    await live(full, 9.1)
    await channel.attach(source)
    channel.feed(39)
    const { segments } = checkPlaylist(await playlistOf('36p'))
    expect(await playlistOf('36p')).not.toContain('INDEPENDENT=YES')
    expect(segments[0]!.sequence).toBeGreaterThan(5)
    for (const { map } of segments) expect(map).toBe('init-0.mp4')
    expect((await channel.request('s1/36p/init-0.mp4')).status).toBe(200)
  })

  test('of a sound that does not return are the default sound, or silence that decodes', async () => {
    await live(full, 9.1)
    await channel.attach(source)
    channel.feed(8)
    const last = (name: string) => channel.request(`s1/${name}/7.m4s`).then(response => response.bytes())
    expect(Buffer.compare(await last('audio-2'), await last('audio'))).toBe(0)
    expect(await channel.text('index.m3u8')).not.toContain('audio-2')

    const { video } = source.tracks
    await channel.attach({ tracks: { video }, units: source.units.filter(unit => unit.track === video) })
    channel.feed(10)
    expect(await channel.text('index.m3u8')).not.toContain('AUDIO')
    const { segments } = checkPlaylist(await playlistOf('audio'))
    const { uri, map } = segments.findLast(segment => segment.uri)!
    const files = [map!, uri!].map(file =>
      channel.request(`s1/audio/${file}`).then(response => response.bytes()),
    )
    const child = Bun.spawn(
      ['ffmpeg', '-v', 'warning', '-xerror', '-i', 'pipe:0', '-af', 'volumedetect', '-f', 'null', '-'],
      { stdin: new Blob(await Promise.all(files)), stdout: 'pipe', stderr: 'pipe' },
    )
    expect([await new Response(child.stderr).text(), await child.exited]).toEqual(['', 0])
  })

  test('can be rewound for as long as memory reaches, all of them alike', async () => {
    await live(full, 38, { listedSeconds: 7_200 })
    for (const name of RENDITIONS)
      expect(readPlaylist(await playlistOf(name)).segments.filter(each => each.uri).length).toBeGreaterThan(
        16,
      )
    await channel.hls.close()

    const maxBytes = 2_100_000
    await live(full, 38, { listedSeconds: 7_200, maxBytes })
    const firsts = await Promise.all(
      RENDITIONS.map(async name => readPlaylist(await playlistOf(name)).mediaSequence),
    )
    expect(new Set(firsts).size).toBe(1)
    expect(firsts[0]).toBeGreaterThan(0)
    let kept = 0
    let listed = 0
    for (const name of RENDITIONS)
      for (let sequence = 0; sequence < 20; sequence++) {
        const response = await channel.request(`s1/${name}/${sequence}.m4s`)
        const size = response.ok ? (await response.bytes()).byteLength : 0
        kept += size
        if (sequence >= firsts[0]!) listed += size
      }
    expect(kept).toBeLessThanOrEqual(maxBytes)
    expect(listed / maxBytes).toBeWithin(0.4, 0.56)
  })
})
