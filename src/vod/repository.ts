/** Hides the SQL of VODs. */
import { and, desc, eq, getTableColumns, inArray, lt, ne, or, type SQL } from 'drizzle-orm'
import { chatRoles } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import { accounts, channels, streams } from '../db/schema.ts'
import { type ClipRange, type Storyboard, vods } from '../db/vod-schema.ts'
import { type ChannelRole, isMoreVisible, type Person } from './visibility.ts'

type Row = typeof vods.$inferSelect
export type VodKind = Row['kind']
export type VodStatus = Row['status']
export type VodVisibility = Row['visibility']

/** A VOD with its channel and author; the fields are those of the table. */
export interface Vod extends Omit<Row, 'channelId' | 'authorId'> {
  readonly channel: {
    readonly id: string
    readonly slug: string
    readonly title: string
    readonly ownerId: string
  }
  /** Who made the clip or sent the file; null: the channel itself. */
  readonly author: { readonly id: string; readonly username: string } | null
  /** Of a stream's: its first key frame. */
  readonly startedAt: Date | null
}

/** What a job is to make; media comes later. */
export interface NewVod {
  readonly id?: string | undefined
  readonly channelId: string
  readonly kind: 'upload' | 'clip'
  readonly title: string
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly visibility: Exclude<VodVisibility, 'off'>
  readonly authorId?: string | null | undefined
  readonly sourceId?: string | null | undefined
  readonly clip?: ClipRange | null | undefined
}

export interface NewRecording {
  readonly streamId: string
  /** Unless told, the channel's setting. */
  readonly visibility?: VodVisibility | undefined
  /** Unless told, the stream's. */
  readonly title?: string | undefined
  /** The process that writes it. */
  readonly instanceId: string | null
}

/** What people and jobs change of a VOD; what is undefined stays. */
export interface VodChanges {
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly tags?: string[] | undefined
  readonly visibility?: VodVisibility | undefined
  readonly thumbnailMs?: number | null | undefined
  readonly thumbnailCandidatesMs?: number[] | undefined
  readonly storyboard?: Storyboard | null | undefined
  readonly problem?: string | null | undefined
  readonly progress?: number | null | undefined
  readonly durationMs?: number | undefined
  readonly sizeBytes?: number | undefined
  readonly targetDurationSeconds?: number | undefined
}

/** Where a page of VODs ended. */
export interface VodPosition {
  readonly createdAt: Date
  readonly id: string
}

export interface VodPage {
  readonly channelId: string
  readonly kind: VodKind | undefined
  readonly limit: number
  readonly after: VodPosition | undefined
  /** Who looks, and whether they run the channel. */
  readonly person: Person
  readonly isRunning: boolean
}

export interface ReadyFacts {
  readonly durationMs: number
  readonly sizeBytes: number
  readonly targetDurationSeconds: number
  readonly publishedAt: Date
}

const { channelId, authorId, ...vodFields } = getTableColumns(vods)
const isSeen = ne(vods.status, 'deleted')
const isUnfinished = inArray(vods.status, ['recording', 'processing'])

export class VodsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Of any status but `deleted`. */
  async find(id: string): Promise<Vod | undefined> {
    const [vod] = await this.#select().where(and(eq(vods.id, id), isSeen))
    return vod
  }

  async findByStream(streamId: string): Promise<Vod | undefined> {
    const [vod] = await this.#select().where(and(eq(vods.streamId, streamId), isSeen))
    return vod
  }

  /** The recording of the stream that the channel has open. */
  async findRecording(channelId: string): Promise<Vod | undefined> {
    const [vod] = await this.#select()
      .where(and(eq(vods.channelId, channelId), eq(vods.status, 'recording')))
      .orderBy(desc(vods.createdAt), desc(vods.id))
      .limit(1)
    return vod
  }

  /** Oldest first; with the status of their streams, which may have ended. */
  async listByStatus(status: VodStatus, limit: number): Promise<Vod[]> {
    return this.#select().where(eq(vods.status, status)).orderBy(vods.createdAt, vods.id).limit(limit)
  }

  async list({ channelId, kind, limit, after, person, isRunning }: VodPage): Promise<Vod[]> {
    const isPublic = and(eq(vods.status, 'ready'), eq(vods.visibility, 'public'))
    const isForMembers =
      person.role && and(eq(vods.status, 'ready'), inArray(vods.visibility, ['public', 'private']))
    const isOwn = person.accountId === undefined ? undefined : eq(vods.authorId, person.accountId)
    const mayKnow = isRunning ? undefined : or(isForMembers ?? isPublic, isOwn)
    return this.#select()
      .where(
        and(
          eq(vods.channelId, channelId),
          kind && eq(vods.kind, kind),
          isSeen,
          ne(vods.visibility, 'off'),
          mayKnow,
          after && isBehind(after),
        ),
      )
      .orderBy(desc(vods.createdAt), desc(vods.id))
      .limit(limit)
  }

  /** False: there is no such channel. */
  async insert(id: string, { tags = [], ...vod }: NewVod, now: Date): Promise<boolean> {
    return this.#db.transaction(async tx => {
      const [channel] = await tx
        .select({ id: channels.id })
        .from(channels)
        .where(eq(channels.id, vod.channelId))
        .for('share')
      if (!channel) return false
      await tx.insert(vods).values({ ...vod, tags: [...tags], id, status: 'processing', createdAt: now })
      return true
    })
  }

  /** The id of the stream's recording, which is there already or new; undefined: there is no such stream. */
  async insertRecording(id: string, recording: NewRecording, now: Date): Promise<string | undefined> {
    const { streamId, instanceId } = recording
    return this.#db.transaction(async tx => {
      const [stream] = await tx
        .select({ channelId: channels.id, title: streams.title, visibility: channels.vodVisibility })
        .from(streams)
        .innerJoin(channels, eq(channels.id, streams.channelId))
        .where(eq(streams.id, streamId))
      if (!stream) return undefined
      const { title = stream.title, visibility = stream.visibility } = recording
      const row = { id, channelId: stream.channelId, streamId, title, visibility, instanceId }
      await tx
        .insert(vods)
        .values({ ...row, kind: 'live', status: 'recording', createdAt: now })
        .onConflictDoNothing({ target: vods.streamId })
      const [stored] = await tx.select({ id: vods.id }).from(vods).where(eq(vods.streamId, streamId))
      return stored?.id
    })
  }

  async change(id: string, changes: VodChanges): Promise<void> {
    if (Object.values(changes).every(value => value === undefined)) return
    await this.#db
      .update(vods)
      .set(changes)
      .where(and(eq(vods.id, id), isSeen))
  }

  /** Clips of it that are more visible become so, too. */
  async lowerClips(sourceId: string, visibility: VodVisibility): Promise<void> {
    const others: readonly VodVisibility[] = ['public', 'unlisted', 'private']
    const above = others.filter(each => isMoreVisible(each, visibility))
    if (visibility === 'off' || above.length === 0) return
    await this.#db
      .update(vods)
      .set({ visibility })
      .where(and(eq(vods.sourceId, sourceId), inArray(vods.visibility, above)))
  }

  /** False: it was not being recorded or made. */
  async markReady(id: string, facts: ReadyFacts): Promise<boolean> {
    return this.#update(id, isUnfinished, { ...facts, status: 'ready', progress: null, instanceId: null })
  }

  /** False: it was not being recorded or made. */
  async markFailed(id: string, problem: string): Promise<boolean> {
    return this.#update(id, isUnfinished, { status: 'failed', problem, progress: null, instanceId: null })
  }

  /** False: it is already, or there is none. */
  async markDeleted(id: string): Promise<boolean> {
    return this.#update(id, isSeen, { status: 'deleted' })
  }

  /** The row of a VOD that is `deleted`, and all that hangs on it. */
  async remove(id: string): Promise<void> {
    await this.#db.delete(vods).where(and(eq(vods.id, id), eq(vods.status, 'deleted')))
  }

  /** What the account is in the channel. */
  async findRole(channelId: string, accountId: string): Promise<ChannelRole | undefined> {
    const [row] = await this.#db
      .select({ ownerId: channels.accountId, role: chatRoles.role })
      .from(channels)
      .leftJoin(chatRoles, and(eq(chatRoles.channelId, channels.id), eq(chatRoles.accountId, accountId)))
      .where(eq(channels.id, channelId))
    if (row?.ownerId === accountId) return 'owner'
    return row?.role ?? undefined
  }

  async #update(id: string, which: SQL | undefined, set: Partial<Row>): Promise<boolean> {
    const rows = await this.#db
      .update(vods)
      .set(set)
      .where(and(eq(vods.id, id), which))
      .returning({ id: vods.id })
    return rows.length > 0
  }

  #select() {
    return this.#db
      .select({
        ...vodFields,
        channel: {
          id: channels.id,
          slug: channels.slug,
          title: channels.title,
          ownerId: channels.accountId,
        },
        author: { id: accounts.id, username: accounts.username },
        startedAt: streams.startedAt,
      })
      .from(vods)
      .innerJoin(channels, eq(channels.id, vods.channelId))
      .leftJoin(accounts, eq(accounts.id, vods.authorId))
      .leftJoin(streams, eq(streams.id, vods.streamId))
  }
}

function isBehind({ createdAt, id }: VodPosition): SQL | undefined {
  return or(lt(vods.createdAt, createdAt), and(eq(vods.createdAt, createdAt), lt(vods.id, id)))
}
