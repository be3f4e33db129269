import { describe, expect, test } from 'bun:test'
import { FlvDemuxer, type FlvTag, flvHeader, flvTag } from '../../../media/flv/file.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'

const tags: FlvTag[] = [
  { type: 'script', timestampMs: 0, body: Uint8Array.of(2, 0, 1, 65) },
  { type: 'video', timestampMs: 0xffffff, body: new Uint8Array(1_000).fill(7) },
  { type: 'audio', timestampMs: 0x1000000, body: new Uint8Array(0) },
  { type: 'audio', timestampMs: 0xffffffff, body: Uint8Array.of(1) },
]
const file = Buffer.concat([
  flvHeader({ hasVideo: true, hasAudio: true }),
  ...tags.map(tag => flvTag(tag.type, tag.timestampMs, tag.body)),
])

describe('FlvDemuxer', () => {
  test.each([1, 2, 3, 10, 14, 999, 100_000])('reads what was written, in pieces of %d bytes', pieces => {
    const demuxer = new FlvDemuxer()
    const read: FlvTag[] = []
    for (let at = 0; at < file.byteLength; at += pieces)
      read.push(...demuxer.push(file.subarray(at, at + pieces)))
    expect(read).toEqual(tags)
  })

  test('gives no tag before its last byte', () => {
    const demuxer = new FlvDemuxer()
    const first = 13 + 11 + 4
    expect(demuxer.push(file.subarray(0, first - 1))).toEqual([])
    expect(demuxer.push(file.subarray(first - 1, first))).toEqual([tags[0]!])
  })

  test('skips a longer header and tags of unknown type', () => {
    const longer = flvHeader({ hasVideo: true, hasAudio: false })
    longer[8] = 12
    const unknown = flvTag('audio', 0, Uint8Array.of(1))
    unknown[0] = 11
    const bytes = Buffer.concat([
      longer.subarray(0, 9),
      new Uint8Array(3),
      new Uint8Array(4),
      unknown,
      file.subarray(13),
    ])
    expect(new FlvDemuxer().push(bytes)).toEqual(tags)
  })

  test.each([
    ['what is no FLV', Buffer.from('GIF89a...')],
    ['a header of 4 GB', Buffer.from('464c560105ffffffff', 'hex')],
    [
      'a tag of 16 MB',
      Buffer.concat([
        flvHeader({ hasVideo: true, hasAudio: true }),
        Buffer.from('09ffffff00000000000000', 'hex'),
      ]),
    ],
    [
      'an encrypted tag',
      Buffer.concat([
        flvHeader({ hasVideo: true, hasAudio: true }),
        Buffer.from('2900000100000000000000', 'hex'),
      ]),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(() => new FlvDemuxer().push(bytes)).toThrow(ProtocolError)
  })

  test('ffprobe reads what was written', async () => {
    const source = [
      '-f',
      'lavfi',
      '-i',
      'testsrc=s=64x64:r=10',
      '-f',
      'lavfi',
      '-i',
      'sine',
      '-t',
      '1',
      '-pix_fmt',
      'yuv420p',
    ]
    const output = ['-c:v', 'libx264', '-c:a', 'aac', '-f', 'flv', 'pipe:1']
    const ffmpeg = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...source, ...output], {
      stderr: 'inherit',
    })
    const original = new FlvDemuxer().push(new Uint8Array(await new Response(ffmpeg.stdout).arrayBuffer()))
    const rewritten = Buffer.concat([
      flvHeader({ hasVideo: true, hasAudio: true }),
      ...original.map(tag => flvTag(tag.type, tag.timestampMs, tag.body)),
    ])
    const ffprobe = Bun.spawn(
      [
        'ffprobe',
        '-v',
        'error',
        '-f',
        'flv',
        '-count_packets',
        '-show_entries',
        'stream=codec_name,nb_read_packets',
        '-of',
        'csv=p=0',
        '-i',
        'pipe:0',
      ],
      { stdin: rewritten, stderr: 'pipe' },
    )
    const audio = original.filter(tag => tag.type === 'audio').length - 1
    expect((await new Response(ffprobe.stdout).text()).trim().split('\n')).toEqual([
      'h264,10',
      `aac,${audio}`,
    ])
    expect(await new Response(ffprobe.stderr).text()).toBe('')
  })
})
