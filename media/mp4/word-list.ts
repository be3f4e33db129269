/** Hides how a table of 32-bit numbers grows, as the tables of a movie do to millions of them. */
import { writeUint32 } from '../bytes.ts'

export class WordList {
  #bytes = new Uint8Array(1024)
  #length = 0

  /** How many numbers. */
  get size(): number {
    return this.#length / 4
  }

  /** Big-endian; shares this list's memory until the next push. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** The low 32 bits. */
  push(value: number): void {
    if (this.#length === this.#bytes.byteLength) {
      const longer = new Uint8Array(this.#length * 2)
      longer.set(this.#bytes)
      this.#bytes = longer
    }
    writeUint32(this.#bytes, this.#length, value)
    this.#length += 4
  }
}

/** A list in which the same number many times running takes as much as once: those of stts and ctts. */
export class RunList {
  readonly #words = new WordList()
  #value = 0
  #count = 0

  /** Entries so far. */
  get size(): number {
    return this.#words.size / 2 + (this.#count > 0 ? 1 : 0)
  }

  push(value: number): void {
    if (this.#count > 0 && this.#value !== value) this.#flush()
    this.#value = value
    this.#count++
  }

  /** Pairs of count and number; nothing is pushed afterwards. */
  finish(): Uint8Array {
    this.#flush()
    return this.#words.bytes
  }

  #flush(): void {
    if (this.#count === 0) return
    this.#words.push(this.#count)
    this.#words.push(this.#value)
    this.#count = 0
  }
}
