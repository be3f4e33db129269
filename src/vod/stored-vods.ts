/** Hides the SQL of VODs as far as only their media is concerned, whoever may see them. */
import { eq, gt } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { vods } from '../db/vod-schema.ts'

export type StoredVod = Pick<typeof vods.$inferSelect, 'status' | 'durationMs' | 'sizeBytes' | 'storyboard'>

export class StoredVods {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Of any status. */
  async find(id: string): Promise<StoredVod | undefined> {
    const { status, durationMs, sizeBytes, storyboard } = vods
    const [vod] = await this.#db
      .select({ status, durationMs, sizeBytes, storyboard })
      .from(vods)
      .where(eq(vods.id, id))
    return vod
  }

  /** Every one, by id: a page of those after `after`. */
  async listIds(after: string | undefined, limit: number): Promise<string[]> {
    const rows = await this.#db
      .select({ id: vods.id })
      .from(vods)
      .where(after === undefined ? undefined : gt(vods.id, after))
      .orderBy(vods.id)
      .limit(limit)
    return rows.map(row => row.id)
  }

  async correct(
    id: string,
    totals: Pick<typeof vods.$inferInsert, 'durationMs' | 'sizeBytes'>,
  ): Promise<void> {
    await this.#db.update(vods).set(totals).where(eq(vods.id, id))
  }
}
