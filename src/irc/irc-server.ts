/** Hides the listening socket of the IRC gateway, and how many connections it takes. */
import type { Chat } from '../chat/chat.ts'
import type { ChatTally } from '../chat/tally.ts'
import { ConnectionTally } from '../connection-tally.ts'
import type { Log } from '../log.ts'
import { IrcConnection, type IrcConnectionOptions } from './irc-connection.ts'
import { IrcRooms } from './irc-room.ts'

export interface IrcServerOptions
  extends Pick<IrcConnectionOptions, 'identify' | 'names' | 'topic' | 'limits'> {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly chat: Chat
  /** What to count and ban a client by: its IPv4 address, or its IPv6 /64. */
  readonly addressKey: (address: string) => string
  /** Counted up for the metrics. */
  readonly tally?: ChatTally | undefined
  readonly log: Log
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  /** What all clients together may have waiting for them. */
  readonly maxQueuedBytes?: number
}

const MAX_QUEUED_BYTES = 32 * 1024 * 1024
const SWEEP_MS = 250

type Listener = Bun.TCPSocketListener<IrcConnection | undefined>

export class IrcServer {
  readonly #options: IrcServerOptions
  readonly #rooms: IrcRooms
  readonly #tally: ConnectionTally
  readonly #connections = new Set<IrcConnection>()
  readonly #listener: Listener
  readonly #sweep: Timer
  #closing: Promise<void> | undefined

  private constructor(options: IrcServerOptions) {
    const { maxConnections = 5_000, maxConnectionsPerAddress = 50 } = options
    this.#options = options
    this.#rooms = new IrcRooms(options.chat, clients => {
      if (options.tally) options.tally.deliveries += clients
    })
    this.#tally = new ConnectionTally(maxConnections, maxConnectionsPerAddress)
    this.#listener = this.#listen()
    this.#sweep = setInterval(() => this.#dropSlow(), SWEEP_MS)
    this.#sweep.unref()
  }

  /** Listens. Throws an error that names IRC_PORT when it is taken. */
  static open(options: IrcServerOptions): IrcServer {
    try {
      return new IrcServer(options)
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'EADDRINUSE') throw cause
      throw new Error(`Port ${options.port} is in use. Set IRC_PORT to a free one.`, { cause })
    }
  }

  get port(): number {
    return this.#listener.port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Tells every client and disconnects it. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweep)
    this.#listener.stop()
    const connections = [...this.#connections]
    for (const connection of connections) connection.end('The server stops: come back in a while.')
    await Promise.all(connections.map(connection => connection.closed))
    this.#rooms.close()
    this.#listener.stop(true)
  }

  /** Each has a bound of its own; where many read too little at once, it is a share of what they may have together. */
  #dropSlow(): void {
    const queues = [...this.#connections]
      .map(connection => ({ connection, bytes: connection.queuedBytes }))
      .filter(({ bytes }) => bytes > 0)
    const most = (this.#options.maxQueuedBytes ?? MAX_QUEUED_BYTES) / queues.length
    for (const { connection, bytes } of queues) if (bytes > most) connection.drop()
  }

  #listen(): Listener {
    return Bun.listen<IrcConnection | undefined>({
      hostname: this.#options.host,
      port: this.#options.port,
      data: undefined,
      socket: {
        binaryType: 'uint8array',
        open: socket => this.#accept(socket),
        data: (socket, bytes) => socket.data?.receive(bytes),
        drain: socket => socket.data?.drain(),
        close: socket => socket.data?.socketClosed(),
        error: socket => socket.data?.socketClosed(),
      },
    })
  }

  #accept(socket: Bun.Socket<IrcConnection | undefined>): void {
    const address = this.#options.addressKey(socket.remoteAddress)
    if (this.#closing || !this.#tally.add(address)) {
      socket.terminate()
      return
    }
    const connection = new IrcConnection({
      ...this.#options,
      ...{ rooms: this.#rooms, address, socket },
      onTooSlow: () => {
        if (this.#options.tally) this.#options.tally.droppedReaders++
      },
    })
    socket.data = connection
    this.#connections.add(connection)
    const uncount = this.#options.tally?.connect('irc')
    connection.closed.then(() => {
      this.#connections.delete(connection)
      this.#tally.remove(address)
      uncount?.()
    })
  }
}
