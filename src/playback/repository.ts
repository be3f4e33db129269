/** Hides the SQL of who may watch what: channels and VODs with their visibility, members, and share links. */
import { and, asc, count, eq, gt, inArray, isNull, lte, ne } from 'drizzle-orm'
import { chatRoles } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { playbackShares } from '../db/playback-schema.ts'
import { channels } from '../db/schema.ts'
import { vods } from '../db/vod-schema.ts'
import type { Visibility, Watchable } from './access.ts'

/** A link that an owner made. */
export interface Share {
  readonly id: string
  readonly channelId: string
  /** Null: the channel's live streams. */
  readonly vodId: string | null
  readonly name: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

const IDS_AT_ONCE = 1_000
/** A VOD as far as watching it goes. */
const vodFields = {
  id: vods.id,
  channelId: vods.channelId,
  visibility: vods.visibility,
  authorId: vods.authorId,
  status: vods.status,
}

export class PlaybackRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async findVisibility(channelId: string): Promise<Visibility | undefined> {
    return (await this.findVisibilities([channelId])).get(channelId)
  }

  /** By channel id; a channel that does not exist is not there. */
  async findVisibilities(channelIds: readonly string[]): Promise<Map<string, Visibility>> {
    const found = new Map<string, Visibility>()
    for (let from = 0; from < channelIds.length; from += IDS_AT_ONCE) {
      const rows = await this.#db
        .select({ id: channels.id, visibility: channels.visibility })
        .from(channels)
        .where(inArray(channels.id, channelIds.slice(from, from + IDS_AT_ONCE)))
      for (const { id, visibility } of rows) found.set(id, visibility)
    }
    return found
  }

  /** In any status but `deleted`; `isReady`: it can be played. */
  async findVod(id: string): Promise<{ thing: Watchable; isReady: boolean } | undefined> {
    const [vod] = await this.#db
      .select(vodFields)
      .from(vods)
      .where(and(eq(vods.id, id), ne(vods.status, 'deleted')))
    if (!vod) return undefined
    const { status, ...rest } = vod
    return { thing: { ...rest, kind: 'vod' }, isReady: status === 'ready' }
  }

  /** Which of these accounts belong to the channel: its owner, and who has a role in its chat. */
  async findMembers(channelId: string, accountIds: readonly string[]): Promise<Set<string>> {
    if (accountIds.length === 0) return new Set()
    const ids = [...accountIds]
    const [owners, roles] = await Promise.all([
      this.#db
        .select({ id: channels.accountId })
        .from(channels)
        .where(and(eq(channels.id, channelId), inArray(channels.accountId, ids))),
      this.#db
        .select({ id: chatRoles.accountId })
        .from(chatRoles)
        .where(and(eq(chatRoles.channelId, channelId), inArray(chatRoles.accountId, ids))),
    ])
    return new Set([...owners, ...roles].map(({ id }) => id))
  }

  /** Those of these share links of the channel that are good at `now`. */
  async findGoodShares(channelId: string, ids: readonly string[], now: Date): Promise<Share[]> {
    if (ids.length === 0) return []
    return this.#db
      .select()
      .from(playbackShares)
      .where(and(isGood(channelId, now), inArray(playbackShares.id, [...ids])))
  }

  /** Those that are good at `now`, oldest first; `vodId` null: of the channel's live streams. */
  async listShares(channelId: string, vodId: string | null, now: Date): Promise<Share[]> {
    const isOfVod = vodId === null ? isNull(playbackShares.vodId) : eq(playbackShares.vodId, vodId)
    return this.#db
      .select()
      .from(playbackShares)
      .where(and(isGood(channelId, now), isOfVod))
      .orderBy(asc(playbackShares.createdAt), asc(playbackShares.id))
  }

  /** False: the channel has `limit` already. Those that have expired go. */
  async insertShare(share: Share, limit: number): Promise<boolean> {
    const { channelId, createdAt } = share
    return this.#db.transaction(async tx => {
      await tx.select({ id: channels.id }).from(channels).where(eq(channels.id, channelId)).for('update')
      await tx
        .delete(playbackShares)
        .where(and(eq(playbackShares.channelId, channelId), lte(playbackShares.expiresAt, createdAt)))
      const [kept] = await tx
        .select({ count: count() })
        .from(playbackShares)
        .where(eq(playbackShares.channelId, channelId))
      if ((kept?.count ?? 0) >= limit) return false
      await tx.insert(playbackShares).values(share)
      return true
    })
  }

  async findShare(id: string): Promise<Share | undefined> {
    const [share] = await this.#db.select().from(playbackShares).where(eq(playbackShares.id, id))
    return share
  }

  async deleteShare(id: string): Promise<void> {
    await this.#db.delete(playbackShares).where(eq(playbackShares.id, id))
  }

  async isOwner(accountId: string, channelId: string): Promise<boolean> {
    const rows = await this.#db
      .select({ id: channels.id })
      .from(channels)
      .where(and(eq(channels.id, channelId), eq(channels.accountId, accountId)))
    return rows.length > 0
  }
}

function isGood(channelId: string, now: Date) {
  return and(eq(playbackShares.channelId, channelId), gt(playbackShares.expiresAt, now))
}
