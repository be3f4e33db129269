/** Hides the SQL of channels. */
import { and, asc, count, eq, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { accounts, channels, follows } from '../db/schema.ts'
import type { ChannelSettings, Publishing } from './settings.ts'
import type { SealedStreamKey } from './stream-keys.ts'

/** What everybody may know of a channel. */
export interface Channel {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly description: string
  readonly owner: { readonly id: string; readonly username: string }
  readonly createdAt: Date
  /** Who may watch it live. */
  readonly visibility: Publishing['visibility']
  readonly clipsBy: Publishing['clipsBy']
}

export interface Following {
  readonly followerCount: number
  readonly isFollowing: boolean
}

export interface NewChannel extends SealedStreamKey {
  readonly id: string
  readonly accountId: string
  readonly slug: string
  readonly title: string
  readonly description: string
  readonly createdAt: Date
}

const publicFields = {
  id: channels.id,
  slug: channels.slug,
  title: channels.title,
  description: channels.description,
  owner: { id: accounts.id, username: accounts.username },
  createdAt: channels.createdAt,
  visibility: channels.visibility,
  clipsBy: channels.clipsBy,
}

const settingsFields = {
  secondPublisher: channels.secondPublisher,
  backupReturn: channels.backupReturn,
  onBreach: channels.onBreach,
  ingestLimits: channels.ingestLimits,
  visibility: channels.visibility,
  vodVisibility: channels.vodVisibility,
  vodRetentionDays: channels.vodRetentionDays,
  clipsBy: channels.clipsBy,
}

export class ChannelsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Inserts unless the slug is taken or the account has `limit` channels; one account's inserts wait for each other. */
  async insert(channel: NewChannel, limit: number): Promise<'inserted' | 'slug_taken' | 'limit_reached'> {
    return this.#db.transaction(async tx => {
      await tx
        .select({ id: accounts.id })
        .from(accounts)
        .where(eq(accounts.id, channel.accountId))
        .for('update')
      const [owned] = await tx
        .select({ count: count() })
        .from(channels)
        .where(eq(channels.accountId, channel.accountId))
      if ((owned?.count ?? 0) >= limit) return 'limit_reached'
      const inserted = await tx
        .insert(channels)
        .values(channel)
        .onConflictDoNothing({ target: channels.slug })
        .returning({ id: channels.id })
      return inserted.length > 0 ? 'inserted' : 'slug_taken'
    })
  }

  async find(id: string): Promise<Channel | undefined> {
    const [channel] = await this.#select().where(eq(channels.id, id))
    return channel
  }

  async findBySlug(slug: string): Promise<Channel | undefined> {
    const [channel] = await this.#select().where(eq(channels.slug, slug))
    return channel
  }

  async findByStreamKeyHash(
    hash: string,
  ): Promise<{ id: string; slug: string; settings: ChannelSettings } | undefined> {
    const [channel] = await this.#db
      .select({ id: channels.id, slug: channels.slug, settings: settingsFields })
      .from(channels)
      .where(eq(channels.streamKeyHash, hash))
    return channel
  }

  async findStreamKeyCipher(id: string): Promise<string | undefined> {
    const [channel] = await this.#db
      .select({ cipher: channels.streamKeyCipher })
      .from(channels)
      .where(eq(channels.id, id))
    return channel?.cipher
  }

  /** Oldest first. */
  async listByAccount(accountId: string): Promise<Channel[]> {
    return this.#select()
      .where(eq(channels.accountId, accountId))
      .orderBy(asc(channels.createdAt), asc(channels.id))
  }

  async update(
    id: string,
    changes: { title?: string | undefined; description?: string | undefined },
  ): Promise<void> {
    if (changes.title === undefined && changes.description === undefined) return
    await this.#db.update(channels).set(changes).where(eq(channels.id, id))
  }

  async findSettings(id: string): Promise<ChannelSettings | undefined> {
    const [settings] = await this.#db.select(settingsFields).from(channels).where(eq(channels.id, id))
    return settings
  }

  /** Stores what `change` makes of the settings; of two that change at once, the second sees what the first stored. */
  async changeSettings(
    id: string,
    change: (current: ChannelSettings) => ChannelSettings,
  ): Promise<ChannelSettings | undefined> {
    return this.#db.transaction(async tx => {
      const [current] = await tx
        .select(settingsFields)
        .from(channels)
        .where(eq(channels.id, id))
        .for('update')
      if (!current) return undefined
      const changed = change(current)
      await tx.update(channels).set(changed).where(eq(channels.id, id))
      return changed
    })
  }

  async setStreamKey(id: string, sealed: SealedStreamKey): Promise<void> {
    await this.#db.update(channels).set(sealed).where(eq(channels.id, id))
  }

  /** The first time stays the time. */
  async insertFollow(accountId: string, channelId: string, followedAt: Date): Promise<void> {
    await this.#db.insert(follows).values({ accountId, channelId, followedAt }).onConflictDoNothing()
  }

  async deleteFollow(accountId: string, channelId: string): Promise<void> {
    await this.#db
      .delete(follows)
      .where(and(eq(follows.accountId, accountId), eq(follows.channelId, channelId)))
  }

  /** How many follow the channel, and whether the account is one of them. */
  async countFollowers(channelId: string, accountId: string | undefined): Promise<Following> {
    const isTheirs = accountId === undefined ? sql`false` : eq(follows.accountId, accountId)
    const [row] = await this.#db
      .select({
        followerCount: count(),
        isFollowing: sql<boolean>`coalesce(bool_or(${isTheirs}), false)`,
      })
      .from(follows)
      .where(eq(follows.channelId, channelId))
    return row ?? { followerCount: 0, isFollowing: false }
  }

  #select() {
    return this.#db
      .select(publicFields)
      .from(channels)
      .innerJoin(accounts, eq(accounts.id, channels.accountId))
  }
}
