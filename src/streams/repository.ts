/** Hides the SQL of stream records. */
import { and, desc, eq, inArray, isNull, lt, ne, not, or, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { channels, instances, streams } from '../db/schema.ts'
import { DEAD_AFTER_SECONDS } from './heartbeat.ts'

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
const isListed = eq(channels.visibility, 'public')

const isAlive = sql`${instances.seenAt} > now() - make_interval(secs => ${DEAD_AFTER_SECONDS})`

/** Its instance lives, as far as the database's clock can say. */
const isCarried = sql`exists (select 1 from ${instances} where ${instances.id} = ${streams.instanceId}
  and ${isAlive})`

export class StreamsRepository {
  readonly #db: Db
  readonly #instanceId: string | null

  /** `instanceId`: the process that carries the streams opened here. */
  constructor(db: Db, instanceId?: string) {
    this.#db = db
    this.#instanceId = instanceId ?? null
  }

  /**
   * Ends what is still open for the channel and inserts a stream with the channel's title. Not when another instance,
   * a living one, carries the channel's stream (`elsewhere`), or when there is no such channel (`unknown`).
   */
  async replaceOpen(channelId: string, id: string, now: Date): Promise<'opened' | 'unknown' | 'elsewhere'> {
    return this.#db.transaction(async tx => {
      const [channel] = await tx
        .select({ title: channels.title })
        .from(channels)
        .where(eq(channels.id, channelId))
        .for('update')
      if (!channel) return 'unknown'
      const isOpen = and(eq(streams.channelId, channelId), ne(streams.status, 'ended'))
      const elsewhere = await tx
        .select({ id: streams.id })
        .from(streams)
        .where(and(isOpen, this.#isOthers(), isCarried))
      if (elsewhere.length > 0) return 'elsewhere'
      await tx.update(streams).set({ status: 'ended', endedAt: now }).where(isOpen)
      const record = { id, channelId, title: channel.title, createdAt: now, instanceId: this.#instanceId }
      await tx.insert(streams).values({ ...record, status: 'starting' })
      return 'opened'
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

  /** Ends what this instance, or one from before there could be several, has open; answers how many there were. */
  async endOwn(now: Date): Promise<number> {
    return this.#endAll(now, or(isNull(streams.instanceId), not(this.#isOthers())))
  }

  /** Ends what other instances have open that do not live; answers how many there were. */
  async endAbandoned(now: Date): Promise<number> {
    return this.#endAll(now, and(this.#isOthers(), not(isCarried)))
  }

  /** The processes that live, as far as the database's clock can say. */
  async listLivingInstances(): Promise<string[]> {
    const rows = await this.#db.select({ id: instances.id }).from(instances).where(isAlive)
    return rows.map(row => row.id)
  }

  /** Which of these have ended. */
  async findEnded(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return []
    const rows = await this.#db
      .select({ id: streams.id })
      .from(streams)
      .where(and(inArray(streams.id, [...ids]), eq(streams.status, 'ended')))
    return rows.map(row => row.id)
  }

  async find(id: string): Promise<Stream | undefined> {
    const [row] = await this.#select().where(eq(streams.id, id))
    return row
  }

  /** Of those of these channels that are public. */
  async findOnAirByChannels(channelIds: readonly string[]): Promise<Stream[]> {
    if (channelIds.length === 0) return []
    return this.#select().where(
      and(inArray(streams.channelId, [...channelIds]), onAir, isListed, this.#isShown()),
    )
  }

  /** The stream that a channel has open now, by an instance that lives. */
  async findOpenByChannel(channelId: string): Promise<Stream | undefined> {
    const [row] = await this.#select().where(
      and(eq(streams.channelId, channelId), ne(streams.status, 'ended'), this.#isShown()),
    )
    return row
  }

  /** Live and reconnecting streams of public channels, latest start first, behind `after`. */
  async listOnAir(limit: number, after: LivePosition | undefined): Promise<Stream[]> {
    const behind =
      after &&
      or(
        lt(streams.startedAt, after.startedAt),
        and(eq(streams.startedAt, after.startedAt), lt(streams.id, after.id)),
      )
    return this.#select()
      .where(and(onAir, isListed, behind, this.#isShown()))
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

  async #endAll(now: Date, which: SQL | undefined): Promise<number> {
    const ended = await this.#db
      .update(streams)
      .set({ status: 'ended', endedAt: now })
      .where(and(ne(streams.status, 'ended'), which))
      .returning({ id: streams.id })
    return ended.length
  }

  /** Not left open by an instance that died, though nobody has ended it yet; one's own always are. */
  #isShown(): SQL | undefined {
    return or(isNull(streams.instanceId), not(this.#isOthers()), isCarried)
  }

  #isOthers(): SQL {
    return sql`${streams.instanceId} is distinct from ${this.#instanceId}::uuid`
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
