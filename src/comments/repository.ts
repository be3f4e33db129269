/** Hides the SQL of comments, their threads and their likes. */
import {
  and,
  asc,
  count,
  desc,
  eq,
  exists,
  gt,
  inArray,
  isNull,
  lt,
  ne,
  or,
  type SQL,
  sql,
} from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { commentLikes, comments } from '../db/comment-schema.ts'
import type { Db } from '../db/database.ts'
import { accounts } from '../db/schema.ts'
import { vods } from '../db/vod-schema.ts'

type Row = typeof comments.$inferSelect
export type CommentStatus = Row['status']
export type HeldFor = NonNullable<Row['heldFor']>

export interface NewComment {
  readonly id: string
  readonly vodId: string
  readonly threadId: string | null
  readonly replyTo: string | null
  readonly accountId: string
  readonly text: string
  readonly address: string
  readonly status: 'visible' | 'held' | 'hidden'
  readonly heldFor: HeldFor | null
  readonly createdAt: Date
}

export interface StoredComment extends Omit<Row, 'replyTo' | 'address'> {
  readonly username: string
  readonly vodTitle: string
  /** What it answers, while that can be seen. */
  readonly replied: { readonly id: string; readonly username: string } | null
  /** By who looks. */
  readonly isLiked: boolean
  /** Visible ones. */
  readonly replyCount: number
}

/** Newest or most liked first. */
export type ThreadOrder = 'newest' | 'liked'

/** Where a page of threads ended. */
export interface ThreadPosition {
  readonly id: string
  readonly likeCount: number
}

export interface ThreadsPage {
  readonly vodId: string
  readonly order: ThreadOrder
  readonly limit: number
  readonly after: ThreadPosition | undefined
  readonly viewerId: string | undefined
}

export interface RepliesPage {
  readonly threadId: string
  readonly limit: number
  /** The id of the last of the page before. */
  readonly after: string | undefined
  readonly viewerId: string | undefined
}

const replies = alias(comments, 'replies')
const answered = alias(comments, 'answered')
const answeredBy = alias(accounts, 'answered_by')
const isVisible = eq(comments.status, 'visible')

export class CommentsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** The same in a transaction. */
  within(tx: Db): CommentsRepository {
    return new CommentsRepository(tx)
  }

  /** False: the video is not there any more. */
  async insert(comment: NewComment): Promise<boolean> {
    return this.#db.transaction(async tx => {
      const [vod] = await tx
        .select({ id: vods.id })
        .from(vods)
        .where(and(eq(vods.id, comment.vodId), ne(vods.status, 'deleted')))
        .for('key share')
      if (!vod) return false
      await tx.insert(comments).values(comment)
      return true
    })
  }

  async find(id: string, viewerId?: string): Promise<StoredComment | undefined> {
    const [comment] = await this.#select(viewerId).where(eq(comments.id, id))
    return comment && stored(comment)
  }

  /** Heads of threads that `viewerId`, or anybody, may see; those below which something can be seen stay. */
  async listThreads({ vodId, order, limit, after, viewerId }: ThreadsPage): Promise<StoredComment[]> {
    const isLiked = order === 'liked'
    // No `exists`: for that the database may read the replies of all videos at once.
    const hasReplies = sql`(${this.#visibleReplies({ id: sql`${replies.id}` }).limit(1)}) is not null`
    const rows = await this.#select(viewerId)
      .where(
        and(
          eq(comments.vodId, vodId),
          isNull(comments.threadId),
          or(isVisible, isOwnUnseen(viewerId), hasReplies),
          after && (isLiked ? isLessLiked(after) : lt(comments.id, after.id)),
        ),
      )
      .orderBy(...(isLiked ? [desc(comments.likeCount)] : []), desc(comments.id))
      .limit(limit)
    return rows.map(stored)
  }

  /** Oldest first. */
  async listReplies({ threadId, limit, after, viewerId }: RepliesPage): Promise<StoredComment[]> {
    const rows = await this.#select(viewerId)
      .where(
        and(
          eq(comments.threadId, threadId),
          or(isVisible, isOwnUnseen(viewerId)),
          after === undefined ? undefined : gt(comments.id, after),
        ),
      )
      .orderBy(asc(comments.id))
      .limit(limit)
    return rows.map(stored)
  }

  /** Those that can be seen, replies too. */
  async countVisible(vodId: string): Promise<number> {
    const [row] = await this.#db
      .select({ count: count() })
      .from(comments)
      .where(and(eq(comments.vodId, vodId), isVisible))
    return row?.count ?? 0
  }

  /** Those of a channel, or of one of its videos, that wait for a moderator, oldest first. */
  async listHeld(
    of: { channelId: string; vodId: string | undefined },
    page: { limit: number; after: string | undefined },
  ): Promise<StoredComment[]> {
    const rows = await this.#select(undefined)
      .where(
        and(
          eq(vods.channelId, of.channelId),
          of.vodId === undefined ? undefined : eq(comments.vodId, of.vodId),
          eq(comments.status, 'held'),
          page.after === undefined ? undefined : gt(comments.id, page.after),
        ),
      )
      .orderBy(asc(comments.id))
      .limit(page.limit)
    return rows.map(stored)
  }

  /** A hidden one stays hidden. False: it cannot be edited any more. */
  async edit(
    id: string,
    { text, status, heldFor, editedAt }: Pick<Row, 'text' | 'status' | 'heldFor' | 'editedAt'>,
  ): Promise<boolean> {
    const next = sql`case ${comments.status} when 'hidden' then 'hidden' else ${status} end`
    return this.#update(id, ['visible', 'hidden'], { text, status: next, heldFor, editedAt })
  }

  /** What is not shown any more is not kept. False: it was gone already. */
  async delete(id: string): Promise<boolean> {
    return this.#update(id, ['visible', 'held', 'hidden'], { text: '', status: 'deleted', heldFor: null })
  }

  /** False: it does not wait. */
  async decide(id: string, isApproved: boolean): Promise<boolean> {
    const change = isApproved ? { status: 'visible' as const } : { status: 'rejected' as const, text: '' }
    return this.#update(id, ['held'], { ...change, heldFor: null })
  }

  /** Idempotent. Answers how many like it now; undefined: nobody can. */
  async like(id: string, accountId: string): Promise<number | undefined> {
    // One statement: whoever likes at the same time waits for the row, and counts on.
    await this.#db.execute(sql`
      with added as (
        insert into comment_likes (comment_id, account_id)
        select id, ${accountId}::uuid from comments where id = ${id} and status in ('visible', 'hidden')
        on conflict do nothing returning comment_id
      )
      update comments set like_count = like_count + 1 from added where comments.id = added.comment_id`)
    return this.#countLikes(id)
  }

  /** As `like`. */
  async unlike(id: string, accountId: string): Promise<number | undefined> {
    await this.#db.execute(sql`
      with removed as (
        delete from comment_likes where comment_id = ${id} and account_id = ${accountId}::uuid returning comment_id
      )
      update comments set like_count = like_count - 1 from removed where comments.id = removed.comment_id`)
    return this.#countLikes(id)
  }

  async #countLikes(id: string): Promise<number | undefined> {
    const [row] = await this.#db
      .select({ likeCount: comments.likeCount })
      .from(comments)
      .where(and(eq(comments.id, id), inArray(comments.status, ['visible', 'hidden'])))
    return row?.likeCount
  }

  async #update(
    id: string,
    from: readonly CommentStatus[],
    set: Partial<Omit<Row, 'status'>> & { status: CommentStatus | SQL },
  ): Promise<boolean> {
    const rows = await this.#db
      .update(comments)
      .set(set)
      .where(and(eq(comments.id, id), inArray(comments.status, [...from])))
      .returning({ id: comments.id })
    return rows.length > 0
  }

  #visibleReplies<T extends Record<string, SQL>>(fields: T) {
    return this.#db
      .select(fields)
      .from(replies)
      .where(and(eq(replies.threadId, comments.id), eq(replies.status, 'visible')))
  }

  #select(viewerId: string | undefined) {
    const likes = this.#db
      .select({ one: sql`1` })
      .from(commentLikes)
      .where(and(eq(commentLikes.commentId, comments.id), eq(commentLikes.accountId, viewerId ?? '')))
    return this.#db
      .select({
        ...{ id: comments.id, vodId: comments.vodId, vodTitle: vods.title, threadId: comments.threadId },
        ...{ accountId: comments.accountId, username: accounts.username, text: comments.text },
        ...{ status: comments.status, heldFor: comments.heldFor, likeCount: comments.likeCount },
        ...{ createdAt: comments.createdAt, editedAt: comments.editedAt },
        ...{ repliedId: answered.id, repliedName: answeredBy.username },
        isLiked: viewerId === undefined ? sql<boolean>`false` : sql<boolean>`${exists(likes)}`,
        replyCount: sql`(${this.#visibleReplies({ count: sql`count(*)` })})`.mapWith(Number),
      })
      .from(comments)
      .innerJoin(vods, eq(vods.id, comments.vodId))
      .innerJoin(accounts, eq(accounts.id, comments.accountId))
      .leftJoin(answered, and(eq(answered.id, comments.replyTo), eq(answered.status, 'visible')))
      .leftJoin(answeredBy, eq(answeredBy.id, answered.accountId))
  }
}

type Selected = Omit<StoredComment, 'replied'> & { repliedId: string | null; repliedName: string | null }

function stored({ repliedId, repliedName, ...row }: Selected): StoredComment {
  return { ...row, replied: repliedId === null ? null : { id: repliedId, username: repliedName ?? '' } }
}

/** What its author alone sees of it. */
function isOwnUnseen(viewerId: string | undefined): SQL | undefined {
  if (viewerId === undefined) return undefined
  return and(eq(comments.accountId, viewerId), inArray(comments.status, ['held', 'hidden']))
}

function isLessLiked({ likeCount, id }: ThreadPosition): SQL | undefined {
  return or(lt(comments.likeCount, likeCount), and(eq(comments.likeCount, likeCount), lt(comments.id, id)))
}
