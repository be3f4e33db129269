/** Hides where what a VOD is made of is written down: init segments, and segments in every rendition. */
import { and, asc, eq, getTableColumns, gte, lte, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { vodInits, vodSegments, vods } from '../db/vod-schema.ts'
import type { TimelineSegment } from './timeline.ts'

export type VodInit = typeof vodInits.$inferSelect
export type StoredTrack = VodInit['track']
export type VodSegment = typeof vodSegments.$inferSelect
/** A segment as playlists need it, without where its frames lie. */
export type VodEntry = Omit<VodSegment, 'samples'>

/** What is absent does not limit. */
export interface SegmentRange {
  readonly rendition?: string | undefined
  /** The first sequence. */
  readonly from?: number | undefined
  /** The last sequence. */
  readonly to?: number | undefined
}

/** A segment, and where it begins on the VOD's time line. */
export interface LocatedSegment {
  readonly segment: VodSegment
  readonly offsetSeconds: number
}

/** Of the source rendition, and of all objects. */
export interface Totals {
  readonly durationMs: number
  readonly sizeBytes: number
  /** Of any rendition; 0 without segments. */
  readonly longestSeconds: number
  /** Segments of the source that are no gaps. */
  readonly stored: number
}

/** What the segments of a VOD's own picture and sound are called. */
export const SOURCE = 'source'
/** Rows in one statement: far below the 65,535 parameters that PostgreSQL takes. */
const MAX_ROWS = 500

const { samples, ...entryColumns } = getTableColumns(vodSegments)
/** Every column as it was to be inserted. */
const INSERTED = Object.fromEntries(
  Object.entries(getTableColumns(vodSegments)).map(([name, column]) => [
    name,
    sql.raw(`excluded.${column.name}`),
  ]),
)

export class Manifest {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Idempotent: the first one stays. */
  async addInit(vodId: string, init: Omit<VodInit, 'vodId'>): Promise<void> {
    await this.#db
      .insert(vodInits)
      .values({ ...init, vodId })
      .onConflictDoNothing()
  }

  /** Idempotent: the first row of a sequence stays, unless it is a gap whose media has come after all. */
  async addSegments(rows: readonly VodSegment[]): Promise<void> {
    for (let at = 0; at < rows.length; at += MAX_ROWS)
      await this.#db
        .insert(vodSegments)
        .values(rows.slice(at, at + MAX_ROWS))
        .onConflictDoUpdate({
          target: [vodSegments.vodId, vodSegments.rendition, vodSegments.sequence],
          set: INSERTED,
          setWhere: sql`${vodSegments.isGap} and not excluded.is_gap`,
        })
  }

  /** By rendition, then in their order. */
  async inits(vodId: string): Promise<VodInit[]> {
    return this.#db
      .select()
      .from(vodInits)
      .where(eq(vodInits.vodId, vodId))
      .orderBy(asc(vodInits.rendition), asc(vodInits.index))
  }

  async findInit(vodId: string, rendition: string, index: number): Promise<VodInit | undefined> {
    const [init] = await this.#db
      .select()
      .from(vodInits)
      .where(and(eq(vodInits.vodId, vodId), eq(vodInits.rendition, rendition), eq(vodInits.index, index)))
    return init
  }

  /** By rendition, then in their order. */
  async segments(vodId: string, range: SegmentRange = {}): Promise<VodSegment[]> {
    return this.#db
      .select()
      .from(vodSegments)
      .where(within(vodId, range))
      .orderBy(asc(vodSegments.rendition), asc(vodSegments.sequence))
  }

  /** `segments` without their samples, which are most of the bytes. */
  async entries(vodId: string, range: SegmentRange = {}): Promise<VodEntry[]> {
    return this.#db
      .select(entryColumns)
      .from(vodSegments)
      .where(within(vodId, range))
      .orderBy(asc(vodSegments.rendition), asc(vodSegments.sequence))
  }

  async findEntry(vodId: string, rendition: string, sequence: number): Promise<VodEntry | undefined> {
    const [entry] = await this.#db
      .select(entryColumns)
      .from(vodSegments)
      .where(within(vodId, { rendition, from: sequence, to: sequence }))
    return entry
  }

  /** When each segment of the source was, in their order. */
  async times(vodId: string): Promise<TimelineSegment[]> {
    return this.#db
      .select({ startsAtMs: vodSegments.startsAtMs, durationSeconds: vodSegments.durationSeconds })
      .from(vodSegments)
      .where(within(vodId, { rendition: SOURCE }))
      .orderBy(asc(vodSegments.sequence))
  }

  /**
   * The segment of the source that is shown so many seconds after the beginning, and where it begins; where nothing is
   * stored, the one before, or else the one after. Undefined: nothing is stored at all.
   */
  async locate(vodId: string, seconds: number): Promise<LocatedSegment | undefined> {
    const rows = await this.#db.execute(sql`
      select sequence, starts_at from (
        select sequence, is_gap, sum(duration_seconds) over (order by sequence) - duration_seconds as starts_at
        from vod_segments where vod_id = ${vodId} and rendition = ${SOURCE}) as placed
      where not is_gap
      order by starts_at > ${seconds}::float8, abs(starts_at - ${seconds}::float8) limit 1`)
    const [placed] = rowsOf(rows)
    if (!placed) return undefined
    const sequence = Number(placed['sequence'])
    const [segment] = await this.segments(vodId, { rendition: SOURCE, from: sequence, to: sequence })
    return segment && { segment, offsetSeconds: Number(placed['starts_at']) }
  }

  /** Its object is lost: players are told to pass over it. The VOD's size falls by it. */
  async markGap(vodId: string, rendition: string, sequence: number): Promise<void> {
    const isIt = within(vodId, { rendition, from: sequence, to: sequence })
    await this.#db.transaction(async tx => {
      const [lost] = await tx
        .select({ sizeBytes: vodSegments.sizeBytes })
        .from(vodSegments)
        .where(isIt)
        .for('update')
      if (!lost) return
      const empty = { isGap: true, isIndependent: false, sizeBytes: 0, checksum: '', frameCount: 0 }
      await tx
        .update(vodSegments)
        .set({ ...empty, samples: new Uint8Array() })
        .where(isIt)
      await tx
        .update(vods)
        .set({ sizeBytes: sql`greatest(0, ${vods.sizeBytes} - ${lost.sizeBytes}::int)` })
        .where(eq(vods.id, vodId))
    })
  }

  /** Where a rendition lacks a segment that the source has, it has a gap from now on. Idempotent. */
  async fillGaps(vodId: string): Promise<void> {
    const columns = [
      ...['vod_id', 'rendition', 'sequence', 'discontinuity', 'is_discontinuity', 'start_seconds'],
      ...['starts_at_ms', 'duration_seconds', 'is_gap', 'is_independent', 'size_bytes', 'checksum'],
      ...['frame_count', 'samples'],
    ]
    await this.#db.execute(sql`
      insert into vod_segments (${sql.raw(columns.join(', '))})
      select s.vod_id, r.rendition, s.sequence, s.discontinuity, s.is_discontinuity, s.start_seconds,
        s.starts_at_ms, s.duration_seconds, true, false, 0, '', 0, ''::bytea
      from vod_segments s
      cross join (select distinct rendition from vod_inits where vod_id = ${vodId}) r
      where s.vod_id = ${vodId} and s.rendition = ${SOURCE}
      on conflict do nothing`)
  }

  async totals(vodId: string): Promise<Totals> {
    const isSource = sql`${vodSegments.rendition} = ${SOURCE}`
    const [row] = await this.#db
      .select({
        durationMs:
          sql`coalesce(sum(${vodSegments.durationSeconds}) filter (where ${isSource}), 0) * 1000`.mapWith(
            value => Math.round(Number(value)),
          ),
        sizeBytes: sql`coalesce(sum(${vodSegments.sizeBytes}), 0)`.mapWith(Number),
        longestSeconds: sql`coalesce(max(${vodSegments.durationSeconds}), 0)`.mapWith(Number),
        stored: sql`count(*) filter (where ${isSource} and not ${vodSegments.isGap})`.mapWith(Number),
      })
      .from(vodSegments)
      .where(eq(vodSegments.vodId, vodId))
    return row ?? { durationMs: 0, sizeBytes: 0, longestSeconds: 0, stored: 0 }
  }

  /** All its rows; the VOD's own stays. */
  async remove(vodId: string): Promise<void> {
    await this.#db.delete(vodSegments).where(eq(vodSegments.vodId, vodId))
    await this.#db.delete(vodInits).where(eq(vodInits.vodId, vodId))
  }
}

function within(vodId: string, { rendition, from, to }: SegmentRange): SQL | undefined {
  return and(
    eq(vodSegments.vodId, vodId),
    rendition === undefined ? undefined : eq(vodSegments.rendition, rendition),
    from === undefined ? undefined : gte(vodSegments.sequence, from),
    to === undefined ? undefined : lte(vodSegments.sequence, to),
  )
}

/** What a statement of one's own answers, whichever driver ran it. */
function rowsOf(result: unknown): Record<string, unknown>[] {
  return Array.isArray(result) ? result : (result as { rows: Record<string, unknown>[] }).rows
}
