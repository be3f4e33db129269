/** Hides RTMP's simple handshake, server side (Adobe RTMP 1.0, section 5.2). */
import { concatBytes } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

const VERSION = 3
const PACKET = 1536

/**
 * Takes C0, C1 and C2, answers S0, S1 and S2. S1 says version 0, upon which publishers that prefer the digest
 * handshake use the simple one.
 */
export class ServerHandshake {
  /** C1, as it is echoed in S2. */
  readonly #c1 = new Uint8Array(PACKET)
  #received = 0

  get isDone(): boolean {
    return this.#received === 1 + 2 * PACKET
  }

  /** What to send for `bytes`, if anything, and what of them lies behind the handshake. Throws `ProtocolError`. */
  receive(bytes: Uint8Array): { reply: Uint8Array | undefined; rest: Uint8Array } {
    if (this.#received === 0 && bytes.byteLength > 0 && bytes[0] !== VERSION)
      throw new ProtocolError(`RTMP version ${bytes[0]} is not known`)
    const hadHello = this.#received >= 1 + PACKET
    const start = this.#received
    const take = Math.min(bytes.byteLength, 1 + 2 * PACKET - start)
    if (!hadHello) {
      const from = Math.max(0, 1 - start)
      const until = Math.min(take, 1 + PACKET - start)
      if (until > from) this.#c1.set(bytes.subarray(from, until), start + from - 1)
    }
    this.#received += take
    const isHelloComplete = !hadHello && this.#received >= 1 + PACKET
    return { reply: isHelloComplete ? this.#hello() : undefined, rest: bytes.subarray(take) }
  }

  #hello(): Uint8Array {
    const s1 = crypto.getRandomValues(new Uint8Array(PACKET))
    s1.fill(0, 0, 8) // time, version
    return concatBytes([Uint8Array.of(VERSION), s1, this.#c1])
  }
}
