/** A publisher on a bare socket: sends what it is given and hears status codes. */
import { type AmfValue, decodeAmf0 } from '../../media/rtmp/amf0.ts'
import { ChunkReader, ChunkWriter } from '../../media/rtmp/chunk.ts'
import { commandMessage, type RtmpMessage } from '../../media/rtmp/message.ts'

const HELLO = 1 + 2 * 1536

export class RtmpClient {
  /** Resolves when the server has ended the connection, however it did. */
  readonly ended: Promise<void>
  readonly statuses: { code: string; level: string; description: string }[] = []
  readonly heard: RtmpMessage[] = []
  readonly #writer = new ChunkWriter()
  readonly #reader = new ChunkReader()
  readonly #resolveEnded: () => void
  readonly #waiting: { code: string; resolve: () => void }[] = []
  #socket: Bun.Socket | undefined
  #queue: Uint8Array[] = []
  #helloLeft = HELLO

  private constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  static async open(port: number): Promise<RtmpClient> {
    const client = new RtmpClient()
    client.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => client.#receive(bytes),
        drain: () => client.#flush(),
        close: () => client.#resolveEnded(),
        error: () => client.#resolveEnded(),
      },
    })
    return client
  }

  send(bytes: Uint8Array): void {
    this.#queue.push(bytes)
    this.#flush()
  }

  message(message: RtmpMessage): void {
    this.send(this.#writer.write(4, message))
  }

  command(...values: AmfValue[]): void {
    this.message(commandMessage(0, ...values))
  }

  greet(): void {
    this.send(Buffer.concat([Uint8Array.of(3), new Uint8Array(HELLO - 1)]))
  }

  connect(app = 'live'): void {
    this.greet()
    this.command('connect', 1, { app, flashVer: 'test client' })
  }

  publish(streamKey: string, app?: string): void {
    this.connect(app)
    this.command('publish', 5, null, streamKey, 'live')
  }

  /** Resolves when a status with this code has been heard; rejects when the connection ends before. */
  async status(code: string): Promise<void> {
    if (this.statuses.some(each => each.code === code)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ code, resolve })
    const gone = this.ended.then(() => {
      if (!this.statuses.some(each => each.code === code)) throw new Error(`ended without ${code}`)
    })
    await Promise.race([promise, gone])
  }

  /** Goes away with a reset, as a machine that loses its network does at best. */
  drop(): void {
    this.#socket?.terminate()
  }

  /** Reads nothing any more. */
  pause(): void {
    this.#socket?.pause()
  }

  close(): void {
    this.#socket?.end()
  }

  #flush(): void {
    while (this.#queue.length > 0) {
      const next = this.#queue[0]!
      const written = this.#socket!.write(next)
      if (written < 0) this.#queue = []
      else if (written < next.byteLength) {
        this.#queue[0] = next.subarray(written)
        return
      } else this.#queue.shift()
    }
  }

  #receive(bytes: Uint8Array): void {
    const skipped = Math.min(this.#helloLeft, bytes.byteLength)
    this.#helloLeft -= skipped
    for (const message of this.#reader.push(bytes.subarray(skipped))) {
      this.heard.push(message)
      if (message.typeId !== 20) continue
      const values = decodeAmf0(message.payload)
      if (values[0] !== 'onStatus') continue
      const status = values[3] as unknown as { code: string; level: string; description: string }
      this.statuses.push(status)
      for (const { code, resolve } of this.#waiting) if (code === status.code) resolve()
    }
  }
}
