/** A network link between a browser and a UDP port whose bandwidth can be changed: what does not fit waits, then drops. */
import { createSocket, type Socket } from 'node:dgram'

/** As in a home router: what a link may hold back before it drops. */
const MAX_QUEUED_MS = 250
const TICK_MS = 5

interface Queued {
  readonly packet: Buffer
  readonly port: number
}

/** Towards the server everything passes at once. */
export class SlowLink implements AsyncDisposable {
  /** UDP on 127.0.0.1, in place of the server's. */
  readonly port: number
  readonly #near: Socket
  readonly #far = new Map<number, Socket>()
  readonly #queue: Queued[] = []
  readonly #timer: ReturnType<typeof setInterval>
  #queuedBytes = 0
  #bytesPerMs = Number.POSITIVE_INFINITY
  #credit = 0
  #servedAt = performance.now()

  private constructor(near: Socket, targetPort: number) {
    this.#near = near
    this.port = near.address().port
    near.on('message', (packet, { port }) => this.#farOf(port).send(packet, targetPort, '127.0.0.1'))
    this.#timer = setInterval(() => this.#serve(), TICK_MS)
  }

  static async open(targetPort: number): Promise<SlowLink> {
    const near = createSocket('udp4')
    await new Promise<void>(resolve => near.bind(0, '127.0.0.1', resolve))
    return new SlowLink(near, targetPort)
  }

  /** Bits per second towards the browser; undefined: as much as there is. */
  limit(bitsPerSecond: number | undefined): void {
    this.#bytesPerMs = (bitsPerSecond ?? Number.POSITIVE_INFINITY) / 8_000
    this.#credit = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    for (const socket of [this.#near, ...this.#far.values()]) socket.close()
  }

  #farOf(port: number): Socket {
    const known = this.#far.get(port)
    if (known) return known
    const socket = createSocket('udp4')
    socket.on('message', packet => this.#take({ packet, port }))
    socket.on('error', () => {})
    this.#far.set(port, socket)
    return socket
  }

  #take(queued: Queued): void {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY && this.#queue.length === 0)
      return this.#deliver(queued)
    if (this.#queuedBytes > this.#bytesPerMs * MAX_QUEUED_MS) return
    this.#queue.push(queued)
    this.#queuedBytes += queued.packet.byteLength
  }

  #serve(): void {
    const now = performance.now()
    const elapsedMs = now - this.#servedAt
    this.#servedAt = now
    this.#credit = Math.min(this.#credit + elapsedMs * this.#bytesPerMs, this.#bytesPerMs * TICK_MS * 4)
    while (this.#queue.length > 0 && this.#credit > 0) {
      const queued = this.#queue.shift()!
      this.#queuedBytes -= queued.packet.byteLength
      this.#credit -= queued.packet.byteLength
      this.#deliver(queued)
    }
  }

  #deliver({ packet, port }: Queued): void {
    this.#near.send(packet, port, '127.0.0.1')
  }
}
