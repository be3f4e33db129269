/** One reader's way through a room's events: those it missed, then those that come, each once and in order. */
import { AppError } from '../errors.ts'
import {
  type AuthorKey,
  type Chatter,
  type Expulsion,
  isAuthor,
  type Room,
  type RoomListener,
} from './chat.ts'
import type { ChatMessage, LoggedEvent, ModeratorEvent, RoomEvent } from './events.ts'
import { expelledBy } from './expulsion.ts'

/** More than that is not told again: the reader re-reads the history. */
const MAX_MISSED = 500
/** What waits for a reader that takes nothing. */
const MAX_QUEUED = 1_000

export interface FeedItem {
  /** The place that the reader has come to: it resumes after it. */
  readonly seq: number
  readonly event: RoomEvent | ModeratorEvent
  /** Only its author is told. */
  readonly isOwn?: true
}

/** Why a feed has ended, other than by its reader. */
export type FeedEnd =
  | { readonly cause: 'too_slow' }
  | { readonly cause: 'expelled'; readonly error: AppError }

export interface RoomFeedOptions {
  /** Held by the feed, and released with it. */
  readonly room: Room
  readonly chatter: Chatter
  /** Whether they are told what only owners and moderators are, until that changes. */
  readonly isModerator: boolean
  /** Undefined: nothing was missed. */
  readonly after: number | undefined
  /** Its end ends the feed. */
  readonly signal: AbortSignal | undefined
  /** Told once, however it ends; why, if not by its reader. */
  readonly onClosed?: (end: FeedEnd | undefined) => void
}

export class RoomFeed implements RoomListener {
  readonly #options: RoomFeedOptions
  readonly #stop: () => void
  #queue: FeedItem[] = []
  /** The last place that was queued. */
  #seq: number
  #wake: (() => void) | undefined
  #end: FeedEnd | 'closed' | undefined
  #isModerator: boolean
  #isClosed = false

  private constructor(options: RoomFeedOptions) {
    const { room, after, signal } = options
    this.#options = options
    this.#isModerator = options.isModerator
    this.#seq = after ?? room.seq
    this.#stop = room.listen(this)
    signal?.addEventListener('abort', this.#abort, { once: true })
  }

  /** Begins with the room's settings, whose `seq` is where a reader resumes that has seen nothing else. */
  static async open(options: RoomFeedOptions): Promise<RoomFeed> {
    const { room, after, signal } = options
    const seq = after ?? room.seq
    const feed = new RoomFeed(options)
    try {
      if (after !== undefined) await feed.#catchUp(after)
      feed.#queue.unshift({ seq, event: { type: 'settings', settings: room.settings } })
      if (signal?.aborted) feed.close()
      return feed
    } catch (error) {
      feed.close()
      throw error
    }
  }

  /** Why it ended, if not by its reader. */
  get end(): FeedEnd | undefined {
    return this.#end === 'closed' ? undefined : this.#end
  }

  onEvents(events: readonly RoomEvent[]): void {
    if (this.#end) return
    for (const event of events) this.#add(event)
    if (this.#queue.length > MAX_QUEUED) this.#finish({ cause: 'too_slow' })
    this.#wake?.()
  }

  onHidden(message: ChatMessage, author: AuthorKey): void {
    if (this.#end || !isAuthor(author, this.#options.chatter)) return
    this.#own(message)
    this.#wake?.()
  }

  onModeratorEvent(event: ModeratorEvent): void {
    if (this.#end || !this.#isModerator) return
    this.#queue.push({ seq: this.#seq, event })
    this.#wake?.()
  }

  async onStandingChanged(accountId?: string): Promise<void> {
    const { room, chatter } = this.#options
    if (accountId !== undefined && chatter.account?.id !== accountId) return
    const standing = await room.enter(chatter).catch(error => this.#shutOut(error))
    this.#isModerator = standing?.isModerator ?? false
  }

  onExpelled(expulsion: Expulsion): void {
    if (expelledBy(expulsion)(this.#options.chatter))
      this.#finish({ cause: 'expelled', error: banned(expulsion.reason) })
  }

  /** The next one; undefined: there is none any more, and `end` says why. One call at a time. */
  async next(): Promise<FeedItem | undefined> {
    while (!this.#end) {
      const item = this.#queue.shift()
      if (item) return item
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
      this.#wake = undefined
    }
    return undefined
  }

  /** Idempotent. */
  close(): void {
    this.#finish('closed')
  }

  /** The room may be away for a moment; that is no reason to leave. */
  #shutOut(error: unknown): undefined {
    if (error instanceof AppError && error.kind === 'FORBIDDEN') this.#finish({ cause: 'expelled', error })
  }

  readonly #abort = (): void => this.close()

  /** What was heard while reading is not lost, and what was read and heard is told once. */
  async #catchUp(after: number): Promise<void> {
    const { events, isGap } = await this.#options.room.read(after, MAX_MISSED)
    const heard = this.#queue
    this.#queue = []
    this.#seq = after
    if (isGap) this.#queue.push({ seq: after, event: gap })
    for (const event of events) this.#add(event)
    for (const { event, isOwn } of heard)
      if (isOwn && event.type === 'message') this.#own(event.message)
      else this.#add(event)
  }

  #add(event: RoomEvent | ModeratorEvent): void {
    if (isLogged(event)) {
      if (event.seq <= this.#seq) return
      this.#seq = event.seq
    }
    this.#queue.push({ seq: this.#seq, event })
  }

  /** It has no place of its own: it is told with that of what came before it. */
  #own(message: ChatMessage): void {
    const seq = this.#seq
    this.#queue.push({ seq, event: { seq, type: 'message', message }, isOwn: true })
  }

  #finish(end: FeedEnd | 'closed'): void {
    this.#end ??= end
    this.#queue = []
    this.#wake?.()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stop()
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#options.room.release()
    this.#options.onClosed?.(this.end)
  }
}

function banned(message: string): AppError {
  return new AppError('FORBIDDEN', 'chat_banned', message)
}

const gap = {
  type: 'notice',
  code: 'gap',
  text: 'More was said in between than is told again. Read the history.',
} as const

function isLogged(event: RoomEvent | ModeratorEvent): event is LoggedEvent {
  return 'seq' in event
}
