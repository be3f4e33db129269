/** Hides the SQL of which VODs something is to be done about, though nobody asks for it. */
import { and, between, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { channels } from '../db/schema.ts'
import { vods } from '../db/vod-schema.ts'

/** Pictures take a minute or a few; those that cannot be made today never can. */
const PICTURES_EXPECTED_MS = 15 * 60_000
const PICTURES_LATEST_MS = 24 * 60 * 60_000

export class UpkeepRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Ready VODs of streams that are kept for no longer, by the channel's setting or the instance's. */
  async listExpired(now: Date, instanceDays: number | undefined, limit: number): Promise<string[]> {
    const days = sql`least(${channels.vodRetentionDays}, ${instanceDays ?? null}::int)`
    const rows = await this.#db
      .select({ id: vods.id })
      .from(vods)
      .innerJoin(channels, eq(channels.id, vods.channelId))
      .where(
        and(
          eq(vods.kind, 'live'),
          eq(vods.status, 'ready'),
          sql`${vods.publishedAt} < ${now.toISOString()}::timestamptz - make_interval(days => ${days})`,
        ),
      )
      .limit(limit)
    return rows.map(row => row.id)
  }

  /** Those that have become ready today and have no pictures yet, but for the last minutes'. */
  async listWithoutPictures(now: Date, limit: number): Promise<string[]> {
    const [from, to] = [now.getTime() - PICTURES_LATEST_MS, now.getTime() - PICTURES_EXPECTED_MS]
    const rows = await this.#db
      .select({ id: vods.id })
      .from(vods)
      .where(
        and(
          eq(vods.status, 'ready'),
          isNull(vods.storyboard),
          between(vods.publishedAt, new Date(from), new Date(to)),
        ),
      )
      .limit(limit)
    return rows.map(row => row.id)
  }
}
