/** Walks the boxes in bytes of anybody: no size is believed that does not fit, ISO/IEC 14496-12 4.2. */
import { readUint16, readUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

/** Where a box lies in the bytes that hold it. */
export interface BoxSpan {
  /** Four letters. */
  readonly type: string
  readonly start: number
  /** The first byte after size and type. */
  readonly contentStart: number
  readonly end: number
}

const TWO_TO_32 = 0x1_0000_0000
/** Every sum of two such numbers is exact. */
const MAX_UINT64 = 2 ** 52

/** The box at `at`; undefined: it is not whole before `limit`, or no box. */
export function boxAt(bytes: Uint8Array, at: number, limit: number): BoxSpan | undefined {
  if (at + 8 > limit) return undefined
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
  const short = readUint32(bytes, at)
  if (short === 1 && at + 16 > limit) return undefined
  const size = short === 1 ? readUint32(bytes, at + 8) * TWO_TO_32 + readUint32(bytes, at + 12) : short
  const contentStart = at + (short === 1 ? 16 : 8)
  const end = at + size
  return end < contentStart || end > limit ? undefined : { type, start: at, contentStart, end }
}

/** The boxes from `from` to `to`, which they fill. Throws `ProtocolError`. */
export function* boxesIn(bytes: Uint8Array, from = 0, to = bytes.byteLength): Generator<BoxSpan> {
  for (let at = from; at < to; ) {
    const box = boxAt(bytes, at, to)
    if (!box) throw new ProtocolError(`no whole box at byte ${at}`)
    yield box
    at = box.end
  }
}

/** The first of its children with this type. Throws `ProtocolError` without one. */
export function getChild(bytes: Uint8Array, parent: BoxSpan, type: string): BoxSpan {
  const child = findChild(bytes, parent, type)
  if (!child) throw new ProtocolError(`${parent.type} has no ${type}`)
  return child
}

export function findChild(bytes: Uint8Array, parent: BoxSpan, type: string): BoxSpan | undefined {
  return boxesIn(bytes, parent.contentStart, parent.end).find(child => child.type === type)
}

/** Reads the fields of a box one after the other, never past its end. */
export class BoxFields {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, box: BoxSpan) {
    this.#bytes = bytes
    this.#at = box.contentStart
    this.#end = box.end
  }

  get bytesLeft(): number {
    return this.#end - this.#at
  }

  u16(): number {
    return readUint16(this.#bytes, this.#take(2))
  }

  u32(): number {
    return readUint32(this.#bytes, this.#take(4))
  }

  i32(): number {
    return this.u32() | 0
  }

  /** Bounded to 52 bits. */
  u64(): number {
    const value = this.u32() * TWO_TO_32 + this.u32()
    if (value > MAX_UINT64) throw new ProtocolError('a 64-bit field is too big')
    return value
  }

  /** Version and flags of a full box. */
  versionAndFlags(): { version: number; flags: number } {
    const word = this.u32()
    return { version: word >>> 24, flags: word & 0xffffff }
  }

  skip(bytes: number): void {
    this.#take(bytes)
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.bytesLeft), this.#end)
  }

  #take(bytes: number): number {
    if (bytes > this.bytesLeft) throw new ProtocolError('a box ends in the middle of a field')
    this.#at += bytes
    return this.#at - bytes
  }
}
