/** Hides how ISO base media boxes are laid out: a 32-bit size, four letters, the content. */
import { concatBytes } from '../bytes.ts'

/** A box, ISO/IEC 14496-12 4.2. `type`: four ASCII letters. */
export function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, part) => sum + part.byteLength, 8)
  return concatBytes([u32(size), ascii(type), ...content])
}

/** A box with version and flags, ISO/IEC 14496-12 4.2. */
export function fullBox(type: string, version: number, flags: number, ...content: readonly Uint8Array[]) {
  return box(type, u32((version << 24) | flags), ...content)
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, letter => letter.charCodeAt(0))
}

export function u8(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values)
}

export function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap(value => [value >> 8, value]))
}

export function u32(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap(value => [value >>> 24, value >>> 16, value >>> 8, value]))
}

export function zeros(length: number): Uint8Array {
  return new Uint8Array(length)
}
