/** Hides the SQL of who makes how many clips. */
import { and, count, eq, gte, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { vods } from '../db/vod-schema.ts'

export interface ClipCounts {
  /** Made since the time asked for, deleted ones too as long as their rows are there. */
  readonly recent: number
  /** In work. */
  readonly unfinished: number
}

export class ClipsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Of an account, in all channels. */
  async countOf(accountId: string, since: Date): Promise<ClipCounts> {
    const isUnfinished = sql`${vods.status} = 'processing'`
    const [row] = await this.#db
      .select({
        recent: count(),
        unfinished: sql`count(*) filter (where ${isUnfinished})`.mapWith(Number),
      })
      .from(vods)
      .where(and(eq(vods.authorId, accountId), eq(vods.kind, 'clip'), gte(vods.createdAt, since)))
    return row ?? { recent: 0, unfinished: 0 }
  }

  /** Of which no job may know any more, because a process died: oldest first. */
  async listUnfinished(limit: number): Promise<string[]> {
    const rows = await this.#db
      .select({ id: vods.id })
      .from(vods)
      .where(and(eq(vods.kind, 'clip'), eq(vods.status, 'processing')))
      .orderBy(vods.createdAt)
      .limit(limit)
    return rows.map(row => row.id)
  }
}
