/** Hides the SQL that takes away what is kept no longer. */
import { and, asc, eq, gt, inArray, lt } from 'drizzle-orm'
import { chatBans, chatMessages, chatRooms } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'

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

  /** At most `limit` messages of before `before`; answers how many. */
  async deleteMessages(channelId: string, before: Date, limit: number): Promise<number> {
    const old = this.#db
      .select({ id: chatMessages.id })
      .from(chatMessages)
      .where(and(eq(chatMessages.channelId, channelId), lt(chatMessages.sentAt, before)))
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
