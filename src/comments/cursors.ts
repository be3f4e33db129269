/** Hides how a page of comments says where the next one begins. */
import { AppError } from '../errors.ts'
import type { Page } from './records.ts'
import type { StoredComment, ThreadPosition } from './repository.ts'

const form = /^(?:(\d{1,9})\.)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Throws `AppError` INVALID (`cursor_invalid`). */
export function decodeCursor(cursor: string | undefined): ThreadPosition | undefined {
  if (cursor === undefined) return undefined
  const [, likes = '0', id] = form.exec(cursor) ?? []
  if (id === undefined)
    throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
  return { id, likeCount: Number(likes) }
}

/** A page of `rows`, of which one more than `limit` was asked for, with what `show` makes of them. */
export async function pageOf<T>(
  rows: readonly StoredComment[],
  limit: number,
  show: (rows: readonly StoredComment[]) => Promise<T[]>,
): Promise<Page<T>> {
  const kept = rows.slice(0, limit)
  const last = kept.at(-1)
  const items = await show(kept)
  return rows.length > limit && last ? { items, nextCursor: `${last.likeCount}.${last.id}` } : { items }
}
