/** The pages on a server whose chat and API answer from a script. */
import type { Server, ServerWebSocket } from 'bun'
import type { ChatMessage } from '../../src/chat/events.ts'
import type { ClientRequest, Me, ServerEvent } from '../../src/chat-socket/wire.ts'
import { openPages } from '../../src/web/pages.ts'
import type { Answer } from './fake-site.ts'
import { CHANNEL_ID, channel, STREAM_ID, stream } from './fake-site.ts'

export const guest: Me = {
  ...{ username: 'guest_1a2b3c', badges: [], isModerator: false, timedOutUntil: null, isGuest: true },
}
export const viewer: Me = { ...guest, username: 'grace', isGuest: false }
export const owner: Me = { ...viewer, username: 'ada', badges: ['owner'], isModerator: true }

const people = ['linus', 'margaret', 'alan', 'katherine', 'dennis', 'barbara', 'edsger', 'radia']

/** Version 7, and the same for the same number. */
export function messageId(number: number): string {
  return `0199c0de-0000-7000-8000-${String(number).padStart(12, '0')}`
}

export function message(number: number, text = `This is message ${number}`, rest: Partial<ChatMessage> = {}) {
  const username = people[number % people.length]!
  const author = { id: messageId(900_000_000 + (number % people.length)), username, badges: [] }
  return {
    ...{ id: messageId(number), author, text, sentAt: new Date().toISOString(), replyTo: null },
    ...{ mentions: [], emotes: [], ...rest },
  } satisfies ChatMessage
}

export class ChatSite {
  readonly url: string
  readonly calls: { readonly name: string; readonly input: Record<string, unknown> }[] = []
  /** What the browsers sent over the chat. */
  readonly requests: ClientRequest[] = []
  me: Me = viewer
  settings = {
    slowModeSeconds: 0,
    followersOnlyMinutes: null as number | null,
    isSignedInOnly: true,
    links: 'allow',
  }
  history: ChatMessage[] = []
  answers: Record<string, Answer> = {}
  /** What comes of something that is sent; otherwise it is said by `me`. */
  onSend: ((request: ClientRequest & { type: 'send' }) => object | undefined) | undefined
  seq = 0
  readonly #server: Server<undefined>
  readonly #sockets = new Set<ServerWebSocket<undefined>>()

  private constructor(pages: (request: Request) => Promise<Response>) {
    this.#server = Bun.serve<undefined>({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, server) => {
        const { pathname } = new URL(request.url)
        if (request.headers.get('upgrade') === 'websocket')
          return server.upgrade(request) ? undefined : new Response(null, { status: 400 })
        return pathname.startsWith('/trpc/') ? this.#answer(request) : pages(request)
      },
      websocket: {
        open: socket => this.#open(socket),
        message: (socket, text) => this.#hear(socket, JSON.parse(String(text)) as ClientRequest),
        close: socket => void this.#sockets.delete(socket),
      },
    })
    this.url = `http://127.0.0.1:${this.#server.port}`
  }

  static async open(): Promise<ChatSite> {
    const { plugin } = await openPages()
    return new ChatSite(async request => plugin.handle(request))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  /** To everybody, in one frame. */
  tell(...events: readonly object[]): void {
    const frame = events.map(event => JSON.stringify(event)).join('\n')
    for (const socket of this.#sockets) socket.send(frame)
  }

  say(...messages: readonly ChatMessage[]): void {
    this.tell(...messages.map(each => ({ type: 'message', seq: ++this.seq, message: each })))
  }

  /** Loses all connections. */
  drop(code = 1012): void {
    for (const socket of this.#sockets) socket.close(code)
  }

  #open(socket: ServerWebSocket<undefined>): void {
    this.#sockets.add(socket)
    const { me, seq } = this
    const settings = this.settings as Extract<ServerEvent, { type: 'hello' }>['settings']
    const hello: ServerEvent = { type: 'hello', version: 1, slug: 'ada', seq, me, settings }
    socket.send(JSON.stringify(hello))
  }

  #hear(socket: ServerWebSocket<undefined>, request: ClientRequest): void {
    this.requests.push(request)
    if (request.type !== 'send') return
    const answer = this.onSend?.(request)
    if (answer) return void socket.send(JSON.stringify({ ref: request.ref, ...answer }))
    const id = messageId(500_000 + this.requests.length)
    const author = { id: messageId(999_999_999), username: this.me.username, badges: this.me.badges }
    socket.send(JSON.stringify({ type: 'ok', ref: request.ref, id }))
    const answered = this.history.find(each => each.id === request.replyTo)
    const replyTo = answered && { id: answered.id, username: answered.author.username, text: answered.text }
    this.say(message(0, request.text, { id, author, replyTo: replyTo ?? null }))
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const name = url.pathname.slice('/trpc/'.length)
    const sent = request.method === 'POST' ? await request.text() : url.searchParams.get('input')
    const input = (sent ? JSON.parse(sent) : {}) as Record<string, unknown>
    this.calls.push({ name, input })
    const value = (this.answers[name] ?? defaults[name])?.(input) ?? this.#own(name, input) ?? null
    return Response.json({ result: { data: value } })
  }

  #own(name: string, { cursor, limit }: Record<string, unknown>): unknown {
    if (name !== 'chat.history') return undefined
    const end = cursor === undefined ? this.history.length : Number(cursor)
    const start = Math.max(0, end - Number(limit ?? 50))
    const items = this.history.slice(start, end).reverse()
    return { items, seq: this.seq, ...(start > 0 && { nextCursor: String(start) }) }
  }
}

const shown = { followerCount: 1_204, isFollowing: false }
const defaults: Record<string, Answer> = {
  'channels.get': () => ({ ...channel(true), ...shown }),
  'streams.get': () => ({ ...stream('ada', 'Analytical evenings', 412), likes: 87, isLiked: false }),
  'playback.sources': () => ({ isLive: false, streamId: STREAM_ID }),
  'playback.clock': () => ({ now: Date.now() }),
  'chat.chatters': () => ({ count: 3, names: ['linus', 'radia'] }),
  'chat.emotes.list': () => ({ items: [] }),
  'chat.held.list': () => ({ items: [] }),
  'channels.follow': () => ({ ...channel(true), ...shown, id: CHANNEL_ID, isFollowing: true }),
}
