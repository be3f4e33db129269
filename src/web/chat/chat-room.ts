/** A room as its panel shows it: what the connection tells, gathered so that the page changes once for each frame. */
import type { ChatClient, ChatEvents } from '../../client/index.ts'
import { type ChatMessage, type Entry, type LogEvent, MessageLog } from './message-log.ts'

export type RoomClient = Pick<
  ChatClient,
  'on' | 'send' | 'react' | 'close' | 'state' | 'refusal' | 'me' | 'settings'
>
export type Reactions = Readonly<Record<string, number>>
export type HeldMessage = Pick<ChatEvents['held'], 'message' | 'reason'>

/** Oldest first. `cursor`: asks for what is older still. */
export interface HistoryPage {
  readonly messages: readonly ChatMessage[]
  readonly cursor: string | undefined
}

export interface RoomState {
  readonly connection: RoomClient['state']
  readonly refusal: RoomClient['refusal']
  readonly me: RoomClient['me']
  readonly settings: RoomClient['settings']
  readonly entries: readonly Entry[]
  /** False until what was said before has come. */
  readonly isLoaded: boolean
  readonly hasOlder: boolean
  /** Messages that came while somebody reads further up. */
  readonly unread: number
  readonly viewers: number | undefined
  readonly chatters: number | undefined
  /** What the server says of its own state; undefined: all is well. */
  readonly notice: string | undefined
  readonly held: readonly HeldMessage[]
  readonly likes: number | undefined
}

export interface ChatRoomOptions {
  readonly client: RoomClient
  readonly history: (cursor: string | undefined) => Promise<HistoryPage>
  /** Who is here when one comes; later ones are told. */
  readonly chatters: () => Promise<{ readonly count: number; readonly names: readonly string[] }>
  /** For moderators: what waits for review. */
  readonly held: () => Promise<readonly HeldMessage[]>
}

const MAX_NAMES = 500
const MAX_HELD = 100
const MAX_PENDING = 2_000
/** A hidden page has no frames. */
const HIDDEN_MS = 500

export class ChatRoom {
  readonly client: RoomClient
  readonly #options: ChatRoomOptions
  readonly #log = new MessageLog()
  readonly #listeners = new Set<() => void>()
  readonly #reactionListeners = new Set<(reactions: Reactions) => void>()
  readonly #names = new Map<string, string>()
  #pending: LogEvent[] = []
  #frame: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #cursor: string | undefined
  #reading: Promise<void> | undefined
  #isReading = false
  #isClosed = false
  #state: RoomState

  constructor(options: ChatRoomOptions) {
    const { client } = options
    this.client = client
    this.#options = options
    this.#state = {
      ...{ connection: client.state, refusal: client.refusal, me: client.me, settings: client.settings },
      ...{ entries: [], isLoaded: false, hasOlder: false, unread: 0, held: [] },
      ...{ viewers: undefined, chatters: undefined, notice: undefined, likes: undefined },
    }
    this.#listen()
  }

  get state(): RoomState {
    return this.#state
  }

  /** Who is here or spoke lately, the latest first. */
  get names(): string[] {
    return [...this.#names.values()].reverse()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What floats over the picture. */
  onReactions(listener: (reactions: Reactions) => void): () => void {
    this.#reactionListeners.add(listener)
    return () => this.#reactionListeners.delete(listener)
  }

  /** Somebody reads further up, or has come back to the newest. */
  setReading(isReading: boolean): void {
    if (this.#isReading === isReading) return
    this.#isReading = isReading
    this.#log.apply([], isReading)
    this.#change({ entries: this.#log.entries, unread: 0 })
  }

  /** A line that only this page shows. */
  note(text: string): void {
    this.#log.note(text)
    this.#change({ entries: this.#log.entries })
  }

  /** Reads what is older than the oldest; one at a time. */
  async readOlder(): Promise<void> {
    if (!this.#state.hasOlder || this.#reading) return this.#reading
    this.#reading = this.#readPage(this.#cursor)
    await this.#reading
    this.#reading = undefined
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.client.close()
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    clearTimeout(this.#timer)
    this.#listeners.clear()
    this.#reactionListeners.clear()
  }

  #listen(): void {
    const { client } = this
    for (const type of ['message', 'deleted', 'expelled', 'cleared'] as const)
      client.on(type, event => this.#queue(event))
    client.on('hello', ({ me, settings }) => {
      this.#change({ me, settings })
      if (!this.#state.isLoaded) void this.#restart()
      void this.#readChatters()
      if (me.isModerator) void this.#readHeld()
    })
    client.on('gap', () => void this.#restart())
    client.on('me', ({ me }) => this.#change({ me }))
    client.on('settings', ({ settings }) => this.#change({ settings }))
    client.on('state', connection => this.#change({ connection, refusal: client.refusal }))
    client.on('notice', ({ code, text }) => this.#change({ notice: code === 'restored' ? undefined : text }))
    client.on('presence', event => this.#count(event))
    client.on('reactions', ({ counts, likes }) => {
      this.#change({ likes })
      for (const listener of this.#reactionListeners) listener(counts)
    })
    client.on('held', ({ message, reason }) => this.#hold({ message, reason }))
    client.on('reviewed', ({ id }) =>
      this.#change({ held: this.#state.held.filter(({ message }) => message.id !== id) }),
    )
  }

  #queue(event: LogEvent): void {
    if (this.#pending.length >= MAX_PENDING) this.#flush()
    // Before the history has come nothing is shown: it holds the oldest of these itself.
    if (this.#pending.length >= MAX_PENDING) this.#pending.shift()
    this.#pending.push(event)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#frame !== undefined || this.#timer !== undefined) return
    const run = () => {
      this.#frame = undefined
      this.#timer = undefined
      this.#flush()
    }
    if (document.hidden) this.#timer = setTimeout(run, HIDDEN_MS)
    else this.#frame = requestAnimationFrame(run)
  }

  #flush(): void {
    if (!this.#state.isLoaded || this.#isClosed) return
    const events = this.#pending
    this.#pending = []
    const added = this.#log.apply(events, this.#isReading)
    for (const event of events) if (event.type === 'message') this.#know(event.message.author.username)
    const unread = this.#isReading ? this.#state.unread + added : 0
    this.#change({ entries: this.#log.entries, unread })
  }

  /** What comes meanwhile waits, and is applied to what was read. */
  async #restart(): Promise<void> {
    this.#change({ isLoaded: false })
    const page = await this.#options.history(undefined).catch(() => undefined)
    if (this.#isClosed) return
    if (page) {
      this.#log.reset(page.messages)
      for (const { author } of page.messages) this.#know(author.username)
      this.#cursor = page.cursor
    }
    this.#change({ isLoaded: true, hasOlder: this.#cursor !== undefined, entries: this.#log.entries })
    this.#flush()
  }

  async #readPage(cursor: string | undefined): Promise<void> {
    const page = await this.#options.history(cursor).catch(() => undefined)
    if (!page || this.#isClosed) return
    this.#log.prepend(page.messages)
    this.#cursor = page.cursor
    const hasOlder = page.cursor !== undefined && !this.#log.isFull
    this.#change({ entries: this.#log.entries, hasOlder })
  }

  async #readChatters(): Promise<void> {
    const here = await this.#options.chatters().catch(() => undefined)
    if (!here || this.#isClosed) return
    // Those who spoke are the likelier ones to be answered.
    const spoke = [...this.#names.keys()]
    for (const name of [...here.names, ...spoke]) this.#know(name)
    this.#change({ chatters: this.#state.chatters ?? here.count })
  }

  async #readHeld(): Promise<void> {
    const held = await this.#options.held().catch(() => undefined)
    if (held && !this.#isClosed) this.#change({ held: held.slice(-MAX_HELD) })
  }

  #hold(held: HeldMessage): void {
    const others = this.#state.held.filter(({ message }) => message.id !== held.message.id)
    this.#change({ held: [...others, held].slice(-MAX_HELD) })
  }

  #count({ viewers, chatters, joined, left }: ChatEvents['presence']): void {
    for (const name of left) this.#names.delete(name)
    for (const name of joined) this.#know(name)
    this.#change({ viewers, chatters })
  }

  #know(name: string): void {
    this.#names.delete(name)
    this.#names.set(name, name)
    const [oldest] = this.#names.keys()
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest)
  }

  #change(changes: Partial<RoomState>): void {
    if (this.#isClosed) return
    this.#state = { ...this.#state, ...changes }
    for (const listener of this.#listeners) listener()
  }
}
