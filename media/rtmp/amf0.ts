/** Hides AMF0 ("Action Message Format -- AMF 0", 2007), in which RTMP's commands and metadata are written. */
import { readUint16, readUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

/** Objects come without a prototype, so that a peer's `__proto__` is a name like any other. */
export interface AmfObject {
  [name: string]: AmfValue
}
export type AmfValue = number | boolean | string | null | undefined | Date | AmfObject | AmfValue[]

export function isAmfObject(value: AmfValue): value is AmfObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

const MAX_DEPTH = 16
const MAX_VALUES = 4096
const MAX_STRING_BYTES = 65_536

// type markers, section 2.1
const NUMBER = 0
const BOOLEAN = 1
const STRING = 2
const OBJECT = 3
const NULL = 5
const UNDEFINED = 6
const ECMA_ARRAY = 8
const OBJECT_END = 9
const STRICT_ARRAY = 10
const DATE = 11
const LONG_STRING = 12
const UNSUPPORTED = 13

const text = new TextDecoder()

/**
 * All values in `bytes`, one after the other. An ECMA array comes as an object; its count is only a hint and is not
 * looked at. Throws `ProtocolError`: cut off, unknown types, deeper than 16, more than 4096 values, strings over 64 KB.
 */
export function decodeAmf0(bytes: Uint8Array): AmfValue[] {
  const reader = new AmfReader(bytes)
  const values: AmfValue[] = []
  while (!reader.isAtEnd) values.push(reader.value(0))
  return values
}

class AmfReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  value(depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw new ProtocolError('AMF0 is nested too deeply')
    if (++this.#count > MAX_VALUES) throw new ProtocolError('AMF0 has too many values')
    const marker = this.#bytes[this.#take(1)]!
    switch (marker) {
      case NUMBER:
        return this.#view.getFloat64(this.#take(8))
      case BOOLEAN:
        return this.#bytes[this.#take(1)] !== 0
      case STRING:
        return this.#string(readUint16(this.#bytes, this.#take(2)))
      case LONG_STRING:
        return this.#string(readUint32(this.#bytes, this.#take(4)))
      case OBJECT:
        return this.#properties(depth)
      case ECMA_ARRAY:
        this.#take(4)
        return this.#properties(depth)
      case STRICT_ARRAY:
        return this.#items(depth)
      case DATE:
        return this.#date()
      case NULL:
        return null
      case UNDEFINED:
      case UNSUPPORTED:
        return undefined
      default:
        throw new ProtocolError(`AMF0 type ${marker} is not known here`)
    }
  }

  #properties(depth: number): AmfObject {
    const object: AmfObject = Object.create(null)
    for (;;) {
      const name = this.#string(readUint16(this.#bytes, this.#take(2)))
      if (name === '' && this.#bytes[this.#at] === OBJECT_END) {
        this.#at++
        return object
      }
      object[name] = this.value(depth + 1)
    }
  }

  #items(depth: number): AmfValue[] {
    const count = readUint32(this.#bytes, this.#take(4))
    if (count > MAX_VALUES) throw new ProtocolError('AMF0 has too many values')
    const items: AmfValue[] = []
    while (items.length < count) items.push(this.value(depth + 1))
    return items
  }

  #date(): Date {
    const date = new Date(this.#view.getFloat64(this.#take(8)))
    this.#take(2) // the time zone is reserved, section 2.13
    return date
  }

  #string(length: number): string {
    if (length > MAX_STRING_BYTES) throw new ProtocolError('AMF0 string is too long')
    const start = this.#take(length)
    return text.decode(this.#bytes.subarray(start, start + length))
  }

  /** Moves past `count` bytes and returns where they start. */
  #take(count: number): number {
    const start = this.#at
    if (count > this.#bytes.byteLength - start) throw new ProtocolError('AMF0 is cut off')
    this.#at += count
    return start
  }
}

/** Encodes the values one after the other; objects as AMF0 objects. */
export function encodeAmf0(...values: AmfValue[]): Uint8Array {
  const bytes: number[] = []
  for (const value of values) writeValue(bytes, value)
  return Uint8Array.from(bytes)
}

function writeValue(bytes: number[], value: AmfValue): void {
  if (value === undefined) bytes.push(UNDEFINED)
  else if (value === null) bytes.push(NULL)
  else if (typeof value === 'number') bytes.push(NUMBER, ...float64(value))
  else if (typeof value === 'boolean') bytes.push(BOOLEAN, value ? 1 : 0)
  else if (typeof value === 'string') writeString(bytes, value)
  else if (value instanceof Date) bytes.push(DATE, ...float64(value.getTime()), 0, 0)
  else if (Array.isArray(value)) {
    bytes.push(STRICT_ARRAY, ...uint32(value.length))
    for (const item of value) writeValue(bytes, item)
  } else {
    bytes.push(OBJECT)
    for (const [name, property] of Object.entries(value)) {
      const encoded = new TextEncoder().encode(name)
      bytes.push(encoded.byteLength >> 8, encoded.byteLength & 0xff, ...encoded)
      writeValue(bytes, property)
    }
    bytes.push(0, 0, OBJECT_END)
  }
}

function writeString(bytes: number[], value: string): void {
  const encoded = new TextEncoder().encode(value)
  if (encoded.byteLength > 0xffff) bytes.push(LONG_STRING, ...uint32(encoded.byteLength))
  else bytes.push(STRING, encoded.byteLength >> 8, encoded.byteLength & 0xff)
  for (const byte of encoded) bytes.push(byte)
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}
