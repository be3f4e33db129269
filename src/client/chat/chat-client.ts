/** A channel's chat as a frontend holds it: one connection that comes back by itself and misses nothing. */
import type { PublicSettings } from '../../chat/events.ts'
import type { ClientRequest, Me, ServerEvent } from '../../chat-socket/wire.ts'
import { ChatLink } from './chat-link.ts'
import { ChatError, ChatRequests, type Sent } from './chat-requests.ts'

export interface ChatOptions {
  /** Where Sluice is: `https://live.example.org`. */
  readonly url: string
  readonly slug: string
  /**
   * A fresh ticket (`chat.ticket`) for each connection: what pages of other origins and programs join by. Sluice's own
   * pages have a session cookie. Undefined: by cookie, or as a guest.
   */
  readonly ticket?: () => Promise<string | undefined>
  /** Resumes after this event instead of starting now. */
  readonly after?: number
  readonly createSocket?: (url: string) => WebSocket
  /** Milliseconds until the first attempt to come back, at most; each further one may wait twice as long. */
  readonly retryMs?: number
}

/** `closed`: by `close()`, or because coming back is of no use: see `refusal`. */
export type ChatState = 'connecting' | 'open' | 'reconnecting' | 'closed'
export type ChatRefusal = 'banned' | 'no_channel' | 'members_only'

/** What can be listened to. On `gap` more was missed than is told: read the history again. */
export type ChatEvents = {
  readonly [T in Exclude<ServerEvent['type'], 'ok' | 'error' | 'pong'>]: Extract<ServerEvent, { type: T }>
} & { readonly state: ChatState }

type PlacedEvent = Extract<ServerEvent, { seq: number; type: 'message' | 'deleted' | 'expelled' | 'cleared' }>

const RETRY_MS = 1_000
/** Faster than that nobody can tell them apart. */
const REACTION_PAUSE_MS = 200
const refusals: Readonly<Record<number, ChatRefusal>> = {
  4001: 'banned',
  4004: 'no_channel',
  4005: 'members_only',
}

/** Connects at once. */
export function createChat(options: ChatOptions): ChatClient {
  return new ChatClient(options)
}

export class ChatClient {
  readonly #options: ChatOptions
  readonly #link: ChatLink
  readonly #requests: ChatRequests
  readonly #listeners = new Map<string, Set<(event: never) => void>>()
  #state: ChatState = 'connecting'
  #refusal: ChatRefusal | undefined
  #me: Me | undefined
  #settings: PublicSettings | undefined
  #seq: number | undefined
  /** How far this connection's server has told; it may be behind the one before. */
  #toldSeq = 0
  #reactedAt = Number.NEGATIVE_INFINITY

  constructor(options: ChatOptions) {
    this.#options = options
    this.#seq = options.after
    this.#requests = new ChatRequests(request => this.#transmit(request))
    this.#link = new ChatLink({
      address: () => this.#address(),
      createSocket: options.createSocket ?? (url => new WebSocket(url)),
      retryMs: options.retryMs ?? RETRY_MS,
      onFrame: frame => this.#receive(frame),
      onLost: code => this.#lost(code),
      ping: JSON.stringify({ type: 'ping' } satisfies ClientRequest),
    })
  }

  get state(): ChatState {
    return this.#state
  }

  /** Why it is closed, if not by `close()`. */
  get refusal(): ChatRefusal | undefined {
    return this.#refusal
  }

  /** Who the server says this is; undefined before the first connection. */
  get me(): Me | undefined {
    return this.#me
  }

  get settings(): PublicSettings | undefined {
    return this.#settings
  }

  /** The place of the last event. */
  get seq(): number | undefined {
    return this.#seq
  }

  /** Calls `listener` for each event of a type, in order; returns what ends that. */
  on<T extends keyof ChatEvents>(type: T, listener: (event: ChatEvents[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener as (event: never) => void))
    return () => void listeners.delete(listener as (event: never) => void)
  }

  /**
   * Says something, or carries out a command. Rejects with `ChatError`, whose reasons are the server's (`chat_slow_mode`)
   * and: `disconnected` (when it was under way, events tell whether it was said), `busy` (too many wait), `timeout`.
   */
  send(text: string, options: { readonly replyTo?: string } = {}): Promise<Sent> {
    if (this.#state === 'open') return this.#requests.send(text, options.replyTo)
    return Promise.reject(new ChatError('disconnected', 'The chat is not connected.'))
  }

  /** More than five a second are left out. */
  react(reaction: string): void {
    const now = performance.now()
    if (this.#state !== 'open' || now - this.#reactedAt < REACTION_PAUSE_MS) return
    this.#reactedAt = now
    this.#transmit({ type: 'react', ref: null, reaction })
  }

  /** Idempotent. */
  close(): void {
    this.#link.close()
    this.#requests.rejectAll()
    this.#become('closed')
  }

  async #address(): Promise<string> {
    const { url, slug, ticket } = this.#options
    const address = new URL(`/chat/${encodeURIComponent(slug)}`, url)
    address.protocol = address.protocol.replace('http', 'ws')
    if (this.#seq !== undefined) address.searchParams.set('after', String(this.#seq))
    const pass = await ticket?.()
    if (pass !== undefined) address.searchParams.set('ticket', pass)
    return address.href
  }

  #transmit(request: ClientRequest): void {
    this.#link.send(JSON.stringify(request))
  }

  #receive(frame: string): void {
    for (const line of frame.split('\n')) {
      if (this.#state === 'closed') return
      this.#take(JSON.parse(line) as ServerEvent)
    }
  }

  #take(event: ServerEvent): void {
    switch (event.type) {
      case 'pong':
        return
      case 'ok':
      case 'error':
        return this.#requests.settle(event)
      case 'hello':
        return this.#greet(event)
      case 'message':
      case 'deleted':
      case 'expelled':
      case 'cleared':
        return this.#place(event)
      case 'gap':
        this.#seq = this.#toldSeq
        break
      case 'me':
        this.#me = event.me
        break
      case 'settings':
        this.#settings = event.settings
        break
    }
    this.#emit(event.type, event as never)
  }

  #greet(hello: ChatEvents['hello']): void {
    this.#link.succeeded()
    this.#me = hello.me
    this.#settings = hello.settings
    this.#toldSeq = hello.seq
    this.#seq ??= hello.seq
    this.#emit('hello', hello)
    this.#become('open')
  }

  /**
   * A server that is behind the one before tells some events again: those are left out. A message that only its author is
   * shown has the place of what was told before it.
   */
  #place(event: PlacedEvent): void {
    const isAgain = event.seq > this.#toldSeq
    this.#toldSeq = Math.max(this.#toldSeq, event.seq)
    if (event.seq <= (this.#seq ?? 0) && (isAgain || event.type !== 'message')) return
    this.#seq = Math.max(this.#seq ?? 0, event.seq)
    this.#emit(event.type, event as never)
  }

  #lost(code: number | undefined): boolean {
    this.#requests.rejectAll()
    this.#refusal = code === undefined ? undefined : refusals[code]
    this.#become(this.#refusal ? 'closed' : 'reconnecting')
    return this.#refusal === undefined
  }

  #become(state: ChatState): void {
    if (this.#state === state) return
    this.#state = state
    this.#emit('state', state)
  }

  #emit<T extends keyof ChatEvents>(type: T, event: ChatEvents[T]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])])
      (listener as (event: ChatEvents[T]) => void)(event)
  }
}
