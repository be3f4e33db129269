/** The tables, as Drizzle sees them, those of the chat apart; `drizzle/` holds the migrations generated from here. */
import { sql } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

/** Milliseconds, so that a JavaScript Date comes back as it went in: cursors compare it. */
export const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

/** As `src/channels/settings.ts` has checked them. */
interface StoredIngestLimits {
  readonly maxWidth?: number | undefined
  readonly maxHeight?: number | undefined
  readonly maxFrameRate?: number | undefined
  readonly maxBitrateBps?: number | undefined
  readonly maxKeyFrameIntervalMs?: number | undefined
  readonly videoCodecs?: readonly ('h264' | 'hevc' | 'av1')[] | undefined
  readonly audioCodecs?: readonly ('aac' | 'opus')[] | undefined
  readonly maxSessionMs?: number | undefined
}

export const accounts = pgTable('accounts', {
  id: uuid('id').primaryKey(),
  /** Lower case, so that the unique index ignores case. */
  username: text('username').notNull().unique(),
  /** argon2id in PHC format. */
  passwordHash: text('password_hash').notNull(),
  createdAt: time('created_at').notNull(),
})

/** A browser that is signed in. */
export const sessions = pgTable(
  'sessions',
  {
    /** SHA-256 of the cookie's token, in hex. */
    id: text('id').primaryKey(),
    userId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    /** The refresh tokens handed out at the same sign-in; they end together. */
    familyId: uuid('family_id').notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  table => [
    index('sessions_account').on(table.userId),
    index('sessions_family').on(table.familyId),
    index('sessions_expiry').on(table.expiresAt),
  ],
)

/** Every refresh token until it expires, spent ones too: their second use gives a theft away. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    /** SHA-256 of the token, in hex. */
    id: text('id').primaryKey(),
    familyId: uuid('family_id').notNull(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    spentAt: time('spent_at'),
  },
  table => [
    index('refresh_tokens_account').on(table.accountId),
    index('refresh_tokens_family').on(table.familyId),
    index('refresh_tokens_expiry').on(table.expiresAt),
  ],
)

export const channels = pgTable(
  'channels',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    slug: text('slug').notNull().unique(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    /** SHA-256 of the stream key, in hex: finds the channel of a publisher. */
    streamKeyHash: text('stream_key_hash').notNull().unique(),
    /** AES-256-GCM of the stream key, so that its owner sees it again. */
    streamKeyCipher: text('stream_key_cipher').notNull(),
    createdAt: time('created_at').notNull(),
    /** What happens to a second publisher while the first is alive. */
    secondPublisher: text('second_publisher', { enum: ['reject', 'takeover'] })
      .notNull()
      .default('reject'),
    /** Whether the primary takes over from the backup by itself when it is back. */
    backupReturn: text('backup_return', { enum: ['automatic', 'manual'] })
      .notNull()
      .default('automatic'),
    /** What happens to a publisher beyond `ingestLimits`. */
    onBreach: text('on_breach', { enum: ['refuse', 'warn'] })
      .notNull()
      .default('refuse'),
    /** The owner's limits on incoming media; a limit that is not set is not there. */
    ingestLimits: jsonb('ingest_limits').$type<StoredIngestLimits>().notNull().default({}),
    /** Who may watch live: everybody and listed; whoever has the address; members of the channel and whom they let in. */
    visibility: text('visibility', { enum: ['public', 'unlisted', 'private'] })
      .notNull()
      .default('public'),
    /** What a stream becomes when it ends; `off`: nothing. */
    vodVisibility: text('vod_visibility', { enum: ['public', 'unlisted', 'private', 'off'] })
      .notNull()
      .default('public'),
    /** How long VODs of streams are kept; null: for ever, or as long as the instance keeps them. */
    vodRetentionDays: integer('vod_retention_days'),
    /** Who may cut clips. */
    clipsBy: text('clips_by', { enum: ['everyone', 'followers', 'members', 'nobody'] })
      .notNull()
      .default('everyone'),
  },
  table => [
    index('channels_account').on(table.accountId),
    check('channels_second_publisher', sql`${table.secondPublisher} in ('reject', 'takeover')`),
    check('channels_backup_return', sql`${table.backupReturn} in ('automatic', 'manual')`),
    check('channels_on_breach', sql`${table.onBreach} in ('refuse', 'warn')`),
    check('channels_visibility', sql`${table.visibility} in ('public', 'unlisted', 'private')`),
    check('channels_vod_visibility', sql`${table.vodVisibility} in ('public', 'unlisted', 'private', 'off')`),
    check('channels_clips_by', sql`${table.clipsBy} in ('everyone', 'followers', 'members', 'nobody')`),
  ],
)

/** One live period of a channel. */
export const streams = pgTable(
  'streams',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    status: text('status', { enum: ['starting', 'live', 'reconnecting', 'ended'] }).notNull(),
    createdAt: time('created_at').notNull(),
    /** Its first key frame. */
    startedAt: time('started_at'),
    endedAt: time('ended_at'),
    /** The process that carries it; null: one from before there could be several. */
    instanceId: uuid('instance_id'),
  },
  table => [
    check('streams_status', sql`${table.status} in ('starting', 'live', 'reconnecting', 'ended')`),
    uniqueIndex('streams_one_open_per_channel').on(table.channelId).where(sql`${table.status} <> 'ended'`),
    index('streams_live')
      .on(table.startedAt.desc().nullsFirst(), table.id.desc().nullsFirst())
      .where(sql`${table.status} in ('live', 'reconnecting')`),
    index('streams_channel').on(table.channelId, table.createdAt),
  ],
)

/** The processes that serve this database, as long as they say so. */
export const instances = pgTable('instances', {
  id: uuid('id').primaryKey(),
  seenAt: time('seen_at').notNull(),
})

/** Who follows which channel. */
export const follows = pgTable(
  'follows',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    followedAt: time('followed_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.accountId, table.channelId] }),
    index('follows_channel').on(table.channelId),
  ],
)
