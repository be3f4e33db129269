import { describe, expect, test } from 'bun:test'
import { av1Track, readTemporalUnit } from '../../../media/codecs/av1.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { AV1, hex } from '../flv/configs.ts'
import { encodedConfig } from './encoded-config.ts'

const svt = (pixelFormat: string) => ['-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', pixelFormat]
const aom = (pixelFormat: string, ...settings: string[]) => [
  ...['-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-pix_fmt', pixelFormat],
  ...settings,
]

const encodings = [
  {
    name: 'SVT-AV1, Main',
    size: '640x360',
    settings: svt('yuv420p'),
    track: { width: 640, height: 360, chroma: '4:2:0', bitDepth: 8 },
    codecString: 'av01.0.01M.08',
  },
  {
    name: 'SVT-AV1, 10 bits',
    size: '1280x720',
    settings: svt('yuv420p10le'),
    track: { width: 1280, height: 720, bitDepth: 10 },
    codecString: 'av01.0.05M.10',
  },
  {
    name: 'libaom, an odd size, with colour description',
    size: '322x182',
    settings: aom('yuv420p', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'),
    track: { width: 322, height: 182, chroma: '4:2:0', bitDepth: 8 },
    codecString: 'av01.0.00M.08',
  },
  {
    name: 'libaom, 4:4:4',
    size: '320x180',
    settings: aom('yuv444p'),
    track: { width: 320, height: 180, chroma: '4:4:4', bitDepth: 8 },
    codecString: 'av01.1.00M.08',
  },
  {
    name: 'libaom, 4:2:2 of 12 bits',
    size: '320x180',
    settings: aom('yuv422p12le'),
    track: { width: 320, height: 180, chroma: '4:2:2', bitDepth: 12 },
    codecString: 'av01.2.00M.12',
  },
  {
    name: 'libaom, monochrome',
    size: '320x180',
    settings: aom('gray'),
    track: { width: 320, height: 180, chroma: '4:0:0', bitDepth: 8 },
    codecString: 'av01.0.00M.08',
  },
]

describe('av1Track', () => {
  test.each(encodings)('$name', async ({ size, settings, track, codecString }) => {
    const parsed = av1Track(await encodedConfig(size, settings))
    expect(parsed).toMatchObject(track as object)
    expect(parsed).toMatchObject({ codec: 'av1', codecString, maxReorderFrames: 0 })
  })

  test('reads the frame rate, the tier and a decoder model where a sequence header has them', () => {
    // timing_info: 1 in 60 ticks, even, 1 tick a picture; decoder_model_info; one point of level 13 in the high tier.
    const fields = [
      ...['000', '0', '0', '1', n(1, 32), n(60, 32), '1', '1'],
      ...['1', n(9, 5), n(1, 32), n(9, 5), n(9, 5)],
      ...['1', n(0, 5), n(0, 12), n(13, 5), '1', '1', n(7, 10), n(7, 10), '0', '1', n(3, 4)],
      ...[n(10, 4), n(10, 4), n(1919, 11), n(1079, 11), '0', '000', '0000', '0', '1', '1', '000'],
      ...['0', '0', '0', '0', '00', '0'],
    ]
    const bits = fields.join('').padEnd(Math.ceil(fields.join('').length / 8) * 8, '0')
    const payload = Uint8Array.from(bits.match(/.{8}/g)!, each => Number.parseInt(each, 2))
    const record = Buffer.concat([hex('81 0d 0c 00 0a'), Uint8Array.of(payload.byteLength), payload])
    expect(av1Track(record, { frameRate: 25 })).toMatchObject({
      codecString: 'av01.0.13H.08',
      frameRate: 60,
      width: 1920,
      height: 1080,
    })

    function n(value: number, count: number): string {
      return value.toString(2).padStart(count, '0')
    }
  })

  test('takes a hinted frame rate where there is none, and copies what it is given', () => {
    const record = Buffer.from(AV1)
    const track = av1Track(record, { frameRate: 50 })
    record.fill(0)
    expect(track).toMatchObject({ frameRate: 50, decoderConfig: AV1 })
  })

  test('refuses every truncation', () => {
    for (let length = 0; length < AV1.byteLength; length++)
      expect(() => av1Track(AV1.subarray(0, length))).toThrow(ProtocolError)
  })

  test.each([
    ['another version', '82010c00 0a0b0000000cc4ff6700be0010'],
    ['no sequence header', '81010c00'],
    ['a profile that does not exist', '81010c00 0a0be000000cc4ff6700be0010'],
  ])('refuses %s', (_, record) => {
    expect(() => av1Track(hex(record))).toThrow(ProtocolError)
  })
})

describe('a temporal unit', () => {
  test('that needs no change is not copied', () => {
    const data = hex('0a0b0000000cc4ff6700be0010 32 02 10 aa')
    expect(readTemporalUnit(data)).toEqual({ isKey: true, sequenceHeader: AV1.subarray(4), data })
    expect(readTemporalUnit(data).data).toBe(data)
  })

  test.each([
    ['a key frame that is not shown', '32 02 00 aa', false],
    ['an intra-only frame', '32 02 50 aa', false],
    ['a frame shown again', '1a 01 80', false],
    ['a frame header by itself', '1a 02 10 00 22 01 aa', true],
    ['nothing but a delimiter', '12 00', false],
  ])('%s', (_, data, isKey) => {
    expect(readTemporalUnit(hex(data)).isKey).toBe(isKey)
  })

  test('loses delimiter and padding, keeps extension and long sizes', () => {
    const long = '11'.repeat(200)
    const data = `12 00 36 08 c801 ${long} 7a 01 00 34 08 ${long}`
    expect(readTemporalUnit(hex(data)).data).toEqual(hex(`36 08 c801 ${long} 36 08 c801 ${long}`))
  })

  test.each(['b2 02 10 aa', '32', '32 03 10 aa', '32 ff', '32 ffffffffffffffffff', '36'])(
    'is refused: %s',
    data => {
      expect(() => readTemporalUnit(hex(data))).toThrow(ProtocolError)
    },
  )
})
