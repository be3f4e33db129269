import { describe, expect, test } from 'bun:test'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { ChunkReader, ChunkWriter } from '../../../media/rtmp/chunk.ts'
import type { RtmpMessage } from '../../../media/rtmp/message.ts'

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

/** Type, time stamp and payload of each message, in a form that reads well in a table. */
function summary(messages: RtmpMessage[]): string[] {
  return messages.map(each => `${each.typeId}@${each.timestamp} ${Buffer.from(each.payload).toString('hex')}`)
}

function feed(reader: ChunkReader, bytes: Uint8Array, pieces: number): RtmpMessage[] {
  const messages: RtmpMessage[] = []
  for (let at = 0; at < bytes.byteLength; at += pieces)
    messages.push(...reader.push(bytes.subarray(at, at + pieces)))
  return messages
}

const read = [
  { name: 'fmt 0', bytes: '04 000010 000002 09 01000000 aabb', messages: ['9@16 aabb'] },
  {
    name: 'fmt 1 adds its delta and keeps the stream',
    bytes: '04 000010 000001 09 01000000 aa  44 000005 000002 08 bbcc',
    messages: ['9@16 aa', '8@21 bbcc'],
  },
  {
    name: 'fmt 2 keeps length and type',
    bytes: '04 000010 000001 09 01000000 aa  84 000007 bb',
    messages: ['9@16 aa', '9@23 bb'],
  },
  {
    name: 'fmt 3 as a new message repeats the delta',
    bytes: '04 000010 000001 09 01000000 aa  84 000007 bb  c4 cc  c4 dd',
    messages: ['9@16 aa', '9@23 bb', '9@30 cc', '9@37 dd'],
  },
  {
    name: 'fmt 3 behind fmt 0 takes its time stamp for the delta',
    bytes: '04 000010 000001 09 01000000 aa  c4 bb',
    messages: ['9@16 aa', '9@32 bb'],
  },
  {
    name: 'fmt 1 on a chunk stream never seen, as librtmp sends',
    bytes: '42 000000 000004 03 00000001',
    messages: ['3@0 00000001'],
  },
  {
    name: 'two chunk streams interleaved',
    bytes: `02 000000 000004 01 00000000 00000002
            04 000001 000004 09 01000000 aaaa  06 000002 000003 08 01000000 bbbb  c4 aaaa  c6 bb`,
    messages: ['9@1 aaaaaaaa', '8@2 bbbbbb'],
  },
  {
    name: 'a message that is aborted and its successor',
    bytes: `02 000000 000004 01 00000000 00000002  04 000001 000004 09 01000000 aaaa
            02 000000 000004 02 00000000 0000 c2 0004  04 000003 000002 09 01000000 cccc`,
    messages: ['9@3 cccc'],
  },
  {
    name: 'an extended time stamp, repeated by fmt 3',
    bytes: `02 000000 000004 01 00000000 00000002
            04 ffffff 000004 09 01000000 01000000 aaaa  c4 01000000 bbbb`,
    messages: ['9@16777216 aaaabbbb'],
  },
  {
    name: 'an extended time stamp that fmt 3 leaves out',
    bytes: `02 000000 000004 01 00000000 00000002
            04 ffffff 000004 09 01000000 01000000 aaaa  c4 01bb  04 000001 000001 09 01000000 cc`,
    messages: ['9@16777216 aaaa01bb', '9@1 cc'],
  },
  {
    name: 'an extended delta, with the absolute time repeated',
    bytes: `02 000000 000004 01 00000000 00000002  04 000010 000001 09 01000000 aa
            44 ffffff 000004 09 01000000 bbbb  c4 01000010 bbbb`,
    messages: ['9@16 aa', '9@16777232 bbbbbbbb'],
  },
  {
    name: 'a delta across the 32-bit wrap',
    bytes: '04 ffffff 000001 09 01000000 fffffff0 aa  84 000020 bb',
    messages: ['9@4294967280 aa', '9@16 bb'],
  },
  { name: 'an empty message', bytes: '04 000001 000000 09 01000000  84 000001', messages: ['9@1 ', '9@2 '] },
  {
    name: 'a chunk size as large as can be',
    bytes: '02 000000 000004 01 00000000 7fffffff  04 000001 000001 09 01000000 aa',
    messages: ['9@1 aa'],
  },
]

const refused = [
  { name: 'chunk stream id of two bytes', bytes: '00 05 000010 000002 09 01000000 aabb' },
  { name: 'chunk stream id of three bytes', bytes: '01 0005 000010 000002 09 01000000 aabb' },
  { name: 'fmt 3 without a header before', bytes: 'c4 aa' },
  { name: 'fmt 2 without a header before', bytes: '84 000001 aa' },
  { name: 'chunk size 0', bytes: '02 000000 000004 01 00000000 00000000' },
  { name: 'chunk size with the top bit', bytes: '02 000000 000004 01 00000000 80000001' },
  { name: 'chunk size cut off', bytes: '02 000000 000002 01 00000000 0001' },
  { name: 'a message over 10 MB', bytes: '04 000000 a00001 09 01000000 aa' },
  {
    name: 'a message within another',
    bytes:
      '02 000000 000004 01 00000000 00000001  04 000000 000004 09 01000000 aa  04 000000 000004 09 01000000 aa',
  },
]

describe('ChunkReader', () => {
  test.each(read)('reads $name, in one piece and byte by byte', ({ bytes, messages }) => {
    expect(summary(feed(new ChunkReader(), hex(bytes), 1_000))).toEqual(messages)
    expect(summary(feed(new ChunkReader(), hex(bytes), 1))).toEqual(messages)
    expect(summary(feed(new ChunkReader(), hex(bytes), 3))).toEqual(messages)
  })

  test.each(read)('loses nothing before the cut, and invents nothing: $name', ({ bytes, messages }) => {
    const whole = hex(bytes)
    for (let length = 0; length < whole.byteLength; length++) {
      const seen = summary(new ChunkReader().push(whole.subarray(0, length)))
      expect(messages.slice(0, seen.length)).toEqual(seen)
    }
  })

  test.each(refused)('refuses $name', ({ bytes }) => {
    expect(() => feed(new ChunkReader(), hex(bytes), 1_000)).toThrow(ProtocolError)
    expect(() => feed(new ChunkReader(), hex(bytes), 1)).toThrow(ProtocolError)
  })

  test('headers alone reserve little memory', () => {
    const before = process.memoryUsage().arrayBuffers
    const reader = new ChunkReader()
    reader.push(hex('02 000000 000004 01 00000000 00000001'))
    for (let id = 3; id < 64; id++)
      reader.push(hex(`${id.toString(16).padStart(2, '0')} 000000 9fffff 09 01000000 aa`))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
  })

  test('unfinished messages together are bounded', () => {
    const reader = new ChunkReader()
    reader.push(hex('02 000000 000004 01 00000000 00800000'))
    const half = new Uint8Array(0x80_0000)
    const open = (id: number) => reader.push(hex(`0${id} 000000 9fffff 09 01000000`))
    expect(() => {
      for (const id of [4, 5, 6]) {
        open(id)
        reader.push(half)
      }
    }).toThrow('too many unfinished messages')
  })

  test('a message larger than its first reserve arrives whole', () => {
    const payload = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(3)
    const message = { typeId: 9, streamId: 1, timestamp: 5, payload: new TextEncoder().encode(payload) }
    const [received] = feed(new ChunkReader(), new ChunkWriter().write(4, message), 1_460)
    expect(Buffer.from(received!.payload).equals(message.payload)).toBeTrue()
  })
})

describe('ChunkWriter', () => {
  const payload = crypto.getRandomValues(new Uint8Array(1_000))
  const cases = [0, 1, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff].flatMap(timestamp =>
    [0, 127, 128, 129, 1_000].map(length => ({ timestamp, length })),
  )

  test.each(cases)('is read back: $length bytes at $timestamp', ({ timestamp, length }) => {
    const message = { typeId: 9, streamId: 7, timestamp, payload: payload.slice(0, length) }
    const written = new ChunkWriter().write(5, message)
    for (const pieces of [1, 7, 10_000]) {
      const messages = feed(new ChunkReader(), written, pieces)
      expect(messages).toEqual([message])
    }
  })
})
