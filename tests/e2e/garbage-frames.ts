/** What no client of the chat's WebSocket should send, by what is wrong with it. */
import { randomBytes } from 'node:crypto'
import { BINARY, frame, PING, TEXT } from '../support/raw-web-socket.ts'

/** A request that would be right. */
export const send = (text: string) => JSON.stringify({ type: 'send', ref: 1, text })

export const garbage: Record<string, () => Uint8Array> = {
  'random bytes': () => randomBytes(2_000),
  'random text': () => frame(TEXT, randomBytes(500).toString('base64')),
  'truncated JSON': () => frame(TEXT, send('hello').slice(0, Math.floor(Math.random() * 30))),
  'deep arrays': () => frame(TEXT, '['.repeat(8_000)),
  'deep objects': () => frame(TEXT, `${'{"a":'.repeat(1_600)}`),
  'JSON that is no object': () =>
    frame(TEXT, ['null', '1', '"x"', '[]', 'true'][Math.floor(Math.random() * 5)]!),
  'odd fields': () =>
    frame(
      TEXT,
      '{"__proto__":{"type":"send"},"type":{"toString":1},"ref":[1e999],"text":["x"],"replyTo":{}}',
    ),
  'numbers without end': () => frame(TEXT, `{"type":"send","ref":${'9'.repeat(8_000)},"text":"x"}`),
  'lone surrogates': () => frame(TEXT, '{"type":"send","ref":1,"text":"\\ud800\\udfff\\ud800"}'),
  'a binary frame': () => frame(BINARY, randomBytes(1_000)),
  'invalid UTF-8': () => frame(TEXT, Buffer.from([0x22, 0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0x22])),
  'a frame without mask': () => frame(TEXT, send('hi'), { isMasked: false }),
  'reserved bits': () => frame(TEXT, send('hi'), { reserved: 7 }),
  'a reserved opcode': () => frame(11, 'x'),
  'a long ping': () => frame(PING, randomBytes(1_000)),
  'a continuation of nothing': () => frame(0, 'x'),
  'a fragmented ping': () => frame(PING, 'x', { isFinal: false }),
  'a frame of 8 EiB': () => frame(TEXT, randomBytes(4_000), { length: 2n ** 63n - 1n }),
  'a frame with a negative length': () => frame(TEXT, 'x', { length: 2n ** 64n - 1n }),
  'a frame of 4 GiB': () => frame(TEXT, randomBytes(4_000), { length: 2n ** 32n }),
  'too long a message': () => frame(TEXT, send('x'.repeat(9_000))),
  'too long a message in pieces': () =>
    Buffer.concat([
      frame(TEXT, 'x'.repeat(4_000), { isFinal: false }),
      frame(0, 'x'.repeat(4_000), { isFinal: false }),
      frame(0, 'x'.repeat(4_000), { isFinal: false }),
    ]),
}
