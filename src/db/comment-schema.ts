/** The tables of comments on videos, as Drizzle sees them. */
import { sql } from 'drizzle-orm'
import { type AnyPgColumn, check, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { accounts, time } from './schema.ts'
import { vods } from './vod-schema.ts'

/** Ids are version 7: what is written later has a higher one. */
export const comments = pgTable(
  'comments',
  {
    id: uuid('id').primaryKey(),
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    /** The comment at the head of the thread; null: it is one. */
    threadId: uuid('thread_id').references((): AnyPgColumn => comments.id, { onDelete: 'cascade' }),
    /** The one that it answers, in the same thread. */
    replyTo: uuid('reply_to').references((): AnyPgColumn => comments.id, { onDelete: 'set null' }),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    /** Empty when it is deleted. */
    text: text('text').notNull(),
    /** IPv4 address or IPv6 /64 it came from, for bans of address ranges. */
    address: text('address').notNull(),
    /** `deleted`: the thread below it stays; `held`: a moderator has to look; `hidden`: its author alone sees it. */
    status: text('status', { enum: ['visible', 'held', 'rejected', 'deleted', 'hidden'] }).notNull(),
    /** Why a moderator has to look. */
    heldFor: text('held_for', { enum: ['word', 'link', 'first_message'] }),
    createdAt: time('created_at').notNull(),
    editedAt: time('edited_at'),
    /** Of `comment_likes`, changed in the statement that changes those. */
    likeCount: integer('like_count').notNull().default(0),
  },
  table => [
    check('comments_status', sql`${table.status} in ('visible', 'held', 'rejected', 'deleted', 'hidden')`),
    check('comments_held_for', sql`${table.heldFor} in ('word', 'link', 'first_message')`),
    index('comments_newest')
      .on(table.vodId, table.id.desc().nullsFirst())
      .where(sql`${table.threadId} is null`),
    index('comments_liked')
      .on(table.vodId, table.likeCount.desc().nullsFirst(), table.id.desc().nullsFirst())
      .where(sql`${table.threadId} is null`),
    index('comments_visible').on(table.vodId).where(sql`${table.status} = 'visible'`),
    index('comments_held').on(table.vodId, table.id).where(sql`${table.status} = 'held'`),
    index('comments_thread').on(table.threadId, table.id, table.status),
    index('comments_reply').on(table.replyTo),
    index('comments_account').on(table.accountId, table.vodId),
  ],
)

export const commentLikes = pgTable(
  'comment_likes',
  {
    commentId: uuid('comment_id')
      .notNull()
      .references(() => comments.id, { onDelete: 'cascade' }),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
  },
  table => [
    primaryKey({ columns: [table.commentId, table.accountId] }),
    index('comment_likes_account').on(table.accountId),
  ],
)
