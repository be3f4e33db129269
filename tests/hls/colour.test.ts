/** What players are told of a stream's colours, before they have any media and with it. */
import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { avcFrame, avcSequenceHeader } from '../../media/flv/tag.ts'
import { PublisherFeed } from '../../src/ingest/publisher-feed.ts'
import { COLOUR_INFO, colourMessage, HDR10 } from '../media/hdr.ts'
import { type Encoded, encode } from './encoder.ts'
import { asRung, inOrderOfArrival } from './ladder.ts'
import { Live } from './live-site.ts'
import { findAll, readXml } from './manifest-reader.ts'

const SILENT = { frameRate: undefined, encoder: undefined, audioCodecId: undefined, sounds: [] }
const REFRESH = '../../dash/chan/manifest.mpd?stream=s1&viewer=x'

let sdr: Encoded
let hlg: Encoded
let pq: Encoded
beforeAll(async () => {
  const colours = ['-color_primaries', 'bt2020', '-color_trc', 'arib-std-b67', '-colorspace', 'bt2020nc']
  ;[sdr, hlg] = await Promise.all([
    encode({ seconds: 40, size: '64x36' }),
    encode({ seconds: 10, size: '64x36', video: colours }),
  ])
  const video: VideoTrack = { ...sdr.tracks.video, colour: HDR10 }
  const isPicture = ({ track }: { track: { kind: string } }) => track.kind === 'video'
  pq = {
    tracks: { ...sdr.tracks, video },
    units: sdr.units.map(unit => (isPicture(unit) ? { ...unit, track: video } : unit)),
  }
})

const rangesOf = async (live: Live) =>
  [...(await live.text('index.m3u8')).matchAll(/VIDEO-RANGE=(\w+)/g)].map(([, range]) => range)

describe('the multivariant playlist', () => {
  test('states the range of each picture, and of sound none (4.4.6.2)', async () => {
    const units = inOrderOfArrival({ units: pq.units }, { units: asRung(sdr, '36p', pq), lateSeconds: 0.3 })
    await using live = await Live.open({ tracks: pq.tracks, units }, 6)
    expect(await rangesOf(live)).toEqual(['PQ', 'SDR'])
    expect((await live.text('index.m3u8')).match(/#EXT-X-STREAM-INF/g)).toHaveLength(3)
  })

  test('calls a mixture what is hardest to show, for as long as it is listed (4.4.6.2)', async () => {
    await using live = await Live.open(hlg, 7)
    expect(await rangesOf(live)).toEqual(['HLG'])
    await live.channel.attach(sdr)
    live.channel.feed(5)
    expect(await rangesOf(live)).toEqual(['HLG'])
    live.channel.feed(38)
    expect(await rangesOf(live)).toEqual(['SDR'])
    await live.channel.attach(pq)
    live.channel.feed(5)
    expect(await rangesOf(live)).toEqual(['PQ'])
  })
})

test('another colour has an init segment of its own, and ffprobe reads both', async () => {
  await using live = await Live.open(hlg, 7)
  await live.channel.attach(pq)
  live.channel.feed(5)
  const { segments } = await live.version('source')
  const transfers: unknown[] = []
  for (const { map, uri } of [segments[0]!, segments.findLast(each => each.uri)!]) {
    const names = [/URI="(.*?)"/.exec(map!)![1]!, uri!]
    const files = await Promise.all(names.map(async name => (await live.fetch(`s1/source/${name}`)).bytes()))
    const args = ['-v', 'error', '-i', 'pipe:0', '-show_entries', 'stream=color_transfer', '-of', 'csv=p=0']
    const ffprobe = Bun.spawn(['ffprobe', ...args], { stdin: concatBytes(files) })
    transfers.push(/[\w-]+/.exec(await new Response(ffprobe.stdout).text())![0])
  }
  expect(transfers).toEqual(['arib-std-b67', 'smpte2084'])
})

test('what a publisher says in between begins anew at a key frame, and only where it changes something', () => {
  const begun: { colour: unknown; units: AccessUnit[] }[] = []
  const feed = new PublisherFeed(({ video }) => {
    const units: AccessUnit[] = []
    begun.push({ colour: video.colour, units })
    return { write: unit => units.push(unit) }
  })
  feed.metadata({ ...SILENT, videoCodecId: 7 })
  feed.write('video', 0, avcSequenceHeader(sdr.tracks.video.decoderConfig))
  for (const unit of sdr.units.filter(({ track }) => track.kind === 'video').slice(0, 100)) {
    const at = unit.dts / 90
    feed.write('video', at, avcFrame({ isKey: unit.isKey, compositionMs: 0, data: unit.data }))
    if (begun[0]!.units.length === 20 || begun[1]?.units.length === 5)
      feed.write('video', at, colourMessage(COLOUR_INFO, 'avc1'))
  }
  expect(begun.map(({ colour, units }) => [colour, units.length])).toEqual([
    [undefined, 30],
    [HDR10, 70],
  ])
  expect(begun[1]!.units[0]!.isKey).toBe(true)
})

test('the manifest of MPEG-DASH states code points, and keeps ranges apart', async () => {
  const units = inOrderOfArrival({ units: pq.units }, { units: asRung(sdr, '36p', pq), lateSeconds: 0.3 })
  await using live = await Live.open({ tracks: pq.tracks, units }, 8)
  const sets = findAll(readXml(await live.text(REFRESH)), 'AdaptationSet')
  const told = sets.map(set =>
    findAll(set, 'SupplementalProperty').map(({ attributes }) => [
      ...[attributes['schemeIdUri']!.split(':').at(-1), attributes['value']],
    ]),
  )
  const hdr = [
    ['ColourPrimaries', '9'],
    ['TransferCharacteristics', '16'],
    ['MatrixCoefficients', '9'],
  ]
  expect(told).toEqual([hdr, [], []])
})
