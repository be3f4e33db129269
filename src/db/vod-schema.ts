/** The tables of recordings and what is published of them, as Drizzle sees them. */
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { accounts, channels, streams, time } from './schema.ts'

const bytes = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/**
 * A recording and what is published of it: a stream's, an uploaded file's, or a clip's. Its media are objects below
 * `vods/ID/`, which the tables after this one list.
 */
export const vods = pgTable(
  'vods',
  {
    id: uuid('id').primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['live', 'upload', 'clip'] }).notNull(),
    /** Of `live`: the stream it is of. */
    streamId: uuid('stream_id')
      .unique()
      .references(() => streams.id, { onDelete: 'set null' }),
    /** Of `clip`: what it was cut from, as long as that exists. */
    sourceId: uuid('source_id').references((): AnyPgColumn => vods.id, { onDelete: 'set null' }),
    /** Who made the clip or sent the file; null: the channel itself. */
    authorId: uuid('author_id').references(() => accounts.id, { onDelete: 'set null' }),
    title: text('title').notNull(),
    description: text('description').notNull().default(''),
    tags: text('tags').array().notNull().default([]),
    /** `off`: kept as long as its stream runs, for rewinding, and never shown as a VOD. */
    visibility: text('visibility', { enum: ['public', 'unlisted', 'private', 'off'] }).notNull(),
    /**
     * `recording`: media is still coming; `processing`: a job makes it; `ready`: it can be played; `failed`: `problem` says
     * why; `deleted`: its objects are being removed, nobody sees it.
     */
    status: text('status', { enum: ['recording', 'processing', 'ready', 'failed', 'deleted'] }).notNull(),
    /** What is wrong with it, for a person: a disk that was full, a file that could not be read. */
    problem: text('problem'),
    /** 0 to 1 while a job makes it. */
    progress: real('progress'),
    /** The process that writes it while `recording`. */
    instanceId: uuid('instance_id'),
    createdAt: time('created_at').notNull(),
    /** When it became `ready`. */
    publishedAt: time('published_at'),
    /** Of its source rendition, when `ready`. */
    durationMs: integer('duration_ms'),
    /** All its segments. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull().default(0),
    /** No segment is longer (EXT-X-TARGETDURATION); null: none is stored yet. */
    targetDurationSeconds: integer('target_duration_seconds'),
    /** Where the picture that stands for it is taken from; null: chosen by itself. */
    thumbnailMs: integer('thumbnail_ms'),
    /** Times to choose from. */
    thumbnailCandidatesMs: integer('thumbnail_candidates_ms').array().notNull().default([]),
    /** Sprites of small pictures for seeking; null: not made. */
    storyboard: jsonb('storyboard').$type<Storyboard>(),
    viewCount: integer('view_count').notNull().default(0),
    /** Of `clip`: the part of its source, on that one's time line. */
    clip: jsonb('clip').$type<ClipRange>(),
  },
  table => [
    check('vods_kind', sql`${table.kind} in ('live', 'upload', 'clip')`),
    check('vods_visibility', sql`${table.visibility} in ('public', 'unlisted', 'private', 'off')`),
    check('vods_status', sql`${table.status} in ('recording', 'processing', 'ready', 'failed', 'deleted')`),
    index('vods_channel').on(
      table.channelId,
      table.kind,
      table.createdAt.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('vods_source').on(table.sourceId),
    index('vods_unfinished')
      .on(table.status)
      .where(sql`${table.status} in ('recording', 'processing', 'deleted')`),
  ],
)

export interface Storyboard {
  /** From one picture to the next. */
  readonly intervalMs: number
  readonly pictures: number
  /** Of one picture, pixels. */
  readonly width: number
  readonly height: number
  /** How many a sheet holds in a row and in a column; sheet N is the object `storyboard-N.jpg`. */
  readonly columns: number
  readonly rows: number
}

export interface ClipRange {
  readonly fromMs: number
  readonly toMs: number
  /** Ends that are no key frames were encoded again. */
  readonly isExact: boolean
}

/** What the segments of a rendition decode with. There is one for each change of codec settings. */
export const vodInits = pgTable(
  'vod_inits',
  {
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    /** `source`, `720p`, `audio`, `audio-2`: part of object keys and URIs. */
    rendition: text('rendition').notNull(),
    /** From 0, rising. */
    index: integer('index').notNull(),
    /** What a rendition is of. */
    kind: text('kind', { enum: ['source', 'rung', 'sound'] }).notNull(),
    /** ftyp and moov. */
    data: bytes('data').notNull(),
    track: jsonb('track').$type<StoredTrack>().notNull(),
  },
  table => [
    primaryKey({ columns: [table.vodId, table.rendition, table.index] }),
    check('vod_inits_kind', sql`${table.kind} in ('source', 'rung', 'sound')`),
  ],
)

/** What playlists say of a track. */
export interface StoredTrack {
  readonly kind: 'video' | 'audio'
  readonly codec: string
  /** RFC 6381. */
  readonly codecString: string
  /** Ticks per second in its segments. */
  readonly timescale: number
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** As the publisher states it. */
  readonly frameRate?: number | undefined
  readonly videoRange?: 'SDR' | 'HLG' | 'PQ' | undefined
  readonly sampleRate?: number | undefined
  readonly channels?: number | undefined
  /** BCP 47. */
  readonly language?: string | undefined
}

/** Every segment, in every rendition: the object `vods/ID/RENDITION/SEQUENCE.m4s`, or a gap without an object. */
export const vodSegments = pgTable(
  'vod_segments',
  {
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    rendition: text('rendition').notNull(),
    /** Those of all renditions with the same one cover the same time. */
    sequence: integer('sequence').notNull(),
    /** Of the init segment it decodes with; null: a gap before any media. */
    initIndex: integer('init_index'),
    /** Discontinuity sequence number. */
    discontinuity: integer('discontinuity').notNull(),
    /** The time line or the tracks are not those of the segment before. */
    isDiscontinuity: boolean('is_discontinuity').notNull(),
    /** There is no media for all of its time, or its object is lost. */
    isGap: boolean('is_gap').notNull(),
    /** It begins with a key frame. */
    isIndependent: boolean('is_independent').notNull(),
    /** Presentation time of its beginning on its own time line (tfdt's), which begins anew at discontinuities. */
    startSeconds: doublePrecision('start_seconds').notNull(),
    /** The same as wall-clock time, milliseconds since the epoch: EXT-X-PROGRAM-DATE-TIME, and where chat belongs. */
    startsAtMs: doublePrecision('starts_at_ms').notNull(),
    durationSeconds: doublePrecision('duration_seconds').notNull(),
    /** Of the object; 0 for a gap. */
    sizeBytes: integer('size_bytes').notNull(),
    /** SHA-256 of the object, in hex; empty for a gap. */
    checksum: text('checksum').notNull(),
    frameCount: integer('frame_count').notNull(),
    /** Where its frames lie in the object, as media/mp4/sample-table.ts writes it. */
    samples: bytes('samples').notNull(),
  },
  table => [primaryKey({ columns: [table.vodId, table.rendition, table.sequence] })],
)

/** How far an account has watched. */
export const vodPositions = pgTable(
  'vod_positions',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    positionMs: integer('position_ms').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.accountId, table.vodId] }),
    index('vod_positions_vod').on(table.vodId),
  ],
)

/** Who has watched on which day, so that one person counts once a day. */
export const vodViews = pgTable(
  'vod_views',
  {
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    /** Of the account, or of the browser (SHA-256 in hex). */
    viewer: text('viewer').notNull(),
    /** Days since the epoch. */
    day: integer('day').notNull(),
  },
  table => [
    primaryKey({ columns: [table.vodId, table.viewer, table.day] }),
    index('vod_views_day').on(table.day),
  ],
)

/** The pieces that an uploaded file is split into, each encoded by itself. */
export const vodChunks = pgTable(
  'vod_chunks',
  {
    vodId: uuid('vod_id')
      .notNull()
      .references(() => vods.id, { onDelete: 'cascade' }),
    index: integer('index').notNull(),
    /** On the file's time line. */
    startSeconds: doublePrecision('start_seconds').notNull(),
    durationSeconds: doublePrecision('duration_seconds').notNull(),
    status: text('status', { enum: ['waiting', 'done', 'failed'] }).notNull(),
    /** Who did it, and how often it was tried: for people who look for a slow machine. */
    instanceId: uuid('instance_id'),
    attempts: integer('attempts').notNull().default(0),
  },
  table => [
    primaryKey({ columns: [table.vodId, table.index] }),
    check('vod_chunks_status', sql`${table.status} in ('waiting', 'done', 'failed')`),
  ],
)
