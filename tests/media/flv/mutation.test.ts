/** Broken Enhanced RTMP in bulk: whatever a peer sends, only `ProtocolError` comes out, in bounded memory. */
import { beforeAll, expect, test } from 'bun:test'
import { av1Track, readTemporalUnit } from '../../../media/codecs/av1.ts'
import { hevcTrack } from '../../../media/codecs/hevc.ts'
import { opusPacketSamples, parseOpusHeader } from '../../../media/codecs/opus.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import { initSegment } from '../../../media/mp4/init-segment.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { type EnhancedFile, encodeEnhanced } from '../../support/enhanced-file.ts'
import { mutate, seededRandom } from '../rtmp/random.ts'
import { AV1, HEVC, OPUS } from './configs.ts'

const STREAMS = 4_000
const ALTERNATES = [{ language: 'de', frequency: 880 }]

let files: EnhancedFile[] = []
beforeAll(async () => {
  files = [
    await encodeEnhanced({ video: 'hevc', audio: 'opus', alternateAudio: ALTERNATES, size: '320x180' }),
    await encodeEnhanced({ video: 'av1', audio: 'opus', size: '320x180' }),
  ]
}, 60_000)

test(`${STREAMS} mutated streams of HEVC, AV1, Opus and two sounds`, () => {
  const random = seededRandom(4)
  let [refused, units] = [0, 0]
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  for (let index = 0; index < STREAMS; index++) {
    const { headers, frames } = files[index % files.length]!
    const messages = [...headers, ...frames.slice(0, 20)]
    const broken = Math.floor(random() * messages.length)
    const depacketizer = new FlvDepacketizer()
    try {
      for (const [at, { kind, timestampMs, body }] of messages.entries())
        for (const event of depacketizer.push(
          kind,
          timestampMs,
          at === broken ? mutate(body, random) : body,
        )) {
          if (event.type === 'unit') units++
          if (event.type === 'track') initSegment([event.track])
        }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      refused++
    }
  }
  Bun.gc(true)
  expect(refused).toBeGreaterThan(STREAMS / 20)
  expect(units).toBeGreaterThan(STREAMS)
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20)
}, 60_000)

test.each([
  ['HEVC', HEVC, hevcTrack],
  ['AV1', AV1, av1Track],
  ['AV1 unit', AV1.subarray(4), readTemporalUnit],
  ['Opus header', OPUS, parseOpusHeader],
  ['Opus packet', OPUS.subarray(9), opusPacketSamples],
] as const)('10,000 mutated configurations: %s', (_, bytes, parse) => {
  const random = seededRandom(5)
  let read = 0
  for (let index = 0; index < 10_000; index++) {
    try {
      parse(mutate(bytes, random))
      read++
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
    }
  }
  expect(read).toBeGreaterThan(0)
  expect(read).toBeLessThan(10_000)
})
