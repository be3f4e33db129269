/** Hides the SQL of stream records. */
import { and, desc, eq, inArray, lt, ne, or, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { channels, streams } from '../db/schema.ts'

export type StreamStatus = 'starting' | 'live' | 'reconnecting' | 'ended'

/** A stream with what everybody may know of its channel. */
export interface Stream {
  readonly id: string
  readonly channel: { readonly id: string; readonly slug: string; readonly title: string }
  readonly title: string
  readonly status: StreamStatus
  readonly createdAt: Date
  /** When its first key frame arrived. */
  readonly startedAt: Date | null
  readonly endedAt: Date | null
}

/** Where a page of live streams ended. */
export interface LivePosition {
  readonly startedAt: Date
  readonly id: string
}

/** Literal, so that the planner sees that the partial index covers it. */
const onAir = sql`${streams.status} in ('live', 'reconnecting')`

export class StreamsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Ends what is still open for the channel and inserts a stream with the channel's title; undefined: no such channel. */
  async replaceOpen(channelId: string, id: string, now: Date): Promise<{ id: string } | undefined> {
    return this.#db.transaction(async tx => {
      const [channel] = await tx
        .select({ title: channels.title })
        .from(channels)
        .where(eq(channels.id, channelId))
        .for('update')
      if (!channel) return undefined
      await tx
        .update(streams)
        .set({ status: 'ended', endedAt: now })
        .where(and(eq(streams.channelId, channelId), ne(streams.status, 'ended')))
      await tx
        .insert(streams)
        .values({ id, channelId, title: channel.title, status: 'starting', createdAt: now })
      return { id }
    })
  }

  /** An ended stream stays ended; the first start stays the start. */
  async markLive(id: string, now: Date): Promise<void> {
    await this.#db
      .update(streams)
      .set({
        status: 'live',
        startedAt: sql`coalesce(${streams.startedAt}, ${now.toISOString()}::timestamptz)`,
      })
      .where(and(eq(streams.id, id), ne(streams.status, 'ended')))
  }

  async markReconnecting(id: string): Promise<void> {
    await this.#db
      .update(streams)
      .set({ status: 'reconnecting' })
      .where(and(eq(streams.id, id), eq(streams.status, 'live')))
  }

  async markEnded(id: string, now: Date): Promise<void> {
    await this.#db
      .update(streams)
      .set({ status: 'ended', endedAt: now })
      .where(and(eq(streams.id, id), ne(streams.status, 'ended')))
  }

  /** Ends every open stream; answers how many there were. */
  async markAllEnded(now: Date): Promise<number> {
    const ended = await this.#db
      .update(streams)
      .set({ status: 'ended', endedAt: now })
      .where(ne(streams.status, 'ended'))
      .returning({ id: streams.id })
    return ended.length
  }

  async find(id: string): Promise<Stream | undefined> {
    const [row] = await this.#select().where(eq(streams.id, id))
    return row
  }

  async findOnAirByIds(ids: readonly string[]): Promise<Stream[]> {
    if (ids.length === 0) return []
    return this.#select().where(and(inArray(streams.id, [...ids]), onAir))
  }

  /** The stream that a channel has open now. */
  async findOpenByChannel(channelId: string): Promise<Stream | undefined> {
    const [row] = await this.#select().where(
      and(eq(streams.channelId, channelId), ne(streams.status, 'ended')),
    )
    return row
  }

  /** Live and reconnecting streams, latest start first, behind `after`. */
  async listOnAir(limit: number, after: LivePosition | undefined): Promise<Stream[]> {
    const behind =
      after &&
      or(
        lt(streams.startedAt, after.startedAt),
        and(eq(streams.startedAt, after.startedAt), lt(streams.id, after.id)),
      )
    return this.#select()
      .where(and(onAir, behind))
      .orderBy(desc(streams.startedAt), desc(streams.id))
      .limit(limit)
  }

  /** False when the account does not own the stream. */
  async isOwner(accountId: string, id: string): Promise<boolean> {
    const rows = await this.#db
      .select({ id: streams.id })
      .from(streams)
      .innerJoin(channels, eq(channels.id, streams.channelId))
      .where(and(eq(streams.id, id), eq(channels.accountId, accountId)))
    return rows.length > 0
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#db.update(streams).set({ title }).where(eq(streams.id, id))
  }

  #select() {
    return this.#db
      .select({
        id: streams.id,
        channel: { id: channels.id, slug: channels.slug, title: channels.title },
        title: streams.title,
        status: streams.status,
        createdAt: streams.createdAt,
        startedAt: streams.startedAt,
        endedAt: streams.endedAt,
      })
      .from(streams)
      .innerJoin(channels, eq(channels.id, streams.channelId))
  }
}
