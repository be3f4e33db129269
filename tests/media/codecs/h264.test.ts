import { describe, expect, test } from 'bun:test'
import { joinNalUnits, nalUnits, parseAvcConfig, videoTrack } from '../../../media/codecs/h264.ts'
import { parseSps } from '../../../media/codecs/h264-sps.ts'
import { FlvDemuxer } from '../../../media/flv/file.ts'
import { avcSequenceHeader, parseVideoTag } from '../../../media/flv/tag.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'

/** The AVC configuration that x264 makes with these settings. */
async function encode(size: string, ...settings: string[]): Promise<Uint8Array> {
  const source = ['-f', 'lavfi', '-i', `testsrc=s=${size}:r=30`, '-frames:v', '3']
  const output = ['-c:v', 'libx264', '-preset', 'veryfast', ...settings, '-f', 'flv', 'pipe:1']
  const ffmpeg = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...source, ...output], { stderr: 'inherit' })
  const bytes = new Uint8Array(await new Response(ffmpeg.stdout).arrayBuffer())
  for (const tag of new FlvDemuxer().push(bytes)) {
    const [packet] = tag.type === 'video' ? parseVideoTag(tag.body) : []
    if (packet?.kind === 'config') return packet.data
  }
  throw new Error('ffmpeg wrote no configuration')
}

const encodings = [
  {
    name: 'High with B-frames',
    size: '640x360',
    settings: ['-pix_fmt', 'yuv420p', '-bf', '2'],
    track: { width: 640, height: 360, chroma: '4:2:0', bitDepth: 8, maxReorderFrames: 2, frameRate: 30 },
    profile: 'avc1.6400',
  },
  {
    name: 'High without B-frames',
    size: '1920x1080',
    settings: ['-pix_fmt', 'yuv420p', '-bf', '0'],
    track: { width: 1920, height: 1080, maxReorderFrames: 0 },
    profile: 'avc1.640028',
  },
  {
    name: 'Baseline, cropped on both sides',
    size: '426x242',
    settings: ['-pix_fmt', 'yuv420p', '-profile:v', 'baseline'],
    track: { width: 426, height: 242, maxReorderFrames: 0 },
    profile: 'avc1.42c0',
  },
  {
    name: 'interlaced',
    size: '720x576',
    settings: ['-pix_fmt', 'yuv420p', '-flags', '+ilme+ildct', '-aspect', '16:9'],
    track: { width: 720, height: 576 },
    profile: 'avc1.64',
  },
  {
    name: '10 bit',
    size: '320x180',
    settings: ['-pix_fmt', 'yuv420p10le'],
    track: { width: 320, height: 180, chroma: '4:2:0', bitDepth: 10 },
    profile: 'avc1.6e00',
  },
  {
    name: '4:2:2, with scaling lists',
    size: '322x182',
    settings: ['-pix_fmt', 'yuv422p', '-x264-params', 'cqm=jvt'],
    track: { width: 322, height: 182, chroma: '4:2:2', bitDepth: 8 },
    profile: 'avc1.7a00',
  },
  {
    name: '4:4:4 with hypothetical reference decoder',
    size: '321x181',
    settings: [
      '-pix_fmt',
      'yuv444p',
      '-b:v',
      '1M',
      '-maxrate',
      '1M',
      '-bufsize',
      '1M',
      '-x264-params',
      'nal-hrd=cbr',
    ],
    track: { width: 321, height: 181, chroma: '4:4:4', bitDepth: 8, frameRate: 30 },
    profile: 'avc1.f400',
  },
]

describe('videoTrack', () => {
  test.each(encodings)('$name', async ({ size, settings, track, profile }) => {
    const record = await encode(size, ...settings)
    const parsed = videoTrack(record)
    expect(parsed).toMatchObject(track as object)
    expect(parsed.codecString).toStartWith(profile)
    expect(parsed.codecString).toHaveLength(11)
    expect(parsed.sps[0]![0]! & 31).toBe(7)
    expect(parsed.pps[0]![0]! & 31).toBe(8)
  })

  test('carries the pixel shape, and the frame rate of the SPS before a hint', async () => {
    const record = await encode('720x576', '-pix_fmt', 'yuv420p', '-aspect', '16:9')
    expect(parseSps(parseAvcConfig(record).sps[0]!).sampleAspectRatio).toEqual([64, 45])
    expect(videoTrack(record, { frameRate: 60 }).frameRate).toBe(30)
  })

  test('makes the NAL length 4 bytes and leaves the input alone', async () => {
    const record = new Uint8Array(await encode('320x180', '-pix_fmt', 'yuv420p'))
    record[4] = 0xfd // lengthSizeMinusOne = 1
    const before = new Uint8Array(record)
    for (const input of [record, Buffer.from(record)]) {
      expect(videoTrack(input).decoderConfig[4]).toBe(0xff)
      expect(parseAvcConfig(input).lengthSize).toBe(2)
    }
    expect(record).toEqual(before)
  })

  test('refuses every truncation', async () => {
    const record = await encode('320x180', '-pix_fmt', 'yuv420p')
    const { sps, pps } = parseAvcConfig(record)
    const needed = 6 + 2 + sps[0]!.byteLength + 1 + 2 + pps[0]!.byteLength
    for (let length = 0; length < needed; length++)
      expect(() => videoTrack(record.subarray(0, length))).toThrow(ProtocolError)
    for (let length = 1; length < sps[0]!.byteLength - 1; length++)
      expect(() => parseSps(sps[0]!.subarray(0, length))).toThrow(ProtocolError)
  })

  test.each([
    ['another version', '02 42c01e ff e1 0001 67 01 0001 68'],
    ['length size 3', '01 42c01e fe e1 0001 67 01 0001 68'],
    ['no SPS', '01 42c01e ff e0 01 0001 68'],
    ['an empty SPS', '01 42c01e ff e1 0000 01 0001 68'],
    ['an SPS that is none', '01 42c01e ff e1 0004 68000000 01 0001 68'],
    ['an SPS of zeros', '01 42c01e ff e1 0008 6742c01e00000000 01 0001 68'],
  ])('refuses %s', (_, hex) => {
    expect(() => videoTrack(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(ProtocolError)
  })

  test('a written sequence header is read back', async () => {
    const { decoderConfig } = videoTrack(await encode('320x180', '-pix_fmt', 'yuv420p'))
    const [packet] = parseVideoTag(avcSequenceHeader(decoderConfig))
    expect(packet).toMatchObject({ trackId: 0, codec: 'avc1', kind: 'config', data: decoderConfig })
  })
})

describe('NAL units', () => {
  const nals = [Uint8Array.of(9, 1), Uint8Array.of(0x65, 2, 3), Uint8Array.of(0x65)]

  test('are split as they were joined', () => {
    expect([...nalUnits(joinNalUnits(nals))]).toEqual(nals)
    expect([...nalUnits(Uint8Array.of(0, 2, 9, 1, 0, 1, 5), 2)]).toEqual([
      Uint8Array.of(9, 1),
      Uint8Array.of(5),
    ])
    expect([...nalUnits(Uint8Array.of(1, 9, 0, 1, 5), 1)]).toEqual([Uint8Array.of(9), Uint8Array.of(5)])
    expect([...nalUnits(new Uint8Array(0))]).toEqual([])
  })

  test('that lead past the end are refused', () => {
    const data = joinNalUnits(nals)
    for (const length of [1, 3, 5, 7, 12, 17])
      expect(() => [...nalUnits(data.subarray(0, length))]).toThrow(ProtocolError)
    expect(() => [...nalUnits(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1))]).toThrow(ProtocolError)
  })
})
