/** Hides the SQL of what is said and done in rooms, and how both get their place in a room's one order. */
import { and, asc, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import { chatActions, chatMessages, chatRooms } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { accounts, channels } from '../db/schema.ts'
import type { AuthorKey } from './chat.ts'
import { perform } from './effects.ts'
import type { LoggedEvent } from './events.ts'
import { isWrittenBy, selectMessages } from './select-messages.ts'
import {
  type NewAction,
  type NewMessage,
  NO_ROOM,
  type PlacedAction,
  type RoomRow,
  type StoredMessage,
} from './stored.ts'

export type { NewAction, NewMessage, PlacedAction, RoomRow, StoredMessage } from './stored.ts'

export class ChatRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Gives the messages the next places and stores them, all or none. Answers the place of the first. Those who append
   * to one room wait for each other, so places become visible in their order.
   */
  async append(channelId: string, messages: readonly NewMessage[]): Promise<number> {
    const rows = JSON.stringify(messages.map((message, place) => asJson(message, place)))
    const count = messages.length
    const result = await this.#db.execute(sql`
      with room as (${raise(channelId, count)}),
      stored as (
        insert into chat_messages
          (id, channel_id, seq, stream_id, account_id, author_name, badges, address, text, reply_to, emotes, status, sent_at)
        select m.id, ${channelId}::uuid, room.seq - ${count}::int + m.place + 1, m.stream_id, m.account_id, m.author_name,
          m.badges, m.address, m.text, m.reply_to, m.emotes, 'visible', m.sent_at
        from room, jsonb_to_recordset(${rows}::text::jsonb) as m (
          id uuid, place int, stream_id uuid, account_id uuid, author_name text, badges jsonb, address text, text text,
          reply_to uuid, emotes jsonb, sent_at timestamptz)
      )
      select seq from room`)
    return seqOf(result) - count + 1
  }

  /** Stores a message that has no place: one that is held, or one that only its author sees. */
  async insertUnplaced(channelId: string, message: NewMessage, status: 'held' | 'hidden', reason?: string) {
    await this.#db.transaction(async tx => {
      const { badges, emotes, ...rest } = message
      await tx
        .insert(chatMessages)
        .values({ ...rest, badges: [...badges], emotes: [...emotes], channelId, status })
      if (status === 'hidden') return
      await tx.insert(chatActions).values({
        ...{ id: Bun.randomUUIDv7(), channelId, action: 'hold', messageId: message.id, reason },
        ...{ targetId: message.accountId, targetName: message.authorName, actedAt: message.sentAt },
      })
    })
  }

  /**
   * Logs what was done, with its effects, at once or not at all. Answers the place of what the room is to be told: the
   * action, or the message that it shows. Throws what `perform` throws.
   */
  async act(channelId: string, action: NewAction): Promise<number> {
    const { isPlaced, effects, details = {}, ...row } = action
    const places = isPlaced || effects.some(effect => effect.type === 'show') ? 1 : 0
    return this.#db.transaction(async tx => {
      const seq = seqOf(await tx.execute(raise(channelId, places)))
      for (const effect of effects) await perform(tx, channelId, effect, seq)
      await tx
        .insert(chatActions)
        .values({ ...row, id: Bun.randomUUIDv7(), channelId, seq: isPlaced ? seq : null, details })
      return seq
    })
  }

  async findRoom(channelId: string): Promise<RoomRow> {
    return (await this.findRooms([channelId])).get(channelId) ?? NO_ROOM
  }

  async findRooms(channelIds: readonly string[]): Promise<Map<string, RoomRow>> {
    if (channelIds.length === 0) return new Map()
    const rows = await this.#db
      .select({ room: chatRooms, channelId: channels.id, visibility: channels.visibility })
      .from(channels)
      .leftJoin(chatRooms, eq(chatRooms.channelId, channels.id))
      .where(inArray(channels.id, [...channelIds]))
    return new Map(
      rows.map(({ channelId, room, visibility }) => {
        const { seq, settings } = room ?? NO_ROOM
        return [channelId, { seq, settings, isForMembers: visibility === 'private' }]
      }),
    )
  }

  /** What has a place after `after` up to `head`, in order; with `isFromEnd` the last `limit`, else the first. */
  async readPlaced(
    channelId: string,
    range: { after: number; head: number; limit: number; isFromEnd?: boolean },
  ): Promise<{ messages: StoredMessage[]; actions: PlacedAction[] }> {
    const { after, head, limit, isFromEnd = false } = range
    const order = isFromEnd ? desc : asc
    const within = (seq: typeof chatMessages.seq | typeof chatActions.seq) =>
      and(gt(seq, after), sql`${seq} <= ${head}`)
    const [messages, actions] = await Promise.all([
      selectMessages(this.#db)
        .where(
          and(
            eq(chatMessages.channelId, channelId),
            within(chatMessages.seq),
            eq(chatMessages.status, 'visible'),
          ),
        )
        .orderBy(order(chatMessages.seq))
        .limit(limit),
      this.#db
        .select({
          seq: sql<number>`${chatActions.seq}`.mapWith(Number),
          action: chatActions.action,
          targetId: chatActions.targetId,
          targetName: chatActions.targetName,
          messageId: chatActions.messageId,
          details: chatActions.details,
        })
        .from(chatActions)
        .where(and(eq(chatActions.channelId, channelId), within(chatActions.seq)))
        .orderBy(order(chatActions.seq))
        .limit(limit),
    ])
    return { messages, actions }
  }

  /** Visible messages before the place `before` and after `after`, sent at `since` or later, newest first. */
  async listVisible(
    channelId: string,
    range: { before: number; after: number; limit: number; since: number },
  ): Promise<StoredMessage[]> {
    return selectMessages(this.#db)
      .where(
        and(
          eq(chatMessages.channelId, channelId),
          lt(chatMessages.seq, range.before),
          gt(chatMessages.seq, range.after),
          Number.isFinite(range.since) ? gte(chatMessages.sentAt, new Date(range.since)) : undefined,
          eq(chatMessages.status, 'visible'),
        ),
      )
      .orderBy(desc(chatMessages.seq))
      .limit(range.limit)
  }

  /** What `author` wrote and only they see: sent at `since` or later and before what has the place `before`; newest first. */
  async listHidden(
    channelId: string,
    author: AuthorKey,
    range: { since: number; before: number | undefined; limit: number },
  ): Promise<StoredMessage[]> {
    const { since, before, limit } = range
    const end = sql`(select sent_at from chat_messages where channel_id = ${channelId} and seq = ${before})`
    return selectMessages(this.#db)
      .where(
        and(
          eq(chatMessages.channelId, channelId),
          isWrittenBy(author),
          eq(chatMessages.status, 'hidden'),
          Number.isFinite(since) ? gte(chatMessages.sentAt, new Date(since)) : undefined,
          before === undefined ? undefined : lt(chatMessages.sentAt, end),
        ),
      )
      .orderBy(desc(chatMessages.sentAt))
      .limit(limit)
  }

  async findMessage(channelId: string, id: string): Promise<StoredMessage | undefined> {
    const [message] = await selectMessages(this.#db).where(
      and(eq(chatMessages.id, id), eq(chatMessages.channelId, channelId)),
    )
    return message
  }

  /** The last that a guest of this name wrote, whatever became of it. */
  async findGuestMessage(channelId: string, name: string): Promise<StoredMessage | undefined> {
    const [message] = await selectMessages(this.#db)
      .where(
        and(
          eq(chatMessages.channelId, channelId),
          isNull(chatMessages.accountId),
          eq(chatMessages.authorName, name),
        ),
      )
      .orderBy(desc(chatMessages.sentAt))
      .limit(1)
    return message
  }

  /** When the account last said something that was shown, as a slow room asks. */
  async findLastSentAt(channelId: string, accountId: string): Promise<Date | undefined> {
    const [last] = await this.#db
      .select({ sentAt: chatMessages.sentAt })
      .from(chatMessages)
      .where(and(eq(chatMessages.channelId, channelId), eq(chatMessages.accountId, accountId)))
      .orderBy(desc(chatMessages.sentAt))
      .limit(1)
    return last?.sentAt
  }

  /** Those of `names` that are accounts. */
  async findUsernames(names: readonly string[]): Promise<string[]> {
    if (names.length === 0) return []
    const rows = await this.#db
      .select({ username: accounts.username })
      .from(accounts)
      .where(inArray(accounts.username, [...names]))
    return rows.map(row => row.username)
  }

  /** Held messages with why, oldest first. */
  async listHeld(
    channelId: string,
    limit: number,
    after: string | undefined,
  ): Promise<{ message: StoredMessage; reason: string }[]> {
    const messages = await selectMessages(this.#db)
      .where(
        and(
          eq(chatMessages.channelId, channelId),
          eq(chatMessages.status, 'held'),
          // Ids are made in the order of time.
          after === undefined ? undefined : gt(chatMessages.id, after),
        ),
      )
      .orderBy(asc(chatMessages.id))
      .limit(limit)
    const ids = messages.map(message => message.id)
    const holds = await this.#db
      .select({ messageId: chatActions.messageId, reason: chatActions.reason })
      .from(chatActions)
      .where(
        and(
          eq(chatActions.channelId, channelId),
          eq(chatActions.action, 'hold'),
          isNotNull(chatActions.messageId),
          inArray(chatActions.messageId, ids.length > 0 ? ids : ['00000000-0000-0000-0000-000000000000']),
        ),
      )
    const reasons = new Map(holds.map(hold => [hold.messageId, hold.reason ?? '']))
    return messages.map(message => ({ message, reason: reasons.get(message.id) ?? '' }))
  }
}

/** What the room is told of a placed action. */
export function asEvent({
  seq,
  action,
  targetId,
  targetName,
  messageId,
  details,
}: PlacedAction): LoggedEvent {
  if (action === 'clear') return { seq, type: 'cleared' }
  if (action === 'delete') return { seq, type: 'deleted', id: messageId ?? '' }
  const account = { id: targetId, username: targetName ?? '' }
  const { seconds } = details
  return { seq, type: 'expelled', account, ...(typeof seconds === 'number' && { seconds }) }
}

/** Takes the next `count` places of the room; who comes next waits until this transaction ends. */
function raise(channelId: string, count: number) {
  return sql`insert into chat_rooms (channel_id, seq) values (${channelId}::uuid, ${count}::int)
    on conflict (channel_id) do update set seq = chat_rooms.seq + ${count}::int returning seq`
}

function seqOf(result: unknown): number {
  const rows = Array.isArray(result) ? result : (result as { rows: unknown[] }).rows
  return Number((rows[0] as { seq: unknown }).seq)
}

function asJson(message: NewMessage, place: number) {
  return {
    ...{ id: message.id, place, stream_id: message.streamId, account_id: message.accountId },
    ...{
      author_name: message.authorName,
      badges: message.badges,
      address: message.address,
      text: message.text,
    },
    ...{ reply_to: message.replyTo, emotes: message.emotes, sent_at: message.sentAt },
  }
}
