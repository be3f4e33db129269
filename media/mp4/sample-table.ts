/**
 * Hides how Sluice remembers where the samples of a segment lie: a few bytes for each, so that what needs them reads no
 * media. Version 1: varints of seven bits each, the lowest first; signed ones zigzag.
 */
import { ProtocolError } from '../protocol-error.ts'
import type { SampleInfo } from './demux.ts'

const VERSION = 1
/** So that every sum of two numbers is exact. */
const MAX_VALUE = 2 ** 53
const MAX_SIZE = 2 ** 32

/**
 * The table: version, number of samples, first decoding time and offset, where times and offsets jump, the three columns
 * with few different values, the change of each size.
 */
export function encodeSampleTable(samples: readonly SampleInfo[]): Uint8Array {
  const writer = new TableWriter()
  writer.unsigned(VERSION)
  writer.unsigned(samples.length)
  if (samples.length === 0) return writer.bytes
  writer.unsigned(samples[0]!.dts)
  writer.unsigned(samples[0]!.offset)
  writer.jumps(samples.map(({ dts }, index) => dts - (index === 0 ? dts : endOf(samples[index - 1]!))))
  writer.jumps(
    samples.map(({ offset }, index) => offset - (index === 0 ? offset : dataEnd(samples[index - 1]!))),
  )
  writer.column(samples.map(sample => sample.duration))
  writer.column(samples.map(sample => sample.compositionOffset))
  writer.column(samples.map(sample => Number(sample.isKey)))
  for (const [index, { size }] of samples.entries()) writer.signed(size - (samples[index - 1]?.size ?? 0))
  return writer.bytes
}

/** What was encoded. Throws `ProtocolError` for anything else. */
export function decodeSampleTable(bytes: Uint8Array): SampleInfo[] {
  const reader = new TableReader(bytes)
  if (reader.unsigned() !== VERSION) throw new ProtocolError('a sample table of another version')
  const count = reader.unsigned()
  if (count > bytes.byteLength) throw new ProtocolError('a sample table is cut off')
  const samples: SampleInfo[] = []
  if (count === 0) return samples
  let [dts, offset, size] = [reader.unsigned(), reader.unsigned(), 0]
  const [timeJumps, offsetJumps] = [reader.jumps(count), reader.jumps(count)]
  const [durations, compositions, keys] = [reader.column(count), reader.column(count), reader.column(count)]
  for (let index = 0; index < count; index++) {
    size += reader.signed()
    dts += timeJumps.get(index) ?? 0
    offset += offsetJumps.get(index) ?? 0
    const [duration, compositionOffset] = [durations(index), compositions(index)]
    checkSample(dts, duration, offset, size)
    samples.push({ dts, duration, compositionOffset, isKey: keys(index) === 1, offset, size })
    dts += duration
    offset += size
  }
  if (!reader.isAtEnd) throw new ProtocolError('a sample table is too long')
  return samples
}

function endOf(sample: SampleInfo): number {
  return sample.dts + sample.duration
}

function dataEnd(sample: SampleInfo): number {
  return sample.offset + sample.size
}

function checkSample(dts: number, duration: number, offset: number, size: number): void {
  const isSane = dts >= 0 && dts < MAX_VALUE && duration >= 0 && offset >= 0 && offset < MAX_VALUE
  if (!isSane || size < 0 || size >= MAX_SIZE)
    throw new ProtocolError('a sample table with impossible values')
}

/** Bits that tell `count` values apart. */
function bitWidth(count: number): number {
  return 32 - Math.clz32(count - 1)
}

class TableWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  unsigned(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#push((rest % 0x80) | 0x80)
    this.#push(rest)
  }

  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** Those that are not 0, each with its distance from the one before. */
  jumps(values: readonly number[]): void {
    const places = values.flatMap((value, index) => (value === 0 ? [] : [index]))
    this.unsigned(places.length)
    for (const [index, place] of places.entries()) {
      this.unsigned(place - (places[index - 1] ?? 0))
      this.signed(values[place]!)
    }
  }

  /** The different values, then for each sample which one it has, in as many bits as that takes. */
  column(values: readonly number[]): void {
    const numbers = new Map<number, number>()
    for (const value of values) if (!numbers.has(value)) numbers.set(value, numbers.size)
    this.unsigned(numbers.size)
    for (const value of numbers.keys()) this.signed(value)
    const width = bitWidth(numbers.size)
    const packed = new Uint8Array(Math.ceil((values.length * width) / 8))
    for (const [index, value] of values.entries()) {
      const number = numbers.get(value)!
      for (let bit = 0; bit < width; bit++) {
        const at = index * width + bit
        packed[at >> 3] = packed[at >> 3]! | (((number >> bit) & 1) << (at & 7))
      }
    }
    for (const byte of packed) this.#push(byte)
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.byteLength) {
      const longer = new Uint8Array(this.#length * 2)
      longer.set(this.#bytes)
      this.#bytes = longer
    }
    this.#bytes[this.#length++] = byte
  }
}

class TableReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  unsigned(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#take(1)]!
      value += (byte & 0x7f) * scale
      if (value > MAX_VALUE || scale > MAX_VALUE) throw new ProtocolError('a number is too big')
      if (byte < 0x80) return value
    }
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  /** By index. */
  jumps(count: number): Map<number, number> {
    const jumps = new Map<number, number>()
    let index = 0
    for (let left = this.#count(count); left > 0; left--) {
      index += this.unsigned()
      jumps.set(index, this.signed())
    }
    return jumps
  }

  /** What gives the value of a sample. */
  column(count: number): (index: number) => number {
    const values = Array.from({ length: this.#count(count) }, () => this.signed())
    const width = bitWidth(values.length)
    const start = this.#take(Math.ceil((count * width) / 8))
    return index => {
      let number = 0
      for (let bit = 0; bit < width; bit++) {
        const at = index * width + bit
        number |= ((this.#bytes[start + (at >> 3)]! >> (at & 7)) & 1) << bit
      }
      const value = values[number]
      if (value === undefined) throw new ProtocolError('a sample table names a value that it does not have')
      return value
    }
  }

  #count(limit: number): number {
    const count = this.unsigned()
    if (count > limit) throw new ProtocolError('a sample table has more values than samples')
    return count
  }

  #take(bytes: number): number {
    if (this.#at + bytes > this.#bytes.byteLength) throw new ProtocolError('a sample table is cut off')
    this.#at += bytes
    return this.#at - bytes
  }
}
