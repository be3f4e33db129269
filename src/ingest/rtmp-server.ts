/** Hides the listening sockets of RTMP and RTMPS, and how many connections they take. */

import { ConnectionTally } from '../connection-tally.ts'
import { type Admission, NOBODY } from '../live/admission.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import { RtmpConnection } from './rtmp-connection.ts'
import { DEFAULT_DEADLINES, type RtmpDeadlines } from './rtmp-deadlines.ts'
import type { RtmpPlayback } from './rtmp-player.ts'

/** PEM texts. */
export interface TlsPair {
  readonly key: string
  readonly cert: string
}

export interface RtmpServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** With it, RTMPS is offered on `tlsPort`. */
  readonly tls?: TlsPair | undefined
  /** 0: any free port. */
  readonly tlsPort?: number | undefined
  readonly live: Pick<Live, 'publish'>
  /** Where players find streams, and who may watch them; without these there is nothing to play. */
  readonly playback?: RtmpPlayback
  readonly admission?: Admission
  readonly log: Log
  readonly deadlines?: Partial<RtmpDeadlines>
  /** Publishers, and those that have not yet said what they are. */
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly maxPlayers?: number
  readonly maxPlayersPerAddress?: number
}

type Listener = Bun.TCPSocketListener<RtmpConnection | undefined>

/** The customary port of RTMPS. */
const TLS_PORT = 1936

/**
 * Accepts publishers and players. Beyond 1,000 publishers, or 64 of one address, further connections are closed at once;
 * beyond 1,000 players, or 200 of one address, further ones are told so.
 */
export class RtmpServer {
  readonly closed: Promise<Error | undefined>
  readonly #options: RtmpServerOptions
  readonly #listener: Listener
  #tlsListener: Listener | undefined
  readonly #connections = new Set<RtmpConnection>()
  readonly #publishers: ConnectionTally
  readonly #players: ConnectionTally
  readonly #resolveClosed: (cause: Error | undefined) => void
  #closing: Promise<void> | undefined

  private constructor(options: RtmpServerOptions) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    const { maxConnections = 1_000, maxConnectionsPerAddress = 64 } = options
    this.#publishers = new ConnectionTally(maxConnections, maxConnectionsPerAddress)
    const { maxPlayers = 1_000, maxPlayersPerAddress = 200 } = options
    this.#players = new ConnectionTally(maxPlayers, maxPlayersPerAddress)
    this.#listener = this.#listen(options.port)
  }

  /** Listens. Throws, naming the variable to change, when a port is in use. */
  static async open(options: RtmpServerOptions): Promise<RtmpServer> {
    const { port, tls, tlsPort = TLS_PORT } = options
    const server = listening('RTMP', port, () => new RtmpServer(options))
    if (!tls) return server
    try {
      server.#tlsListener = listening('RTMPS', tlsPort, () => server.#listen(tlsPort, tls))
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  get port(): number {
    return this.#listener.port
  }

  /** Where RTMPS is offered. */
  get tlsPort(): number | undefined {
    return this.#tlsListener?.port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** RTMPS goes on with another certificate; those who are connected notice nothing. */
  renewCertificate(tls: TlsPair): void {
    const port = this.tlsPort
    if (port === undefined || this.#closing) return
    this.#tlsListener?.stop()
    this.#tlsListener = this.#listen(port, tls)
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
    this.#tlsListener?.stop()
    await Promise.all([...this.#connections].map(connection => connection.close()))
    this.#listener.stop(true)
    this.#tlsListener?.stop(true)
    this.#resolveClosed(undefined)
  }

  #listen(port: number, tls?: TlsPair): Listener {
    return Bun.listen<RtmpConnection | undefined>({
      hostname: this.#options.host,
      port,
      ...(tls && { tls }),
      data: undefined,
      socket: {
        binaryType: 'uint8array',
        open: socket => this.#accept(socket),
        // With it, Bun opens a socket when it connects and not only after TLS's handshake, so that its deadline runs.
        handshake: (socket, isDone) => {
          if (!isDone) socket.terminate()
        },
        data: (socket, bytes) => socket.data?.receive(bytes),
        drain: socket => socket.data?.drain(),
        close: (socket, error) => socket.data?.socketClosed(error),
        error: (socket, error) => socket.data?.socketFailed(error),
      },
    })
  }

  #accept(socket: Bun.Socket<RtmpConnection | undefined>): void {
    const { live, playback = NOTHING, admission = NOBODY, log, deadlines } = this.#options
    const { remoteAddress } = socket
    if (this.#closing || !this.#publishers.add(remoteAddress)) {
      log.warn({ remoteAddress }, 'too many RTMP connections: one was closed')
      socket.terminate()
      return
    }
    let tally = this.#publishers
    const admitPlayer = () => {
      if (tally === this.#players) return true
      if (!this.#players.add(remoteAddress)) return false
      tally.remove(remoteAddress)
      tally = this.#players
      return true
    }
    const connection = new RtmpConnection({
      socket,
      live,
      playback,
      admission,
      admitPlayer,
      log,
      deadlines: { ...DEFAULT_DEADLINES, ...deadlines },
    })
    socket.data = connection
    this.#connections.add(connection)
    connection.closed.then(() => {
      this.#connections.delete(connection)
      tally.remove(remoteAddress)
    })
  }
}

const NOTHING: RtmpPlayback = { find: () => undefined }

/** What `open` returns; where the port is in use, the error names the variable to change. */
function listening<T>(protocol: 'RTMP' | 'RTMPS', port: number, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${port} is in use. Set ${protocol}_PORT to a free port for ${protocol}.`, {
      cause: error,
    })
  }
}
