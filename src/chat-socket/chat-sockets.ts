/** All chat connections of this instance: how many there may be, and which of them are too slow. */
import type { Chat, Chatter } from '../chat/chat.ts'
import { ConnectionTally } from '../connection-tally.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { ChatSocket, type ChatSocketContext, CLOSE } from './chat-socket.ts'
import { RoomSockets } from './room-sockets.ts'

export interface ChatSocketsOptions {
  readonly chat: Chat
  /** Sends `text` to all sockets that have subscribed to `topic`. */
  readonly publish: (topic: string, text: string) => void
  readonly maxConnections?: number | undefined
  /** By IPv4 address or IPv6 /64. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Counted up for the metrics. */
  readonly counts?: ChatSocketCounts | undefined
  readonly log: Log
}

export interface ChatSocketCounts {
  /** Open now. */
  readonly connections: { websocket: number }
  /** An event that went to a thousand connections counts a thousand. */
  deliveries: number
  /** Connections closed since they took too little. */
  droppedReaders: number
}

const MAX_CONNECTIONS = 20_000
/** A school or an office behind one address. */
const MAX_CONNECTIONS_PER_ADDRESS = 500
/** A busy room tells some hundred kilobytes a second: no queue grows from nothing to the engine's limit in this time. */
const SWEEP_MS = 250
/** One that tells more is looked after as often: beyond its limit the engine would cut a socket without a word. */
const SWEEP_CHARS = 128 * 1024
/** A socket that has not taken so much is too slow; all together may not hold more than the second. */
const MAX_QUEUED_BYTES = 256 * 1024
const MAX_QUEUED_BYTES_IN_ALL = 64 * 1024 * 1024

export class ChatSockets {
  readonly #options: ChatSocketsOptions
  readonly #context: ChatSocketContext
  readonly #tally: ConnectionTally
  /** By channel. */
  readonly #rooms = new Map<string, Promise<RoomSockets>>()
  readonly #sockets = new Set<ChatSocket>()
  readonly #counts: ChatSocketCounts
  readonly #sweep: Timer
  /** Told to whole rooms since the last sweep. */
  #toldChars = 0
  #isClosed = false

  constructor(options: ChatSocketsOptions) {
    const { maxConnections = MAX_CONNECTIONS, maxConnectionsPerAddress = MAX_CONNECTIONS_PER_ADDRESS } =
      options
    this.#options = options
    this.#counts = options.counts ?? { connections: { websocket: 0 }, deliveries: 0, droppedReaders: 0 }
    this.#tally = new ConnectionTally(maxConnections, maxConnectionsPerAddress)
    this.#context = { log: options.log, onClosed: socket => this.#forget(socket) }
    this.#sweep = setInterval(() => this.#dropSlow(), SWEEP_MS)
    // A server that could not be opened is not kept alive by it.
    this.#sweep.unref()
  }

  /** Connections now. */
  get size(): number {
    return this.#sockets.size
  }

  /** Counts a connection of `address`. Throws `AppError` LIMIT (`too_many_connections`). Answers how to uncount it. */
  count(address: string): () => void {
    if (this.#isClosed || !this.#tally.add(address))
      throw new AppError('LIMIT', 'too_many_connections', 'Too many chat connections. Try again later.', {
        retryAfterSeconds: 10,
      })
    return () => this.#tally.remove(address)
  }

  /**
   * A counted chatter's connection, to be upgraded to or closed; from now on it is uncounted when it closes. Throws what
   * `Chat.open` and `Room.enter` throw.
   */
  async admit(slug: string, chatter: Chatter, after: number | undefined): Promise<ChatSocket> {
    const sockets = await this.#join(slug)
    try {
      const standing = await sockets.room.enter(chatter)
      if (this.#isClosed) throw new AppError('LIMIT', 'stopping', 'The server is stopping.')
      const socket = new ChatSocket(this.#context, { sockets, chatter, standing, after })
      this.#sockets.add(socket)
      this.#counts.connections.websocket++
      return socket
    } catch (error) {
      this.#leave(sockets)
      throw error
    }
  }

  /** Sends everybody away. Idempotent. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#sweep)
    for (const socket of [...this.#sockets]) socket.end(CLOSE.goingAway, 'the server is stopping')
  }

  async #join(slug: string): Promise<RoomSockets> {
    const room = await this.#options.chat.open(slug)
    const { channelId } = room
    const opened = this.#rooms.get(channelId)
    if (opened) room.release()
    const publish = (topic: string, text: string) => this.#publish(topic, text)
    const opening = opened ?? RoomSockets.open(room, { publish, counts: this.#counts })
    this.#rooms.set(channelId, opening)
    try {
      const sockets = await opening
      // The last who was in it may have left while this one waited.
      if (this.#rooms.get(channelId) !== opening) return await this.#join(slug)
      sockets.hold()
      return sockets
    } catch (error) {
      if (this.#rooms.get(channelId) === opening) this.#rooms.delete(channelId)
      throw error
    }
  }

  #publish(topic: string, text: string): void {
    this.#options.publish(topic, text)
    const isDue = this.#toldChars < SWEEP_CHARS && this.#toldChars + text.length >= SWEEP_CHARS
    this.#toldChars += text.length
    // The engine writes to the sockets before the next turn of the event loop: what is queued is known then.
    if (isDue) setImmediate(() => this.#dropSlow())
  }

  #leave(sockets: RoomSockets): void {
    if (sockets.release()) this.#rooms.delete(sockets.room.channelId)
  }

  #forget(socket: ChatSocket): void {
    if (!this.#sockets.delete(socket)) return
    this.#counts.connections.websocket--
    this.#tally.remove(socket.chatter.address)
    this.#leave(socket.sockets)
  }

  /** The client resumes after what it saw last, from the room's memory instead of from a queue of its own. */
  #dropSlow(): void {
    this.#toldChars = 0
    const queues = [...this.#sockets]
      .map(socket => ({ socket, bytes: socket.queuedBytes }))
      .filter(({ bytes }) => bytes > 0)
    const most = Math.min(MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_IN_ALL / queues.length)
    for (const { socket } of queues.filter(({ bytes }) => bytes > most)) {
      socket.end(CLOSE.tooSlow, 'too slow')
      this.#counts.droppedReaders++
    }
  }
}
