/** The tables of the chat, as Drizzle sees them. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { accounts, channels, streams, time } from './schema.ts'

const bytes = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/** A channel's chat: its settings, and the number of the last event that all who are there must see. */
export const chatRooms = pgTable('chat_rooms', {
  channelId: uuid('channel_id')
    .primaryKey()
    .references(() => channels.id, { onDelete: 'cascade' }),
  /** Raised in the transaction that stores the event, so that numbers have no gap and become visible in their order. */
  seq: bigint('seq', { mode: 'number' }).notNull().default(0),
  /** As `src/chat/settings.ts` has checked them; what is absent has its default. */
  settings: jsonb('settings').$type<Record<string, unknown>>().notNull().default({}),
})

export const chatMessages = pgTable(
  'chat_messages',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    /** Its place in the room; null while it is held for review, and for ever when its author is hidden. */
    seq: bigint('seq', { mode: 'number' }),
    /** The stream that was open then: a recording replays its chat. */
    streamId: uuid('stream_id').references(() => streams.id, { onDelete: 'set null' }),
    /** Null: a guest. */
    accountId: uuid('account_id').references(() => accounts.id, { onDelete: 'cascade' }),
    authorName: text('author_name').notNull(),
    badges: jsonb('badges').$type<readonly string[]>().notNull().default([]),
    /** Where it came from: an IPv4 address or an IPv6 /64, for bans of address ranges. */
    address: text('address').notNull(),
    text: text('text').notNull(),
    replyTo: uuid('reply_to'),
    /** Codes of the channel's emotes in the text, and their ids. */
    emotes: jsonb('emotes').$type<readonly { code: string; id: string }[]>().notNull().default([]),
    status: text('status', { enum: ['visible', 'held', 'rejected', 'deleted', 'hidden'] }).notNull(),
    sentAt: time('sent_at').notNull(),
  },
  table => [
    uniqueIndex('chat_messages_place').on(table.channelId, table.seq),
    index('chat_messages_author').on(table.channelId, table.accountId, table.sentAt),
    index('chat_messages_held').on(table.channelId, table.sentAt).where(sql`${table.status} = 'held'`),
    index('chat_messages_stream').on(table.streamId, table.sentAt),
    index('chat_messages_age').on(table.sentAt),
    check(
      'chat_messages_status',
      sql`${table.status} in ('visible', 'held', 'rejected', 'deleted', 'hidden')`,
    ),
  ],
)

/** What moderators and the room's own rules did; those with a place in the room are seen by all who are there. */
export const chatActions = pgTable(
  'chat_actions',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    seq: bigint('seq', { mode: 'number' }),
    /** Null: the room's rules did it by themselves. */
    actorId: uuid('actor_id').references(() => accounts.id, { onDelete: 'set null' }),
    action: text('action').notNull(),
    targetId: uuid('target_id').references(() => accounts.id, { onDelete: 'set null' }),
    /** The name at that time: of an account, a guest, or the range of addresses. */
    targetName: text('target_name'),
    messageId: uuid('message_id'),
    reason: text('reason'),
    /** When it ends; null: when somebody ends it. */
    until: time('until'),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
    actedAt: time('acted_at').notNull(),
  },
  table => [
    uniqueIndex('chat_actions_place').on(table.channelId, table.seq),
    index('chat_actions_log').on(table.channelId, table.actedAt),
  ],
)

/** Who may not speak in a room, or is not heard there. */
export const chatBans = pgTable(
  'chat_bans',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    /** `ban`: out; `timeout`: silent until `until`; `shadow`: heard by nobody else. */
    kind: text('kind', { enum: ['ban', 'timeout', 'shadow'] }).notNull(),
    accountId: uuid('account_id').references(() => accounts.id, { onDelete: 'cascade' }),
    /** A range of addresses in CIDR form, instead of an account. */
    addressRange: text('address_range'),
    reason: text('reason'),
    until: time('until'),
    byAccountId: uuid('by_account_id').references(() => accounts.id, { onDelete: 'set null' }),
    createdAt: time('created_at').notNull(),
  },
  table => [
    uniqueIndex('chat_bans_account').on(table.channelId, table.accountId, table.kind),
    uniqueIndex('chat_bans_range').on(table.channelId, table.addressRange, table.kind),
    check('chat_bans_kind', sql`${table.kind} in ('ban', 'timeout', 'shadow')`),
    check('chat_bans_target', sql`num_nonnulls(${table.accountId}, ${table.addressRange}) = 1`),
  ],
)

/** What an account is in a channel's chat, beside its owner. */
export const chatRoles = pgTable(
  'chat_roles',
  {
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    role: text('role', { enum: ['moderator', 'vip', 'subscriber'] }).notNull(),
    grantedAt: time('granted_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.channelId, table.accountId] }),
    check('chat_roles_role', sql`${table.role} in ('moderator', 'vip', 'subscriber')`),
  ],
)

/** A channel's own little pictures; few and small, so that every instance has them with the database. */
export const emotes = pgTable(
  'emotes',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    /** What is typed between colons. */
    code: text('code').notNull(),
    /** WebP. */
    image: bytes('image').notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    createdAt: time('created_at').notNull(),
  },
  table => [uniqueIndex('emotes_code').on(table.channelId, table.code)],
)

export const streamLikes = pgTable(
  'stream_likes',
  {
    streamId: uuid('stream_id')
      .notNull()
      .references(() => streams.id, { onDelete: 'cascade' }),
    /** An account's id, or the key of a viewer who is not signed in. */
    liker: text('liker').notNull(),
    likedAt: time('liked_at').notNull(),
  },
  table => [primaryKey({ columns: [table.streamId, table.liker] })],
)
