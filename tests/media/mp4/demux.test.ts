import { beforeAll, expect, test } from 'bun:test'
import { concatBytes } from '../../../media/bytes.ts'
import { completeFragments, parseFragments, readSegment } from '../../../media/mp4/demux.ts'
import { parseInit, parseInits } from '../../../media/mp4/init-reader.ts'
import { initSegment } from '../../../media/mp4/init-segment.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { type Encoded, encode } from '../../hls/encoder.ts'
import { packageStream, run, type Stream, samplesOf } from '../../hls/packaging.ts'
import { mutate, seededRandom } from '../rtmp/random.ts'
import { type ReadSample, readBoxes } from './box-reader.ts'

let encoded: Encoded
let stream: Stream
beforeAll(async () => {
  encoded = await encode({ seconds: 4, video: ['-bf', '2'] })
  stream = await packageStream(encoded)
}, 60_000)

test('our own init segments say what was put into them', () => {
  const { video, audio } = encoded.tracks
  const [picture, sound] = parseInits(initSegment([video, { ...audio!, language: 'de-CH' }]))
  expect(picture).toMatchObject({ trackId: 1, kind: 'video', timescale: 90_000, width: 320, height: 180 })
  expect(picture!.language).toBeUndefined()
  expect(Buffer.from(picture!.sampleEntry.subarray(4, 8)).toString()).toBe('avc1')
  expect(sound).toMatchObject({ trackId: 2, kind: 'audio', timescale: 48_000, language: 'de-CH' })
  expect(sound!.defaults.flags).toBe(0x02000000)
  expect(() => parseInit(initSegment([video, audio!]))).toThrow(ProtocolError)
})

test('our own segments give back every sample', () => {
  for (const name of ['source', 'audio']) {
    const { segments } = stream.get(name)
    const read = segments.flatMap(({ init, data }) =>
      readSegment(init!, data).map(({ dts, duration, compositionOffset, isKey, offset, size }) => ({
        ...{ dts, duration, isKey, pts: dts + compositionOffset },
        data: data.subarray(offset, offset + size),
      })),
    )
    expect(read).toHaveLength(segments.reduce((sum, segment) => sum + segment.frameCount, 0))
    expect<readonly ReadSample[]>(read).toEqual(samplesOf(segments))
  }
})

/** What ffprobe reads of the first track of a kind. */
async function packetsOf(file: Uint8Array, kind: 'v' | 'a') {
  const shown = ['-show_entries', 'packet=pts,dts,duration,size,pos,flags', '-of', 'json']
  const { stdout } = await run(
    [
      'ffprobe',
      '-v',
      'error',
      '-ignore_editlist',
      '1',
      '-select_streams',
      kind,
      ...shown,
      '-f',
      'mp4',
      'pipe:0',
    ],
    file,
  )
  return (JSON.parse(stdout).packets as Record<string, string>[]).map(packet => ({
    ...{ dts: Number(packet.dts), pts: Number(packet.pts), size: Number(packet.size) },
    isKey: packet.flags!.startsWith('K'),
  }))
}

test.each([
  'empty_moov+default_base_moof+frag_keyframe',
  'empty_moov+frag_keyframe',
  'empty_moov+default_base_moof+frag_every_frame',
  'cmaf+negative_cts_offsets+frag_keyframe',
  'dash+omit_tfhd_offset+default_base_moof+skip_sidx',
])("ffmpeg's fragments: %s", async flags => {
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=size=128x72:rate=25:duration=2']
  const sound = ['-f', 'lavfi', '-i', 'sine=sample_rate=44100:duration=2']
  const coded = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-bf', '2', '-c:a', 'aac']
  const output = ['-movflags', flags, '-f', 'mp4', 'pipe:1']
  const args = ['ffmpeg', '-v', 'error', '-nostdin', ...inputs, ...sound, ...coded, ...output]
  const ffmpeg = Bun.spawn(args)
  const file = new Uint8Array(await new Response(ffmpeg.stdout).arrayBuffer())
  const moov = readBoxes(file).find(box => box.type === 'moov')!
  const [picture, sounds] = parseInits(file.subarray(0, moov.at + moov.content.byteLength + 8))
  for (const [init, kind] of [
    [picture!, 'v'],
    [sounds!, 'a'],
  ] as const) {
    const samples = parseFragments(file, init)
    const expected = await packetsOf(file, kind)
    expect(samples.length).toBeGreaterThan(kind === 'v' ? 49 : 80)
    const seen = samples.map(({ dts, compositionOffset, size, isKey }) => ({
      ...{ dts, pts: dts + compositionOffset, size, isKey },
    }))
    // ffprobe puts all off where a presentation time is before its decoding time.
    const shift = flags.includes('negative') && kind === 'v' ? expected[0]!.pts - seen[0]!.pts : 0
    expect(seen.map(each => ({ ...each, pts: each.pts + shift }))).toEqual(expected)
  }
})

test('a file that broke off gives its whole fragments, at whatever byte it broke', () => {
  const { parts } = stream.source.segments[0]!
  const data = concatBytes(parts.slice(0, 3).map(part => part.data))
  const ends = parts
    .slice(0, 3)
    .map((_, index) => parts.slice(0, index + 1).reduce((sum, part) => sum + part.data.byteLength, 0))
  for (let length = 0; length <= data.byteLength; length++) {
    const whole = ends.filter(end => end <= length).at(-1) ?? 0
    expect(completeFragments(data.subarray(0, length))).toBe(whole)
  }
  expect(completeFragments(concatBytes([data, new Uint8Array(4096)]))).toBe(ends[2]!)
  expect(completeFragments(concatBytes([data, Uint8Array.of(0, 0, 0, 8, 1, 2, 3, 4)]))).toBe(ends[2]!)
})

test('cut off anywhere, a segment and an init segment are refused', () => {
  const { init, parts } = stream.source.segments[0]!
  const { data } = parts[0]!
  for (let length = 1; length < data.byteLength; length++)
    expect(() => readSegment(init!, data.subarray(0, length))).toThrow(ProtocolError)
  for (let length = 0; length < init!.byteLength; length++)
    expect(() => parseInit(init!.subarray(0, length))).toThrow(ProtocolError)
})

test('20,000 mutated segments and init segments: read or refused, in bounded memory', () => {
  const random = seededRandom(12)
  const { init, parts } = stream.source.segments[0]!
  const header = parts[0]!.data.subarray(0, 400)
  const rest = parts[0]!.data.subarray(400)
  let refused = 0
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  for (let index = 0; index < 20_000; index++) {
    try {
      const isInit = index % 2 === 0
      const brokenInit = isInit ? mutate(init!, random) : init!
      const segment = isInit ? parts[0]!.data : concatBytes([mutate(header, random), rest])
      expect(completeFragments(segment)).toBeLessThanOrEqual(segment.byteLength)
      for (const { offset, size } of readSegment(brokenInit, segment))
        if (offset + size > segment.byteLength) throw new Error('a sample outside its segment')
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      refused++
    }
  }
  Bun.gc(true)
  expect(refused).toBeGreaterThan(2000)
  expect(refused).toBeLessThan(20_000)
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20)
}, 60_000)
