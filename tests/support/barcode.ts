/** Hides how a picture carries a clock: epoch milliseconds and a frame counter, as black and white cells with a checksum. */

/** The cells stand in the top left corner: row 0 is 1010 and the time, row 1 the counter, the checksum and 0101. */
export const COLUMNS = 36
export const ROWS = 2
/** Side of a cell in the publisher's picture; even, so that a cell covers whole chroma samples. */
export const CELL_PX = 16

const WHITE_LUMA = 235
const BLACK_LUMA = 16
const NEUTRAL_CHROMA = 128
const HEAD = [1, 0, 1, 0]
const TAIL = [0, 1, 0, 1]
/** White and black nearer than this are not told apart: the picture is not stamped, or not readable. */
const LEAST_CONTRAST = 40
const EPOCH_MODULUS = 2 ** 32

/** What one picture carries. */
export interface Stamp {
  /** Milliseconds since the epoch, modulo 2^32. */
  readonly epochMs: number
  /** Counts pictures, modulo 2^16. */
  readonly frame: number
}

/** Paints a stamp into a yuv420p picture, in place. */
export function paintStamp(picture: Uint8Array, width: number, height: number, stamp: Stamp): void {
  const cells = encodeStamp(stamp)
  for (let y = 0; y < ROWS * CELL_PX; y++) {
    const row = Math.floor(y / CELL_PX)
    for (let column = 0; column < COLUMNS; column++) {
      const from = y * width + column * CELL_PX
      picture.fill(cells[row * COLUMNS + column] ? WHITE_LUMA : BLACK_LUMA, from, from + CELL_PX)
    }
  }
  const chromaWidth = width / 2
  const planeBytes = (width * height) / 4
  for (const plane of [width * height, width * height + planeBytes])
    for (let y = 0; y < (ROWS * CELL_PX) / 2; y++) {
      const from = plane + y * chromaWidth
      picture.fill(NEUTRAL_CHROMA, from, from + (COLUMNS * CELL_PX) / 2)
    }
}

/**
 * Reads a stamp. `lumaAt` gives the brightness (0 to 255, any range) in the middle of a cell. Returns undefined when
 * there is none, or when its checksum is wrong.
 */
export function readStamp(lumaAt: (column: number, row: number) => number): Stamp | undefined {
  const luma = Array.from({ length: COLUMNS * ROWS }, (_, i) => lumaAt(i % COLUMNS, Math.floor(i / COLUMNS)))
  const threshold = thresholdOf(luma)
  if (threshold === undefined) return undefined
  const cells = luma.map(value => (value > threshold ? 1 : 0))
  const stamp = { epochMs: readNumber(cells, 4, 32), frame: readNumber(cells, 36, 16) }
  return encodeStamp(stamp).every((cell, index) => cell === cells[index]) ? stamp : undefined
}

/** How old a stamp is at `nowMs` (milliseconds since the epoch); right for ages of up to 24 days. */
export function ageOf(stamp: Stamp, nowMs: number): number {
  const age = (nowMs % EPOCH_MODULUS) - stamp.epochMs
  return age < -EPOCH_MODULUS / 2 ? age + EPOCH_MODULUS : age
}

/** The 72 cells of a stamp, row by row. */
export function encodeStamp(stamp: Stamp): number[] {
  const epochMs = stamp.epochMs % EPOCH_MODULUS
  const frame = stamp.frame & 0xffff
  const bytes = [epochMs >>> 24, epochMs >>> 16, epochMs >>> 8, epochMs, frame >>> 8, frame].map(
    b => b & 0xff,
  )
  const checksum = crc16(bytes)
  const payload = [...bytes, checksum >> 8, checksum & 0xff]
  return [...HEAD, ...payload.flatMap(bitsOf), ...TAIL]
}

/** Halfway between the white and the black of the marks, so that contrast and brightness may have changed. */
function thresholdOf(luma: readonly number[]): number | undefined {
  const marks = [...luma.slice(0, HEAD.length), ...luma.slice(-TAIL.length)]
  const expected = [...HEAD, ...TAIL]
  const white = meanOf(marks.filter((_, index) => expected[index] === 1))
  const black = meanOf(marks.filter((_, index) => expected[index] === 0))
  return white - black >= LEAST_CONTRAST ? (white + black) / 2 : undefined
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function readNumber(cells: readonly number[], from: number, length: number): number {
  return cells.slice(from, from + length).reduce((value, bit) => value * 2 + bit, 0)
}

function bitsOf(byte: number): number[] {
  return Array.from({ length: 8 }, (_, index) => (byte >> (7 - index)) & 1)
}

/** CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xffff. */
function crc16(bytes: readonly number[]): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}
