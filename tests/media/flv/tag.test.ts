import { describe, expect, test } from 'bun:test'
import {
  aacFrame,
  aacSequenceHeader,
  avcFrame,
  parseAudioTag,
  parseVideoTag,
} from '../../../media/flv/tag.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const AVC1 = '61766331'
const HVC1 = '68766331'
const AV01 = '61763031'
const MP4A = '6d703461'
const OPUS = '4f707573'

interface Row {
  name: string
  medium: 'video' | 'audio'
  hex: string
  /** trackId, codec, kind, compositionMs, data of each packet. */
  packets: [number, string, string, number, string][]
}

const rows: Row[] = [
  {
    name: 'legacy AVC configuration',
    medium: 'video',
    hex: '17 00 000000 aabb',
    packets: [[0, 'avc1', 'config', 0, 'aabb']],
  },
  {
    name: 'legacy AVC frame',
    medium: 'video',
    hex: '27 01 000021 aa',
    packets: [[0, 'avc1', 'frame', 33, 'aa']],
  },
  {
    name: 'legacy AVC frame, negative time',
    medium: 'video',
    hex: '27 01 ffffdf aa',
    packets: [[0, 'avc1', 'frame', -33, 'aa']],
  },
  { name: 'legacy AVC end', medium: 'video', hex: '17 02 000000', packets: [[0, 'avc1', 'end', 0, '']] },
  {
    name: 'HEVC by the number from before Enhanced RTMP',
    medium: 'video',
    hex: '2c 01 ffffdf aa',
    packets: [[0, 'hvc1', 'frame', -33, 'aa']],
  },
  { name: 'legacy info frame', medium: 'video', hex: '57 00', packets: [] },
  { name: 'legacy H.263', medium: 'video', hex: '12 aa', packets: [[0, 'flv:2', 'frame', 0, 'aa']] },
  { name: 'nothing', medium: 'video', hex: '', packets: [] },
  {
    name: 'extended avc1 configuration',
    medium: 'video',
    hex: `90 ${AVC1} aa`,
    packets: [[0, 'avc1', 'config', 0, 'aa']],
  },
  {
    name: 'extended avc1 frame with time',
    medium: 'video',
    hex: `a1 ${AVC1} fffffe aa`,
    packets: [[0, 'avc1', 'frame', -2, 'aa']],
  },
  {
    name: 'extended avc1 frame without',
    medium: 'video',
    hex: `a3 ${AVC1} aa`,
    packets: [[0, 'avc1', 'frame', 0, 'aa']],
  },
  {
    name: 'extended hvc1 frame',
    medium: 'video',
    hex: `91 ${HVC1} 000005 aa`,
    packets: [[0, 'hvc1', 'frame', 5, 'aa']],
  },
  {
    name: 'extended av01 frame has no time',
    medium: 'video',
    hex: `91 ${AV01} aabbcc dd`,
    packets: [[0, 'av01', 'frame', 0, 'aabbccdd']],
  },
  { name: 'extended end', medium: 'video', hex: `92 ${AVC1}`, packets: [[0, 'avc1', 'end', 0, '']] },
  {
    name: 'HDR metadata',
    medium: 'video',
    hex: `94 ${HVC1} 0200`,
    packets: [[0, 'hvc1', 'metadata', 0, '0200']],
  },
  {
    name: 'HDR metadata marked as a command',
    medium: 'video',
    hex: `d4 ${HVC1} 02`,
    packets: [[0, 'hvc1', 'metadata', 0, '02']],
  },
  { name: 'a command', medium: 'video', hex: 'd1 00', packets: [] },
  {
    name: 'ModEx with a nanosecond offset',
    medium: 'video',
    hex: `a7 02 0f4240 03 ${AVC1} aa`,
    packets: [[0, 'avc1', 'frame', 0, 'aa']],
  },
  {
    name: 'two ModEx',
    medium: 'video',
    hex: `a7 00 ff 07 00 ff 01 ${AVC1} 000001 aa`,
    packets: [[0, 'avc1', 'frame', 1, 'aa']],
  },
  {
    name: 'a long ModEx',
    medium: 'video',
    hex: `a7 ff 0101 ${'00'.repeat(258)} 03 ${AVC1} aa`,
    packets: [[0, 'avc1', 'frame', 0, 'aa']],
  },
  {
    name: 'multitrack, one track',
    medium: 'video',
    hex: `a6 01 ${AVC1} 02 000004 aa`,
    packets: [[2, 'avc1', 'frame', 4, 'aa']],
  },
  {
    name: 'multitrack, many tracks of one codec',
    medium: 'video',
    hex: `a6 11 ${AVC1} 00 000005 000007 aaaa 01 000004 fffffd bb`,
    packets: [
      [0, 'avc1', 'frame', 7, 'aaaa'],
      [1, 'avc1', 'frame', -3, 'bb'],
    ],
  },
  {
    name: 'multitrack, many codecs',
    medium: 'video',
    hex: `96 20 ${AVC1} 00 000001 aa ${HVC1} 01 000002 bbbb`,
    packets: [
      [0, 'avc1', 'config', 0, 'aa'],
      [1, 'hvc1', 'config', 0, 'bbbb'],
    ],
  },
  {
    name: 'ModEx before multitrack',
    medium: 'video',
    hex: `a7 00 ff 06 03 ${AVC1} 05 aa`,
    packets: [[5, 'avc1', 'frame', 0, 'aa']],
  },
  {
    name: 'legacy AAC configuration',
    medium: 'audio',
    hex: 'af 00 1210',
    packets: [[0, 'mp4a', 'config', 0, '1210']],
  },
  { name: 'legacy AAC frame', medium: 'audio', hex: 'af 01 aa', packets: [[0, 'mp4a', 'frame', 0, 'aa']] },
  { name: 'legacy MP3', medium: 'audio', hex: '2f aa', packets: [[0, 'flv:2', 'frame', 0, 'aa']] },
  {
    name: 'extended AAC configuration',
    medium: 'audio',
    hex: `90 ${MP4A} 1210`,
    packets: [[0, 'mp4a', 'config', 0, '1210']],
  },
  { name: 'extended Opus', medium: 'audio', hex: `91 ${OPUS} aa`, packets: [[0, 'Opus', 'frame', 0, 'aa']] },
  {
    name: 'channel layout',
    medium: 'audio',
    hex: `94 ${MP4A} 0102`,
    packets: [[0, 'mp4a', 'other', 0, '0102']],
  },
  {
    name: 'OBS: second audio track',
    medium: 'audio',
    hex: `95 01 ${MP4A} 01 aabb`,
    packets: [[1, 'mp4a', 'frame', 0, 'aabb']],
  },
  {
    name: 'audio ModEx',
    medium: 'audio',
    hex: `97 02 000001 01 ${MP4A} aa`,
    packets: [[0, 'mp4a', 'frame', 0, 'aa']],
  },
]

const broken = [
  { name: 'AVC cut off', medium: 'video', hex: '17 01 0000' },
  { name: 'AVC packet type 3', medium: 'video', hex: '17 03 000000' },
  { name: 'FourCC cut off', medium: 'video', hex: '91 6176' },
  { name: 'composition time cut off', medium: 'video', hex: `91 ${AVC1} 0000` },
  { name: 'packet type 8', medium: 'video', hex: `98 ${AVC1}` },
  { name: 'ModEx longer than the message', medium: 'video', hex: 'a7 10 00' },
  { name: 'ModEx and nothing more', medium: 'video', hex: 'a7 00 ff' },
  { name: 'multitrack within multitrack', medium: 'video', hex: `a6 06 ${AVC1} 00` },
  { name: 'multitrack type 3', medium: 'video', hex: `a6 31 ${AVC1} 00` },
  { name: 'a track longer than its message', medium: 'video', hex: `a6 13 ${AVC1} 00 000005 aa` },
  { name: 'a track too short for its time', medium: 'video', hex: `a6 11 ${AVC1} 00 000002 aabb 000000` },
  { name: 'three hundred tracks', medium: 'video', hex: `a6 13 ${AVC1} ${'00000000'.repeat(300)}` },
  { name: 'AAC cut off', medium: 'audio', hex: 'af' },
  { name: 'AAC packet type 2', medium: 'audio', hex: 'af 02' },
  { name: 'audio packet type 3', medium: 'audio', hex: `93 ${MP4A}` },
]

const parse = (medium: string, hex: string) =>
  (medium === 'video' ? parseVideoTag : parseAudioTag)(bytes(hex))

describe('a message', () => {
  test.each(rows)('$medium: $name', ({ medium, hex, packets }) => {
    const parsed = parse(medium, hex).map(({ trackId, codec, kind, compositionMs, data }) => [
      trackId,
      codec,
      kind,
      compositionMs,
      Buffer.from(data).toString('hex'),
    ])
    expect(parsed).toEqual(packets)
  })

  test.each(broken)('refused: $name', ({ medium, hex }) => {
    expect(() => parse(medium, hex)).toThrow(ProtocolError)
  })

  test.each([0, 33, -33, 8_388_607, -8_388_608])(
    'a written AVC frame with %d ms is read back',
    compositionMs => {
      const data = Uint8Array.of(0, 0, 0, 1, 0x65)
      expect(parseVideoTag(avcFrame({ isKey: true, compositionMs, data }))).toEqual([
        { trackId: 0, codec: 'avc1', kind: 'frame', compositionMs, data },
      ])
    },
  )

  test('a written AAC configuration and frame are read back', () => {
    const data = Uint8Array.of(0x12, 0x10)
    expect(parseAudioTag(aacSequenceHeader(data))).toMatchObject([{ codec: 'mp4a', kind: 'config', data }])
    expect(parseAudioTag(aacFrame(data))).toMatchObject([{ codec: 'mp4a', kind: 'frame', data }])
  })
})
