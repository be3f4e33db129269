/** One connection to a room: its requests are handled as they come, and nothing is queued for it but by the engine. */
import type { Socket, SocketOwner } from '../api/sockets.ts'
import type { Chatter, Said, Standing } from '../chat/chat.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { Allowance } from './allowance.ts'
import { readRequest } from './requests.ts'
import type { RoomSockets } from './room-sockets.ts'
import type { ClientRequest, Hello, Me, Ref, ServerEvent } from './wire.ts'

/** What is being stored for one connection at once; more has to wait at the client. */
const MAX_UNDER_WAY = 4

export const CLOSE = {
  goingAway: 1001,
  banned: 4001,
  tooSlow: 4002,
  garbage: 4003,
  noChannel: 4004,
  membersOnly: 4005,
} as const

/** What connections have in common. */
export interface ChatSocketContext {
  readonly log: Log
  /** Told once, when it is gone. */
  readonly onClosed: (socket: ChatSocket) => void
}

export interface ChatSocketOptions {
  readonly sockets: RoomSockets
  readonly chatter: Chatter
  readonly standing: Standing
  /** What it saw last; undefined: nothing. */
  readonly after: number | undefined
}

/** There are thousands: it has no closures of its own, and holds nothing of the request that it came with. */
export class ChatSocket implements SocketOwner {
  readonly chatter: Chatter
  readonly sockets: RoomSockets
  readonly #context: ChatSocketContext
  readonly #after: number | undefined
  #standing: Standing
  #socket: Socket | undefined
  #leave: (() => void) | undefined
  #allowance: Allowance | undefined
  #underWay = 0

  constructor(context: ChatSocketContext, options: ChatSocketOptions) {
    this.#context = context
    this.chatter = options.chatter
    this.sockets = options.sockets
    this.#after = options.after
    this.#standing = options.standing
  }

  /** What the client has not taken yet. */
  get queuedBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0
  }

  open(socket: Socket): void {
    const { sockets, chatter } = this
    this.#socket = socket
    sockets.add(this)
    this.#greet(socket)
    socket.subscribe(sockets.topic)
    if (this.#standing.isModerator) socket.subscribe(sockets.moderatorTopic)
    this.#leave = sockets.room.arrive(chatter, this.#standing.username)
  }

  message(_socket: Socket, message: string | Buffer<ArrayBuffer>): void {
    if (!this.#socket) return
    const now = performance.now()
    this.#allowance ??= new Allowance(now)
    const isAllowed = this.#allowance.take(now)
    const request = typeof message === 'string' ? readRequest(message) : undefined
    if (isAllowed) this.#handle(request)
    else this.#refuse(refOf(request), 'rate_limited', 'That is too much at once.', 1)
    if (this.#allowance.isExhausted) this.end(CLOSE.garbage, 'too much that is no message')
  }

  close(): void {
    if (this.#socket) this.sockets.remove(this)
    this.#socket = undefined
    this.#leave?.()
    this.#leave = undefined
    this.#context.onClosed(this)
  }

  /** Nothing when it is closed. */
  send(text: string): void {
    this.#socket?.send(text)
  }

  /** The engine drops what is queued when the close frame has not gone out some ten seconds later. */
  end(code: number, reason: string): void {
    this.#socket?.close(code, reason)
  }

  expel(reason: string): void {
    this.end(CLOSE.banned, reason)
  }

  /** Asks for its standing again, and shows the client what has become of it. */
  async refreshStanding(): Promise<void> {
    try {
      const standing = await this.sockets.room.enter(this.chatter)
      this.#standing = standing
      if (standing.isModerator) this.#socket?.subscribe(this.sockets.moderatorTopic)
      else this.#socket?.unsubscribe(this.sockets.moderatorTopic)
      this.#tell({ type: 'me', me: this.#me })
    } catch (error) {
      if (error instanceof AppError && error.reason === 'chat_members_only')
        this.end(CLOSE.membersOnly, error.message)
      else if (error instanceof AppError && error.kind === 'FORBIDDEN') this.expel(error.message)
      else this.#context.log.error({ err: error }, 'a chatter’s standing could not be asked for')
    }
  }

  get #me(): Me {
    return { ...this.#standing, isGuest: this.chatter.account === undefined }
  }

  #greet(socket: Socket): void {
    const { room, seq } = this.sockets
    const { slug, settings } = room
    const hello: Hello = { type: 'hello', version: 1, slug, seq, me: this.#me, settings }
    const missed = this.#after === undefined ? [] : this.sockets.missedAfter(this.#after)
    socket.send([JSON.stringify(hello), ...(missed ?? ['{"type":"gap"}'])].join('\n'))
  }

  #handle(request: ClientRequest | undefined): void {
    if (!request) {
      this.#allowance?.waste()
      return this.#refuse(null, 'request_malformed', 'That is no request of this protocol.')
    }
    if (request.type === 'ping') return this.#tell({ type: 'pong' })
    if (request.type === 'react') return this.#react(request)
    if (this.#underWay >= MAX_UNDER_WAY)
      return this.#refuse(request.ref, 'busy', 'Wait for the answers to your other messages.')
    this.#underWay++
    void this.#say(request)
  }

  #react({ ref, reaction }: ClientRequest & { type: 'react' }): void {
    try {
      this.sockets.room.react(this.chatter, reaction)
      if (ref !== null) this.#tell({ type: 'ok', ref })
    } catch (error) {
      this.#fail(ref, error)
    }
  }

  async #say({ ref, text, replyTo }: ClientRequest & { type: 'send' }): Promise<void> {
    try {
      this.#answer(ref, await this.sockets.room.say(this.chatter, { text, replyTo }))
    } catch (error) {
      this.#fail(ref, error)
    } finally {
      this.#underWay--
    }
  }

  #answer(ref: Ref | null, said: Said): void {
    switch (said.outcome) {
      case 'sent':
        return this.#tell({ type: 'ok', ref, id: said.message.message.id })
      case 'hidden':
        return this.#tell({ type: 'ok', ref, id: said.message.id })
      case 'held':
      case 'done':
        return this.#tell({ type: 'ok', ref, text: said.text })
    }
  }

  #fail(ref: Ref | null, error: unknown): void {
    if (error instanceof AppError)
      return this.#refuse(ref, error.reason, error.message, error.retryAfterSeconds)
    this.#context.log.error({ err: error }, 'a chat message failed')
    this.#refuse(ref, 'internal', 'Something went wrong on the server.')
  }

  #refuse(ref: Ref | null, reason: string, message: string, retryAfterSeconds?: number): void {
    this.#tell({ type: 'error', ref, reason, message, ...(retryAfterSeconds && { retryAfterSeconds }) })
  }

  #tell(event: ServerEvent): void {
    this.send(JSON.stringify(event))
  }
}

function refOf(request: ClientRequest | undefined): Ref | null {
  return request && 'ref' in request ? request.ref : null
}
