import { describe, expect, test } from 'bun:test'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { type AmfValue, decodeAmf0, encodeAmf0 } from '../../../media/rtmp/amf0.ts'

const both: { name: string; hex: string; value: AmfValue }[] = [
  { name: 'number', hex: '00 3ff0000000000000', value: 1 },
  { name: 'true', hex: '01 01', value: true },
  { name: 'string', hex: '02 0004 6c697665', value: 'live' },
  { name: 'string beyond ASCII', hex: '02 0004 c3bc c3a4', value: 'üä' },
  { name: 'empty object', hex: '03 0000 09', value: {} },
  { name: 'object', hex: '03 0003 617070 02 0001 78 0000 09', value: { app: 'x' } },
  { name: 'an object within one', hex: '03 0001 61 03 0001 62 05 000009 000009', value: { a: { b: null } } },
  { name: 'a property without a name', hex: '03 0000 0101 000009', value: { '': true } },
  { name: 'null', hex: '05', value: null },
  { name: 'undefined', hex: '06', value: undefined },
  { name: 'strict array', hex: '0a 00000002 05 0100', value: [null, false] },
  { name: 'date', hex: '0b 408f400000000000 0000', value: new Date(1000) },
]

const oneWay: { name: string; hex: string; value: AmfValue }[] = [
  { name: 'ECMA array, whatever its count', hex: '08 ffffffff 0001 61 0101 000009', value: { a: true } },
  { name: 'long string', hex: '0c 00000001 78', value: 'x' },
  { name: 'unsupported', hex: '0d', value: undefined },
  { name: 'a name that other objects inherit', hex: '03 0009 5f5f70726f746f5f5f 0101 000009', value: true },
]

const broken: { name: string; hex: string }[] = [
  { name: 'number cut off', hex: '00 3ff0' },
  { name: 'string longer than the rest', hex: '02 0005 6c697665' },
  { name: 'object without end', hex: '03 0001 61 05' },
  { name: 'type that does not exist', hex: '7f' },
  { name: 'reference', hex: '07 0000' },
  { name: 'array of four thousand million', hex: '0a ffffffff 05' },
  { name: 'string of four thousand million bytes', hex: '0c ffffffff 78' },
  { name: 'nested a hundred deep', hex: '0a00000001'.repeat(100) },
  { name: 'object nested a hundred deep', hex: '03000161'.repeat(100) },
  { name: 'ten thousand values', hex: '05'.repeat(10_000) },
]

function bytes(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

describe('AMF0', () => {
  test.each(both)('$name, both ways', ({ hex, value }) => {
    expect(decodeAmf0(bytes(hex))).toEqual([value])
    expect(Buffer.from(encodeAmf0(value)).toString('hex')).toBe(Buffer.from(bytes(hex)).toString('hex'))
  })

  test.each(oneWay.slice(0, 3))('reads $name', ({ hex, value }) => {
    expect(decodeAmf0(bytes(hex))).toEqual([value])
  })

  test('a property called __proto__ is a property like any other', () => {
    const [object] = decodeAmf0(bytes(oneWay[3]!.hex)) as [Record<string, unknown>]
    expect(Object.keys(object)).toEqual(['__proto__'])
    expect(object['isAdmin']).toBeUndefined()
  })

  test('a string over 64 KB is written as a long string and refused when read', () => {
    const encoded = encodeAmf0('x'.repeat(70_000))
    expect(encoded[0]).toBe(12)
    expect(() => decodeAmf0(encoded)).toThrow(ProtocolError)
    expect(decodeAmf0(encodeAmf0('x'.repeat(65_536)))).toEqual(['x'.repeat(65_536)])
  })

  test('several values follow each other', () => {
    expect(decodeAmf0(encodeAmf0('connect', 1, { app: 'live' }))).toEqual(['connect', 1, { app: 'live' }])
  })

  test.each(broken)('refuses $name', ({ hex }) => {
    expect(() => decodeAmf0(bytes(hex))).toThrow(ProtocolError)
  })

  test('refuses every truncation of a value', () => {
    const whole = encodeAmf0({ a: [1, 'two', { three: null }], b: new Date(0) })
    for (let length = 1; length < whole.byteLength; length++)
      expect(() => decodeAmf0(whole.subarray(0, length))).toThrow(ProtocolError)
  })
})
