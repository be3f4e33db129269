/** Hides the listening socket of RTMP ingest and how many connections it takes. */
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import { RtmpConnection } from './rtmp-connection.ts'
import { DEFAULT_DEADLINES, type RtmpDeadlines } from './rtmp-deadlines.ts'

export interface RtmpServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly live: Pick<Live, 'publish'>
  readonly log: Log
  readonly deadlines?: Partial<RtmpDeadlines>
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
}

type Listener = Bun.TCPSocketListener<RtmpConnection | undefined>

/** Accepts publishers. Beyond 1,000 connections, or 64 of one address, further ones are closed at once. */
export class RtmpServer {
  readonly closed: Promise<Error | undefined>
  readonly #options: RtmpServerOptions
  readonly #listener: Listener
  readonly #connections = new Set<RtmpConnection>()
  readonly #perAddress = new Map<string, number>()
  readonly #resolveClosed: (cause: Error | undefined) => void
  #closing: Promise<void> | undefined

  private constructor(options: RtmpServerOptions) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    this.#listener = this.#listen()
  }

  /** Listens. Throws, naming the variable to change, when the port is in use. */
  static async open(options: RtmpServerOptions): Promise<RtmpServer> {
    try {
      return new RtmpServer(options)
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
      throw new Error(`Port ${options.port} is in use. Set RTMP_PORT to a free port for RTMP ingest.`, {
        cause: error,
      })
    }
  }

  get port(): number {
    return this.#listener.port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Takes no more connections and closes those there are. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#listener.stop()
    await Promise.all([...this.#connections].map(connection => connection.close()))
    this.#listener.stop(true)
    this.#resolveClosed(undefined)
  }

  #listen(): Listener {
    return Bun.listen<RtmpConnection | undefined>({
      hostname: this.#options.host,
      port: this.#options.port,
      data: undefined,
      socket: {
        binaryType: 'uint8array',
        open: socket => this.#accept(socket),
        data: (socket, bytes) => socket.data?.receive(bytes),
        drain: socket => socket.data?.drain(),
        close: (socket, error) => socket.data?.socketClosed(error),
        error: (socket, error) => socket.data?.socketFailed(error),
      },
    })
  }

  #accept(socket: Bun.Socket<RtmpConnection | undefined>): void {
    const { live, log, deadlines, maxConnections = 1_000, maxConnectionsPerAddress = 64 } = this.#options
    const address = socket.remoteAddress
    const fromAddress = this.#perAddress.get(address) ?? 0
    if (
      this.#closing ||
      this.#connections.size >= maxConnections ||
      fromAddress >= maxConnectionsPerAddress
    ) {
      log.warn({ remoteAddress: address }, 'too many RTMP connections: one was closed')
      socket.terminate()
      return
    }
    const connection = new RtmpConnection({
      socket,
      live,
      log,
      deadlines: { ...DEFAULT_DEADLINES, ...deadlines },
    })
    socket.data = connection
    this.#connections.add(connection)
    this.#perAddress.set(address, fromAddress + 1)
    connection.closed.then(() => this.#forget(connection))
  }

  #forget(connection: RtmpConnection): void {
    this.#connections.delete(connection)
    const left = (this.#perAddress.get(connection.remoteAddress) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(connection.remoteAddress)
    else this.#perAddress.set(connection.remoteAddress, left)
  }
}
