/** One viewer of HTTP-FLV: hands what its subscription has to a response as fast as the client takes it. */
import { concatBytes } from '../../media/bytes.ts'
import { flvHeader, flvTag } from '../../media/flv/file.ts'
import type { FlvStream } from './flv-stream.ts'
import type { Subscription } from './subscription.ts'

/** Tags are joined up to about this size, as each piece of a body costs a chunk and a system call. */
const PIECE_BYTES = 262_144

export class HttpViewer {
  readonly #stream: FlvStream
  readonly #subscription: Subscription
  readonly #onEnd: (isGivenUp: boolean) => void
  readonly #onClosed: () => void
  readonly #body: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #wake: (() => void) | undefined
  #hasHeader = false
  #isClosed = false
  #isFinished = false

  /**
   * `onEnd`: the body ends, or is given up since the client takes nothing. `onClosed`: it is over, however; called once.
   * Throws as `FlvStream.subscribe`.
   */
  constructor(options: {
    stream: FlvStream
    skipsCache: boolean
    viewerKey: string | undefined
    onEnd: (isGivenUp: boolean) => void
    onClosed: () => void
  }) {
    const { stream, skipsCache, viewerKey, onEnd, onClosed } = options
    this.#stream = stream
    this.#onEnd = onEnd
    this.#onClosed = onClosed
    this.#subscription = stream.subscribe({ onReadable: () => this.#onReadable(), skipsCache, viewerKey })
    this.#body = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#controller = controller
        },
        pull: () => this.#pull(),
        cancel: () => this.close(),
      },
      // Nothing is taken before the connection asks for it.
      { highWaterMark: 0 },
    )
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#body
  }

  /** Resolves when there is something to send: false where nothing came in time, or the stream ended. */
  async ready(withinMs: number): Promise<boolean> {
    const timer = setTimeout(() => this.#wake?.(), withinMs)
    if (!this.#subscription.hasMessages && !this.#subscription.isOver) await this.#readable()
    clearTimeout(timer)
    return this.#subscription.hasMessages
  }

  /** They may watch no longer: the body ends at once. */
  refuse(): void {
    this.#subscription.close()
  }

  /** The client is gone. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#subscription.close()
    this.#onClosed()
  }

  async #pull(): Promise<void> {
    while (!this.#subscription.isOver) {
      const piece = this.#take()
      if (piece) {
        this.#controller?.enqueue(piece)
        return
      }
      if (!this.#subscription.isOver) await this.#readable()
    }
    this.#finish()
  }

  #take(): Uint8Array | undefined {
    const tags: Uint8Array[] = []
    for (let bytes = 0; bytes < PIECE_BYTES; ) {
      const message = this.#subscription.take()
      if (!message) break
      if (!this.#hasHeader) tags.push(flvHeader({ hasVideo: true, hasAudio: this.#stream.hasAudio }))
      this.#hasHeader = true
      tags.push(flvTag(message.type, message.timestampMs, message.body))
      bytes += message.body.byteLength
    }
    return tags.length < 2 ? tags[0] : concatBytes(tags)
  }

  #readable(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }

  #onReadable(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
    if (wake || !this.#subscription.isClosed) return
    this.#finish()
  }

  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    if (!this.#isClosed) this.#onEnd(this.#subscription.isClosed)
    this.close()
    try {
      this.#controller?.close()
    } catch {
      // It was closed, or the client has gone.
    }
    this.#controller = undefined
  }
}
