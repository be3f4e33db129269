/** A room's one order on this instance: what is written to it, told from it, and read back. */
import { AppError } from '../errors.ts'
import { type AuthorKey, type Chatter, isAuthor } from './chat.ts'
import type { Composer } from './composer.ts'
import { Delivery } from './delivery.ts'
import { messageNotFound } from './effects.ts'
import type { ChatMessage, LoggedEvent } from './events.ts'
import { isId } from './ids.ts'
import { LogWriter } from './log-writer.ts'
import { Recent } from './recent.ts'
import type { PageRequest } from './records.ts'
import { asEvent, type ChatRepository, type NewAction, type NewMessage, type RoomRow } from './repository.ts'

const READ_LIMIT = 500
/** Kept from the start, for those who come back after this process was started anew. */
const PRELOADED = 200

export interface RoomLogOptions {
  readonly channelId: string
  readonly repository: ChatRepository
  readonly composer: Composer
  /** Messages of before this are shown no more, in milliseconds since the epoch. */
  readonly keptSince: () => number
  /** In order, each once. */
  readonly tell: (events: readonly LoggedEvent[]) => void
  /** What this instance has stored: others are to hear it. */
  readonly publish: (events: readonly LoggedEvent[]) => void
  readonly onError: (error: unknown) => void
}

export interface History {
  /** Newest first. */
  readonly items: ChatMessage[]
  readonly nextCursor?: string
  /** What comes after this place is not in `items` of the first page: `Room.read` has it. */
  readonly seq: number
}

export class RoomLog {
  readonly #options: RoomLogOptions
  readonly #recent: Recent
  readonly #delivery: Delivery
  readonly #writer: LogWriter<ChatMessage>
  /** Nothing up to here is shown any more. */
  #clearedSeq: number

  private constructor(
    options: RoomLogOptions,
    start: { head: number; clearedSeq: number; events: LoggedEvent[] },
  ) {
    this.#options = options
    this.#clearedSeq = start.clearedSeq
    const [first] = start.events
    this.#recent = new Recent(start.events.length < PRELOADED || !first ? 0 : first.seq - 1)
    this.#recent.add(start.events)
    this.#delivery = new Delivery({
      seq: start.head,
      read: after => this.#readNext(after),
      tell: events => this.#tell(events),
      onError: options.onError,
    })
    this.#writer = new LogWriter({
      append: messages => options.repository.append(options.channelId, messages),
      onStored: group =>
        this.#spread(group.map(({ seq, what }) => ({ seq, type: 'message', message: what }) as const)),
    })
  }

  static async open(options: RoomLogOptions, stored: { seq: number; clearedSeq: number }): Promise<RoomLog> {
    const since = options.keptSince()
    const range = { after: 0, head: stored.seq, limit: PRELOADED, isFromEnd: true, since }
    const events = await readEvents(options, range, stored.clearedSeq)
    return new RoomLog(options, { head: stored.seq, clearedSeq: stored.clearedSeq, events })
  }

  /** The place of the last event that was told. */
  get seq(): number {
    return this.#delivery.seq
  }

  /** Stores a message, together with those that come at the same time. Throws `AppError` LIMIT (`busy`). */
  async write(stored: NewMessage, shown: ChatMessage): Promise<LoggedEvent & { type: 'message' }> {
    const seq = await this.#writer.write(stored, shown)
    return { seq, type: 'message', message: shown }
  }

  /** Stores an action with its effects; `shown`: the held message that gets its place by it. */
  async act(action: NewAction, shown?: ChatMessage): Promise<void> {
    const { channelId, repository } = this.#options
    const seq = await repository.act(channelId, action)
    if (shown) this.#spread([{ seq, type: 'message', message: shown }])
    else if (action.isPlaced) this.#spread([asEvent({ ...placedOf(action), seq })])
  }

  /** Events that another instance has stored. */
  accept(events: readonly LoggedEvent[]): void {
    this.#delivery.accept(events)
  }

  /** What is stored up to `head` is read if it has not come. */
  async catchUp(stored: { seq: number; clearedSeq: number }): Promise<void> {
    this.#clearedSeq = Math.max(this.#clearedSeq, stored.clearedSeq)
    await this.#delivery.catchUp(stored.seq)
  }

  /** The events after `seq`, oldest first; `isGap`: there were more than `limit`, and these are the last. */
  async read(after: number, limit: number): Promise<{ events: LoggedEvent[]; isGap: boolean }> {
    const since = this.#options.keptSince()
    const recent = this.#recent.after(after, limit, since)
    if (recent) return recent
    const range = { after, head: this.seq, limit: limit + 1, isFromEnd: true, since }
    const events = await readEvents(this.#options, range, this.#clearedSeq)
    return { events: events.slice(-limit), isGap: events.length > limit }
  }

  /** Throws `AppError` INVALID (`cursor_invalid`). */
  async history({ limit, cursor }: PageRequest): Promise<History> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
      throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
    const { channelId, repository, composer, keptSince } = this.#options
    const { seq } = this
    const since = keptSince()
    const recent = cursor === undefined ? this.#recent.newest(limit, since) : undefined
    if (recent) return { items: recent.items, seq, ...(recent.next && { nextCursor: String(recent.next) }) }
    const range = {
      before: cursor === undefined ? seq + 1 : Number(cursor),
      after: this.#clearedSeq,
      limit: limit + 1,
      since,
    }
    const rows = await repository.listVisible(channelId, range)
    const items = await composer.show(rows.slice(0, limit))
    const last = rows.length > limit ? rows[limit - 1]?.seq : undefined
    return { items, seq, ...(last && { nextCursor: String(last) }) }
  }

  /** A message that everybody sees, or `reader` alone. Throws `AppError` NOT_FOUND (`message_not_found`). */
  async getVisible(id: string, reader: Chatter): Promise<{ message: ChatMessage; isHidden: boolean }> {
    const since = this.#options.keptSince()
    const recent = this.#recent.find(id, since)
    if (recent) return { message: recent, isHidden: false }
    const stored = isId(id) ? await this.#find(id) : undefined
    const isHidden = stored?.status === 'hidden' && isAuthor(keyOf(stored), reader)
    const isVisible = stored?.status === 'visible' && (stored.seq ?? 0) > this.#clearedSeq
    if (!stored || !(isVisible || isHidden) || stored.sentAt.getTime() < since) throw messageNotFound()
    const [message] = await this.#options.composer.show([stored])
    return { message: message!, isHidden }
  }

  close(): void {
    this.#delivery.close()
  }

  #find(id: string) {
    return this.#options.repository.findMessage(this.#options.channelId, id)
  }

  /** What was just stored is told here at once, and to the others. */
  #spread(events: readonly LoggedEvent[]): void {
    this.#delivery.accept(events)
    this.#options.publish(events)
  }

  #tell(events: readonly LoggedEvent[]): void {
    this.#recent.add(events)
    for (const event of events) if (event.type === 'cleared') this.#clearedSeq = event.seq
    this.#options.tell(events)
  }

  async #readNext(after: number): Promise<{ events: LoggedEvent[]; through: number }> {
    const { channelId, repository } = this.#options
    // First the end, then what is before it: all of that is there.
    const { seq: head } = await repository.findRoom(channelId)
    const events = await readEvents(this.#options, {
      ...{ after, head, limit: READ_LIMIT, since: Number.NEGATIVE_INFINITY },
    })
    return { events, through: events.length === READ_LIMIT ? events.at(-1)!.seq : head }
  }
}

/** Who wrote it. */
export function keyOf({ accountId, address }: NewMessage): AuthorKey {
  return accountId === null ? { address } : { accountId }
}

function placedOf(action: NewAction) {
  const { action: name, targetId = null, targetName = null, messageId = null, details = {} } = action
  return { action: name, targetId, targetName, messageId, details }
}

/** Visible messages and placed actions in one order; at most `limit`, of the range's end when it says so. */
async function readEvents(
  { channelId, repository, composer }: Pick<RoomLogOptions, 'channelId' | 'repository' | 'composer'>,
  range: { after: number; head: number; limit: number; isFromEnd?: boolean; since: number },
  clearedSeq = 0,
): Promise<LoggedEvent[]> {
  const { messages, actions } = await repository.readPlaced(channelId, range)
  const visible = messages.filter(
    ({ seq, sentAt }) => (seq ?? 0) > clearedSeq && sentAt.getTime() >= range.since,
  )
  const shown = await composer.show(visible)
  const events: LoggedEvent[] = [
    ...shown.map((message, index) => ({ seq: visible[index]!.seq!, type: 'message' as const, message })),
    ...actions.map(asEvent),
  ].sort((a, b) => a.seq - b.seq)
  return range.isFromEnd ? events.slice(-range.limit) : events.slice(0, range.limit)
}

/** Where a room's order ends, and up to where nothing of it is shown any more. */
export function placesOf({ seq, settings }: RoomRow): { seq: number; clearedSeq: number } {
  const { clearedSeq } = settings
  return { seq, clearedSeq: typeof clearedSeq === 'number' ? clearedSeq : 0 }
}
