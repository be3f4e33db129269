/** Hides that a socket may take only a part of what is written to it. */
import { ProtocolError } from '../../media/protocol-error.ts'

const MAX_QUEUED_BYTES = 262_144

/** The queue of bytes that a socket has not taken yet: at most 256 KB, beyond which the peer is not reading. */
export class Outgoing {
  readonly #socket: { write(bytes: Uint8Array): number }
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0

  constructor(socket: { write(bytes: Uint8Array): number }) {
    this.#socket = socket
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Throws `ProtocolError` when the peer does not read. */
  write(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.byteLength
    this.flush()
    if (this.#queuedBytes > MAX_QUEUED_BYTES) throw new ProtocolError('the peer does not read its answers')
  }

  /** Writes what the socket takes; call it again when the socket has drained. */
  flush(): void {
    for (;;) {
      const next = this.#queue[0]
      if (!next) return
      // -1: the socket is closed, whose own event follows
      const written = Math.max(0, this.#socket.write(next))
      this.#queuedBytes -= written
      if (written < next.byteLength) {
        this.#queue[0] = next.subarray(written)
        return
      }
      this.#queue.shift()
    }
  }
}
