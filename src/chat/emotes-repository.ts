/** Hides the SQL of emotes. */
import { and, asc, count, eq } from 'drizzle-orm'
import { chatRoles, emotes } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { channels } from '../db/schema.ts'

export interface StoredEmote {
  readonly id: string
  readonly code: string
  readonly width: number
  readonly height: number
}

export interface NewEmote extends StoredEmote {
  readonly channelId: string
  /** WebP. */
  readonly image: Uint8Array
  readonly createdAt: Date
}

export class EmotesRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Inserts unless the code is taken or the channel has `limit`; one channel's inserts wait for each other. */
  async insert(
    emote: NewEmote,
    limit: number,
  ): Promise<'inserted' | 'code_taken' | 'limit_reached' | 'no_channel'> {
    return this.#db.transaction(async tx => {
      const channel = await tx
        .select({ id: channels.id })
        .from(channels)
        .where(eq(channels.id, emote.channelId))
        .for('update')
      if (channel.length === 0) return 'no_channel'
      const [owned] = await tx
        .select({ count: count() })
        .from(emotes)
        .where(eq(emotes.channelId, emote.channelId))
      if ((owned?.count ?? 0) >= limit) return 'limit_reached'
      const inserted = await tx
        .insert(emotes)
        .values(emote)
        .onConflictDoNothing({ target: [emotes.channelId, emotes.code] })
        .returning({ id: emotes.id })
      return inserted.length > 0 ? 'inserted' : 'code_taken'
    })
  }

  /** By code. */
  async list(channelId: string): Promise<StoredEmote[]> {
    return this.#db
      .select({ id: emotes.id, code: emotes.code, width: emotes.width, height: emotes.height })
      .from(emotes)
      .where(eq(emotes.channelId, channelId))
      .orderBy(asc(emotes.code))
  }

  async findImage(id: string): Promise<Uint8Array | undefined> {
    const [emote] = await this.#db.select({ image: emotes.image }).from(emotes).where(eq(emotes.id, id))
    return emote?.image
  }

  async findChannelId(id: string): Promise<string | undefined> {
    const [emote] = await this.#db
      .select({ channelId: emotes.channelId })
      .from(emotes)
      .where(eq(emotes.id, id))
    return emote?.channelId
  }

  async delete(id: string): Promise<void> {
    await this.#db.delete(emotes).where(eq(emotes.id, id))
  }

  /** Whether the account is the channel's owner or one of its moderators; undefined: there is no such channel. */
  async isModerator(channelId: string, accountId: string): Promise<boolean | undefined> {
    const [found] = await this.#db
      .select({ ownerId: channels.accountId, role: chatRoles.role })
      .from(channels)
      .leftJoin(chatRoles, and(eq(chatRoles.channelId, channels.id), eq(chatRoles.accountId, accountId)))
      .where(eq(channels.id, channelId))
    return found && (found.ownerId === accountId || found.role === 'moderator')
  }
}
