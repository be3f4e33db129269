/** Reads bit fields and Exp-Golomb codes, never past the end. */
import { ProtocolError } from '../protocol-error.ts'

export class BitReader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get bitsLeft(): number {
    return this.#bytes.byteLength * 8 - this.#position
  }

  /** u(n), `count` from 0 to 32. Throws `ProtocolError` where fewer bits are left. */
  bits(count: number): number {
    if (count > this.bitsLeft) throw new ProtocolError('codec configuration ends in the middle of a field')
    let value = 0
    for (let index = 0; index < count; index++, this.#position++)
      value = value * 2 + ((this.#bytes[this.#position >> 3]! >> (7 - (this.#position & 7))) & 1)
    return value
  }

  flag(): boolean {
    return this.bits(1) === 1
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw new ProtocolError('codec configuration ends in the middle of a field')
    this.#position += count
  }

  alignToByte(): void {
    this.#position = (this.#position + 7) & ~7
  }

  /** ue(v), ITU-T H.264 9.1. Values are bounded to 32 bits. */
  unsignedGolomb(): number {
    let zeros = 0
    while (!this.flag()) if (++zeros > 31) throw new ProtocolError('Exp-Golomb code is longer than 32 bits')
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** se(v), ITU-T H.264 9.1.1. */
  signedGolomb(): number {
    const code = this.unsignedGolomb()
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2
  }
}

/** A reader of a NAL unit without its emulation_prevention_three_bytes, ITU-T H.264 and H.265 7.4.1. */
export function nalPayloadReader(nal: Uint8Array): BitReader {
  const payload = new Uint8Array(nal.byteLength)
  let length = 0
  let zeros = 0
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    zeros = byte === 0 ? zeros + 1 : 0
    payload[length++] = byte
  }
  return new BitReader(payload.subarray(0, length))
}
