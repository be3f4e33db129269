import { describe, expect, test } from 'bun:test'
import {
  hevcTrack,
  isRandomAccessPoint,
  isSkippedLeadingPicture,
  parseHevcConfig,
} from '../../../media/codecs/hevc.ts'
import { parseHevcSps } from '../../../media/codecs/hevc-sps.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { HEVC, hex } from '../flv/configs.ts'
import { encodedConfig } from './encoded-config.ts'

const x265 = (pixelFormat: string, ...params: string[]) => [
  ...['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', pixelFormat],
  ...['-x265-params', ['log-level=error', ...params].join(':')],
]

const encodings = [
  {
    name: 'Main with B-frames',
    size: '640x360',
    settings: x265('yuv420p', 'bframes=3', 'b-pyramid=1'),
    track: { width: 640, height: 360, chroma: '4:2:0', bitDepth: 8, maxReorderFrames: 2, frameRate: 30 },
    codecString: 'hvc1.1.6.L63.90',
  },
  {
    name: 'Main without B-frames, cropped on both sides',
    size: '1922x1082',
    settings: x265('yuv420p', 'bframes=0'),
    track: { width: 1922, height: 1082, maxReorderFrames: 0 },
    codecString: 'hvc1.1.6.L120.90',
  },
  {
    name: 'Main 10 with scaling lists, amplitude partitions and a reference decoder',
    size: '320x180',
    settings: x265(
      'yuv420p10le',
      'scaling-list=default',
      'amp=1',
      'rect=1',
      'vbv-maxrate=500',
      'vbv-bufsize=500',
      'hrd=1',
    ),
    track: { width: 320, height: 180, chroma: '4:2:0', bitDepth: 10, frameRate: 30 },
    codecString: 'hvc1.2.4.L60.90',
  },
  {
    name: '4:2:2 of 10 bits',
    size: '322x182',
    settings: x265('yuv422p10le'),
    track: { width: 322, height: 182, chroma: '4:2:2', bitDepth: 10 },
    codecString: 'hvc1.4.10.L60.9D.8',
  },
  {
    name: '4:4:4, with temporal layers',
    size: '321x181',
    settings: x265('yuv444p', 'temporal-layers=3', 'bframes=3'),
    track: { width: 321, height: 181, chroma: '4:4:4', bitDepth: 8 },
    codecString: 'hvc1.4.10.L60.9E.8',
  },
]

describe('hevcTrack', () => {
  test.each(encodings)('$name', async ({ size, settings, track, codecString }) => {
    const parsed = hevcTrack(await encodedConfig(size, settings))
    expect(parsed).toMatchObject(track as object)
    expect(parsed.codecString).toBe(codecString)
  })

  test('takes the frame rate of the SPS before a hint, and the hint where it has none', async () => {
    expect(hevcTrack(HEVC, { frameRate: 60 }).frameRate).toBe(30)
    const untimed = await encodedConfig('320x180', x265('yuv420p', 'vui-timing-info=0'))
    expect(hevcTrack(untimed, { frameRate: 60 }).frameRate).toBe(60)
    expect(hevcTrack(untimed)).not.toHaveProperty('frameRate')
  })

  test('makes the NAL length 4 bytes and leaves the input alone', () => {
    const record = new Uint8Array(HEVC)
    record[21] = (record[21]! & 0xfc) | 1
    for (const input of [record, Buffer.from(record)]) {
      expect(hevcTrack(input).decoderConfig).toEqual(HEVC)
      expect(parseHevcConfig(input).lengthSize).toBe(2)
    }
    expect(record[21]! & 3).toBe(1)
  })

  test('refuses every truncation', () => {
    for (let length = 0; length < HEVC.byteLength; length++)
      expect(() => hevcTrack(HEVC.subarray(0, length))).toThrow(ProtocolError)
    const sps = parseHevcConfig(HEVC).sps[0]!
    for (let length = 1; length < sps.byteLength - 1; length++)
      expect(() => parseHevcSps(sps.subarray(0, length))).toThrow(ProtocolError)
  })

  test.each([
    ['another version', (record: Uint8Array) => record.fill(2, 0, 1)],
    ['length size 3', (record: Uint8Array) => record.fill(0x0e, 21, 22)],
    ['no parameter sets', (record: Uint8Array) => record.fill(0, 22, 23)],
    [
      'an SPS that is none',
      (record: Uint8Array) => record.fill(0x44, record.indexOf(0x42, 24), record.indexOf(0x42, 24) + 1),
    ],
  ])('refuses %s', (_, spoil) => {
    expect(() => hevcTrack(spoil(new Uint8Array(HEVC)))).toThrow(ProtocolError)
  })
})

test('every NAL unit type is told apart', () => {
  const types = Array.from({ length: 64 }, (_, type) => Uint8Array.of(type << 1, 1))
  const numbers = (isOf: (nal: Uint8Array) => boolean) =>
    types.flatMap((nal, type) => (isOf(nal) ? [type] : []))
  // BLA 16 to 18, IDR 19 and 20, CRA 21.
  expect(numbers(isRandomAccessPoint)).toEqual([16, 17, 18, 19, 20, 21])
  expect(numbers(isSkippedLeadingPicture)).toEqual([8, 9])
})

test('a profile space, a high tier and all constraint bytes are told in the codec string', () => {
  const sps = parseHevcConfig(HEVC).sps[0]!
  // Header and first byte, then profile_tier_level() with emulation prevention: space 1, tier 1, profile 2; flags; level.
  const made = Buffer.concat([
    sps.subarray(0, 3),
    hex('62 2000000300 b0000003000003 01 99'),
    sps.subarray(18),
  ])
  const record = Buffer.concat([
    HEVC.subarray(0, 22),
    hex('03'),
    ...[parseHevcConfig(HEVC).vps[0]!, made, parseHevcConfig(HEVC).pps[0]!].map(array),
  ])
  expect(hevcTrack(record).codecString).toBe('hvc1.A2.4.H153.B0.0.0.0.0.1')

  function array(nal: Uint8Array): Uint8Array {
    return Buffer.concat([Uint8Array.of((nal[0]! >> 1) & 63, 0, 1, 0, nal.byteLength), nal])
  }
})
