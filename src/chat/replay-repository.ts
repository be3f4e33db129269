/** Hides the SQL that reads what was said in a stream, in the order of time. */
import { and, asc, eq, gt, gte, lt, type SQL, sql } from 'drizzle-orm'
import { chatMessages } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { selectMessages } from './select-messages.ts'
import type { StoredMessage } from './stored.ts'

export interface SaidRange {
  readonly streamId: string
  /** What was said at its place or before is not shown any more. */
  readonly clearedSeq: number
  /** Milliseconds since the epoch, without end too: from there, and until before there. */
  readonly from: number
  readonly to: number
  readonly after: SaidPosition | undefined
  readonly limit: number
}

/** Where a page ended. */
export interface SaidPosition {
  readonly sentAt: Date
  readonly id: string
}

export class ReplayRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Visible messages, oldest first. */
  async list({ streamId, clearedSeq, from, to, after, limit }: SaidRange): Promise<StoredMessage[]> {
    return selectMessages(this.#db)
      .where(
        and(
          eq(chatMessages.streamId, streamId),
          eq(chatMessages.status, 'visible'),
          gt(chatMessages.seq, clearedSeq),
          Number.isFinite(from) ? gte(chatMessages.sentAt, wholeFrom(from)) : undefined,
          Number.isFinite(to) ? lt(chatMessages.sentAt, wholeFrom(to)) : undefined,
          after && isBehind(after),
        ),
      )
      .orderBy(asc(chatMessages.sentAt), asc(chatMessages.id))
      .limit(limit)
  }
}

/** Times are stored in whole milliseconds: those at or after `ms` are those at or after the next whole one. */
function wholeFrom(ms: number): Date {
  return new Date(Math.ceil(ms))
}

function isBehind({ sentAt, id }: SaidPosition): SQL {
  return sql`(${chatMessages.sentAt}, ${chatMessages.id}) > (${sentAt.toISOString()}::timestamptz, ${id}::uuid)`
}
