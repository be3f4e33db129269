import { expect, test } from 'bun:test'
import type { VideoTrack } from '../../../media/access-unit.ts'
import { opusTrack } from '../../../media/codecs/opus.ts'
import { fragment } from '../../../media/mp4/fragment.ts'
import { initSegment } from '../../../media/mp4/init-segment.ts'
import { audio } from '../../live/tracks.ts'
import { OPUS } from '../flv/configs.ts'
import { readBoxes, readFragments } from './box-reader.ts'

const video: VideoTrack = {
  kind: 'video',
  codec: 'h264',
  timescale: 90_000,
  decoderConfig: Uint8Array.of(1, 100, 0, 31, 255, 225, 0, 0, 1, 0, 0),
  sps: [],
  pps: [],
  codecString: 'avc1.64001f',
  width: 1280,
  height: 720,
  chroma: '4:2:0',
  bitDepth: 8,
}

test('the init segment holds both tracks with their decoder configurations', () => {
  const bytes = initSegment([video, audio])
  const boxes = readBoxes(bytes)
  const types = boxes.map(box => box.type)
  const perTrack = ['tkhd', 'mdia', 'mdhd', 'hdlr', 'minf']
  const table = ['dinf', 'stbl', 'stsd', 'stts', 'stsc', 'stsz', 'stco']
  expect(types).toEqual([
    ...['ftyp', 'moov', 'mvhd'],
    ...['trak', ...perTrack, 'vmhd', ...table],
    ...['trak', ...perTrack, 'smhd', ...table],
    ...['mvex', 'trex', 'trex'],
  ])
  const text = Buffer.from(bytes).toString('latin1')
  expect(text).toContain(`avcC${Buffer.from(video.decoderConfig).toString('latin1')}`)
  expect(text).toContain(`\x05\x80\x80\x80\x02${Buffer.from(audio.decoderConfig).toString('latin1')}`)
  const ids = boxes.filter(box => box.type === 'trex').map(box => box.content.getUint32(4))
  expect(ids).toEqual([1, 2])
})

test('Opus gets its own sample entry', () => {
  const opus = { ...audio, codec: 'opus', decoderConfig: new Uint8Array() } as const
  const text = Buffer.from(initSegment([opus])).toString('latin1')
  expect(text).toContain('Opus')
  expect(text).toContain('dOps\x00\x02\x00\x00\x00\x00\xbb\x80')
})

test('Opus keeps its pre-skip, and each sound says its language', async () => {
  const opus = { ...opusTrack(OPUS, 960), language: 'de-CH' }
  const bytes = initSegment([opus, { ...audio, language: 'fr' }, { ...audio, language: 'xx' }, audio])
  const text = Buffer.from(bytes).toString('latin1')
  expect(text).toContain('dOps\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00')
  expect(text).toContain('elng\x00\x00\x00\x00de-CH\x00')
  const shown = ['-show_entries', 'stream=codec_name:stream_tags=language', '-of', 'csv=p=0']
  const ffprobe = Bun.spawn(['ffprobe', '-v', 'error', '-f', 'mp4', '-i', 'pipe:0', ...shown], {
    stdin: bytes,
  })
  const lines = (await new Response(ffprobe.stdout).text()).trim().split('\n')
  expect(lines).toEqual(['opus,deu', 'aac,fra', 'aac,und', 'aac,und'])
})

test('a fragment gives back every sample: times beyond 32 bits, negative composition, flags, bytes', () => {
  const start = 2 ** 40 + 5
  const videoSamples = [
    { dts: start, pts: start + 6000, isKey: true, data: Uint8Array.of(1, 2, 3) },
    { dts: start + 3000, pts: start + 2000, isKey: false, data: Uint8Array.of(4) },
    { dts: start + 7000, pts: start + 7000, isKey: false, data: Uint8Array.of(5, 6) },
  ]
  const audioSamples = [{ dts: 77, pts: 77, isKey: true, data: Uint8Array.of(9, 9) }]
  const bytes = fragment(12, [
    { trackId: 1, kind: 'video', startDts: start, endDts: start + 9999, samples: videoSamples },
    { trackId: 2, kind: 'audio', startDts: 0, endDts: 77 + 1024, samples: audioSamples },
  ])
  const boxes = readBoxes(bytes)
  expect(boxes.find(box => box.type === 'mfhd')!.content.getUint32(4)).toBe(12)
  const tracks = readFragments(bytes)
  expect(tracks.get(1)).toEqual(
    videoSamples.map((sample, index) => ({ ...sample, duration: [3000, 4000, 2999][index]! })),
  )
  expect(tracks.get(2)).toEqual([{ ...audioSamples[0]!, duration: 1024 }])
})

test('a track that is silent keeps its time', () => {
  const bytes = fragment(1, [{ trackId: 1, kind: 'video', startDts: 4711, endDts: 0, samples: [] }])
  const boxes = readBoxes(bytes)
  expect(boxes.map(box => box.type)).toEqual(['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'mdat'])
  expect(boxes.find(box => box.type === 'tfdt')!.content.getBigUint64(4)).toBe(4711n)
})
