/** The tables of private playback, as Drizzle sees them. */
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { channels, time } from './schema.ts'
import { vods } from './vod-schema.ts'

/**
 * A link that lets whoever has it watch a private channel live, or one VOD. Its token is signed, not stored; it is
 * revoked by removing the row.
 */
export const playbackShares = pgTable(
  'playback_shares',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    /** Null: the channel's live streams. */
    vodId: uuid('vod_id').references(() => vods.id, { onDelete: 'cascade' }),
    /** For whom it was made, in the owner's words. */
    name: text('name').notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  table => [
    index('playback_shares_channel').on(table.channelId, table.createdAt),
    index('playback_shares_vod').on(table.vodId),
  ],
)
