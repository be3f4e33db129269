/** Hides the SQL of uploads: how many an account has in work, and which pieces of a file are done. */
import { and, count, eq, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { vodChunks, vods } from '../db/vod-schema.ts'

export interface Chunk {
  readonly index: number
  readonly startSeconds: number
  readonly durationSeconds: number
}

export class UploadsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async countUnfinished(accountId: string): Promise<number> {
    const [row] = await this.#db
      .select({ count: count() })
      .from(vods)
      .where(and(eq(vods.authorId, accountId), eq(vods.kind, 'upload'), eq(vods.status, 'processing')))
    return row?.count ?? 0
  }

  /** Idempotent: one that is done stays done. */
  async addChunk(vodId: string, chunk: Chunk): Promise<void> {
    await this.#db
      .insert(vodChunks)
      .values({ ...chunk, vodId, status: 'waiting' })
      .onConflictDoNothing()
  }

  /** False: it is done, or the file is gone. */
  async beginChunk(vodId: string, index: number, instanceId: string): Promise<boolean> {
    const begun = await this.#db
      .update(vodChunks)
      .set({ instanceId, attempts: sql`${vodChunks.attempts} + 1` })
      .where(and(isChunk(vodId, index), eq(vodChunks.status, 'waiting')))
      .returning({ index: vodChunks.index })
    return begun.length > 0
  }

  async finishChunk(vodId: string, index: number): Promise<void> {
    await this.#db.update(vodChunks).set({ status: 'done' }).where(isChunk(vodId, index))
  }

  async countDone(vodId: string): Promise<number> {
    const [row] = await this.#db
      .select({ count: count() })
      .from(vodChunks)
      .where(and(eq(vodChunks.vodId, vodId), eq(vodChunks.status, 'done')))
    return row?.count ?? 0
  }
}

function isChunk(vodId: string, index: number) {
  return and(eq(vodChunks.vodId, vodId), eq(vodChunks.index, index))
}
