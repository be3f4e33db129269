/** Hides the SQL that takes away what is kept no longer. */
import { and, asc, eq, gt, inArray, isNotNull, lt, ne, sql } from 'drizzle-orm'
import { chatBans, chatMessages, chatRooms } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { vods } from '../db/vod-schema.ts'

export class RetentionRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Rooms in the order of their channels' ids, behind `after`. */
  async listRooms(after: string | undefined, limit: number) {
    return this.#db
      .select({ channelId: chatRooms.channelId, settings: chatRooms.settings })
      .from(chatRooms)
      .where(after === undefined ? undefined : gt(chatRooms.channelId, after))
      .orderBy(asc(chatRooms.channelId))
      .limit(limit)
  }

  /**
   * At most `limit` messages of before `before`; answers how many. Those that a video replays stay as long as it does.
   */
  async deleteMessages(channelId: string, before: Date, limit: number): Promise<number> {
    const recorded = this.#db
      .select({ id: sql`${vods.streamId}` })
      .from(vods)
      .where(and(eq(vods.channelId, channelId), isNotNull(vods.streamId), ne(vods.status, 'deleted')))
    const isReplayed = and(eq(chatMessages.status, 'visible'), inArray(chatMessages.streamId, recorded))
    const old = this.#db
      .select({ id: chatMessages.id })
      .from(chatMessages)
      .where(
        and(
          eq(chatMessages.channelId, channelId),
          lt(chatMessages.sentAt, before),
          // Without a stream it is neither true nor false that a video replays it.
          sql`(${isReplayed}) is not true`,
        ),
      )
      .limit(limit)
    const deleted = await this.#db
      .delete(chatMessages)
      .where(inArray(chatMessages.id, old))
      .returning({ id: chatMessages.id })
    return deleted.length
  }

  /** At most `limit` bans that were over before `before`; answers how many. */
  async deleteEndedBans(before: Date, limit: number): Promise<number> {
    const ended = this.#db
      .select({ id: chatBans.id })
      .from(chatBans)
      .where(lt(chatBans.until, before))
      .limit(limit)
    const deleted = await this.#db
      .delete(chatBans)
      .where(inArray(chatBans.id, ended))
      .returning({ id: chatBans.id })
    return deleted.length
  }
}
