/** Hides that a socket may take only a part of what is written to it. */
import { ProtocolError } from '../media/protocol-error.ts'

const MAX_QUEUED_BYTES = 262_144

/** What takes the bytes. */
export interface Writable {
  /** Returns how many bytes were taken, or -1. */
  write(bytes: Uint8Array): number
}

/** What a connection needs of its TCP socket. */
export interface TcpSocket extends Writable {
  readonly remoteAddress: string
  /** Sends FIN and goes on reading. */
  shutdown(): void
  terminate(): void
  pause(): void
  resume(): void
}

/**
 * The queue of bytes that a socket has not taken yet: at most 256 KB, beyond which the peer is not reading, and one piece
 * of media.
 */
export class Outgoing {
  readonly #socket: Writable
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  /** Of the media, which is the first in the queue and not counted. */
  #mediaBytes = 0

  constructor(socket: Writable) {
    this.#socket = socket
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** What the socket has not taken. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Throws `ProtocolError` when the peer does not read. */
  write(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.byteLength
    this.flush()
    if (this.#queuedBytes - this.#mediaBytes > MAX_QUEUED_BYTES)
      throw new ProtocolError('the peer does not read its answers')
  }

  /** A piece of media of any size, which waits for its turn elsewhere: call it only while `isEmpty`. */
  writeMedia(bytes: Uint8Array): void {
    this.#mediaBytes = bytes.byteLength
    this.write(bytes)
  }

  /** Writes what the socket takes; call it again when the socket has drained. */
  flush(): void {
    for (;;) {
      const next = this.#queue[0]
      if (!next) return
      // -1: the socket is closed, whose own event follows
      const written = Math.max(0, this.#socket.write(next))
      this.#queuedBytes -= written
      this.#mediaBytes = Math.max(0, this.#mediaBytes - written)
      if (written < next.byteLength) {
        this.#queue[0] = next.subarray(written)
        return
      }
      this.#queue.shift()
    }
  }
}
