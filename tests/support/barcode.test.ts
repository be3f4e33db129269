import { describe, expect, test } from 'bun:test'
import { ageOf, CELL_PX, COLUMNS, encodeStamp, paintStamp, ROWS, readStamp, type Stamp } from './barcode.ts'

const width = 1280
const height = 720
const stamp: Stamp = { epochMs: 0xdead_beef, frame: 54_321 }

/** Reads the way a viewer does: the middle of each cell of a picture scaled by `scale`. */
function readFrom(luma: Uint8Array, lineWidth: number, scale: number): Stamp | undefined {
  const middle = (index: number) => Math.floor((index + 0.5) * CELL_PX * scale)
  return readStamp((column, row) => luma[middle(row) * lineWidth + middle(column)]!)
}

function painted(value: Stamp): Uint8Array {
  const picture = Uint8Array.from({ length: (width * height * 3) / 2 }, (_, index) => (index * 31) % 256)
  paintStamp(picture, width, height, value)
  return picture
}

/** Box filter: each pixel of the smaller picture is the mean of those it covers. */
function scaledDown(luma: Uint8Array, factor: number): Uint8Array {
  const [w, h] = [width / factor, height / factor]
  return Uint8Array.from({ length: w * h }, (_, index) => {
    const [x0, y0] = [(index % w) * factor, Math.floor(index / w) * factor]
    let sum = 0
    for (let y = 0; y < factor; y++) for (let x = 0; x < factor; x++) sum += luma[(y0 + y) * width + x0 + x]!
    return sum / factor ** 2
  })
}

/** Repeatable noise between -1 and 1. */
function noise(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 31 - 1
  }
}

describe('a stamp painted into a picture', () => {
  for (const value of [stamp, { epochMs: 0, frame: 0 }, { epochMs: 2 ** 32 - 1, frame: 65_535 }])
    test(`is read back: ${value.epochMs}, ${value.frame}`, () => {
      expect(readFrom(painted(value), width, 1)).toEqual(value)
    })

  for (const factor of [2, 4])
    test(`survives scaling to 1/${factor}`, () => {
      expect(readFrom(scaledDown(painted(stamp), factor), width / factor, 1 / factor)).toEqual(stamp)
    })

  test('survives noise, less contrast and another brightness', () => {
    const random = noise(7)
    const damaged = painted(stamp).map(value => Math.max(0, Math.min(255, value * 0.6 + 60 + 35 * random())))
    expect(readFrom(damaged, width, 1)).toEqual(stamp)
  })

  test('touches nothing but its corner', () => {
    const picture = new Uint8Array((width * height * 3) / 2).fill(77)
    paintStamp(picture, width, height, stamp)
    const changed = picture.reduce((count, value) => count + (value === 77 ? 0 : 1), 0)
    expect(changed).toBe(COLUMNS * ROWS * CELL_PX ** 2 * 1.5)
  })
})

describe('what is not a stamp', () => {
  test('a plain picture', () => {
    expect(readStamp(() => 128)).toBeUndefined()
  })

  test('a stamp with any single cell turned over', () => {
    const cells = encodeStamp(stamp)
    const survivors = cells.filter((_, wrong) => {
      const damaged = cells.map((cell, index) => (index === wrong ? 1 - cell : cell) * 255)
      const read = readStamp((column, row) => damaged[row * COLUMNS + column]!)
      return read !== undefined
    })
    expect(survivors).toEqual([])
  })

  test('noise, ten thousand times', () => {
    const random = noise(99)
    let read = 0
    for (let attempt = 0; attempt < 10_000; attempt++) if (readStamp(() => 128 + 127 * random())) read++
    expect(read).toBe(0)
  })
})

describe('the age of a stamp', () => {
  const now = 1_795_000_000_123
  for (const age of [0, 1, 35, 5_000, 3_600_000])
    test(`${age} ms`, () => {
      const { epochMs } = readFrom(painted({ epochMs: now - age, frame: 1 }), width, 1)!
      expect(ageOf({ epochMs, frame: 1 }, now)).toBe(age)
    })

  test('across the wrap of its 32 bits', () => {
    expect(ageOf({ epochMs: 2 ** 32 - 10, frame: 0 }, 2 ** 32 * 400 + 15)).toBe(25)
  })
})
