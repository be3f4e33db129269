/** The rules of VODs: from a stream's recording, an upload or a clip in work to what is published, and its end. */
import { AppError } from '../errors.ts'
import type { Manifest } from './manifest.ts'
import type {
  NewRecording,
  NewVod,
  Vod,
  VodChanges,
  VodKind,
  VodPosition,
  VodStatus,
  VodsRepository,
  VodVisibility,
} from './repository.ts'
import { Timeline } from './timeline.ts'
import { type ChannelRole, isMoreVisible, mayEdit, type Person, runsChannel } from './visibility.ts'

export type { Asker } from './rendering.ts'
export type { NewRecording, NewVod, Vod, VodKind, VodStatus, VodVisibility } from './repository.ts'
export type { ShownVods } from './shown-vods.ts'
export type { Timeline } from './timeline.ts'
export type { ChannelRole, Person } from './visibility.ts'

/** What is done about a VOD later, by whichever process does jobs. */
export interface VodJobs {
  /** Removes its objects, then its row. */
  remove(vodId: string): Promise<void>
  /** Chooses its thumbnail, and makes the pictures for seeking. */
  finishPictures(vodId: string): Promise<void>
}

export interface VodServiceOptions {
  readonly vods: VodsRepository
  readonly manifest: Manifest
  readonly jobs: VodJobs
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** What whoever may edit a VOD changes of it. */
export interface VodEdit {
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly visibility?: VodVisibility | undefined
  /** Where its thumbnail is taken from; null: chosen by itself. */
  readonly thumbnailMs?: number | null | undefined
}

export interface ListRequest {
  readonly channelId: string
  readonly kind?: VodKind | undefined
  readonly limit: number
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined
  /** Who looks. */
  readonly accountId: string | undefined
}

const MAX_PROBLEM = 500

export class VodService {
  readonly #vods: VodsRepository
  readonly #manifest: Manifest
  readonly #jobs: VodJobs
  readonly #now: () => number

  constructor(options: VodServiceOptions) {
    this.#vods = options.vods
    this.#manifest = options.manifest
    this.#jobs = options.jobs
    this.#now = options.now ?? Date.now
  }

  /** In any status but `deleted`, whatever its visibility; undefined: there is none. */
  async find(id: string): Promise<Vod | undefined> {
    return this.#vods.find(id)
  }

  /** `find`, or `AppError` NOT_FOUND (`vod_not_found`). */
  async get(id: string): Promise<Vod> {
    const vod = await this.#vods.find(id)
    if (!vod) throw vodNotFound()
    return vod
  }

  /** How its time line lies in wall-clock time. */
  async timeline(id: string): Promise<Timeline> {
    return new Timeline(await this.#manifest.times(id))
  }

  async findByStream(streamId: string): Promise<Vod | undefined> {
    return this.#vods.findByStream(streamId)
  }

  /** The recording of what the channel shows live now. */
  async findRecording(channelId: string): Promise<Vod | undefined> {
    return this.#vods.findRecording(channelId)
  }

  /** Oldest first: for those who finish what was left, and for checks of the store. */
  async listByStatus(status: VodStatus, limit = 1_000): Promise<Vod[]> {
    return this.#vods.listByStatus(status, limit)
  }

  /** A row in status `processing` that a job fills. Throws `AppError` NOT_FOUND (`channel_not_found`). */
  async create(vod: NewVod): Promise<{ id: string }> {
    const id = vod.id ?? Bun.randomUUIDv7()
    if (!(await this.#vods.insert(id, vod, this.#time())))
      throw new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
    return { id }
  }

  /** The recording of a stream, in status `recording`. Idempotent. Throws `AppError` NOT_FOUND (`stream_not_found`). */
  async openRecording(recording: NewRecording): Promise<{ id: string }> {
    const id = await this.#vods.insertRecording(Bun.randomUUIDv7(), recording, this.#time())
    if (id === undefined) throw new AppError('NOT_FOUND', 'stream_not_found', 'There is no such stream.')
    return { id }
  }

  /**
   * All media is stored: what was recorded or made can be played. A recording that is not to be published, and one of
   * which nothing is stored, is removed. Idempotent.
   */
  async finish(id: string): Promise<'ready' | 'removed' | 'failed'> {
    const vod = await this.#vods.find(id)
    if (!vod) return 'removed'
    if (vod.status === 'failed') return 'failed'
    const totals = await this.#manifest.totals(id)
    if (vod.visibility === 'off' || (vod.kind === 'live' && totals.stored === 0)) {
      await this.remove(id)
      return 'removed'
    }
    // RFC 8216 4.3.3.1: no EXTINF, rounded to the nearest second, is longer.
    const longest = Math.max(1, Math.round(totals.longestSeconds), vod.targetDurationSeconds ?? 0)
    const { durationMs, sizeBytes } = totals
    const facts = { durationMs, sizeBytes, targetDurationSeconds: longest, publishedAt: this.#time() }
    if (await this.#vods.markReady(id, facts)) await this.#jobs.finishPictures(id)
    // More of it may have come later, from a machine that was away.
    else await this.#vods.change(id, { durationMs, sizeBytes, targetDurationSeconds: longest })
    return 'ready'
  }

  /** It cannot be made; `problem` tells a person why. Idempotent. */
  async fail(id: string, problem: string): Promise<void> {
    await this.#vods.markFailed(id, problem.slice(0, MAX_PROBLEM))
  }

  /** What is wrong with it though it goes on, for a person; null: nothing any more. */
  async setProblem(id: string, problem: string | null): Promise<void> {
    await this.#vods.change(id, { problem: problem?.slice(0, MAX_PROBLEM) ?? null })
  }

  /** A job makes its pictures once more. */
  async makePictures(id: string): Promise<void> {
    await this.#jobs.finishPictures(id)
  }

  /** 0 to 1. */
  async setProgress(id: string, progress: number): Promise<void> {
    await this.#vods.change(id, { progress: Math.min(1, Math.max(0, progress)) })
  }

  /** What jobs have made or found out about it. */
  async describe(
    id: string,
    facts: Pick<VodChanges, 'thumbnailCandidatesMs' | 'storyboard' | 'sizeBytes' | 'targetDurationSeconds'>,
  ): Promise<void> {
    await this.#vods.change(id, facts)
  }

  /** Latest first: to each person what they may know of. Throws `AppError` INVALID (`cursor_invalid`). */
  async list(request: ListRequest): Promise<{ items: Vod[]; nextCursor?: string }> {
    const { channelId, kind, limit, cursor, accountId } = request
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const person = await this.personIn(channelId, accountId)
    const isRunning = runsChannel(person)
    const rows = await this.#vods.list({ channelId, kind, limit: limit + 1, after, person, isRunning })
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    if (rows.length <= limit || !last) return { items }
    return { items, nextCursor: encodeCursor(last) }
  }

  /**
   * Changes some of it; its clips never stay more visible than it is. Who may: `getEditable`. Throws `AppError` INVALID
   * (`visibility_off`, `thumbnail_outside`), FORBIDDEN (`clip_too_visible`).
   */
  async update(accountId: string, id: string, { tags, ...edit }: VodEdit): Promise<Vod> {
    const vod = await this.getEditable(accountId, id)
    if (edit.visibility === 'off' && vod.status !== 'recording')
      throw new AppError('INVALID', 'visibility_off', 'Only a recording can be set to leave no video behind.')
    if (edit.thumbnailMs != null && edit.thumbnailMs > (vod.durationMs ?? 0))
      throw new AppError('INVALID', 'thumbnail_outside', 'The video is not that long.')
    if (edit.visibility !== undefined) await this.#checkClip(accountId, vod, edit.visibility)
    await this.#vods.change(id, { ...edit, tags: tags && [...tags] })
    if (edit.visibility !== undefined) await this.#vods.lowerClips(id, edit.visibility)
    return this.get(id)
  }

  /** Nobody sees it any more, and its media is removed by a job. Who may: `getEditable`. */
  async delete(accountId: string, id: string): Promise<void> {
    const { status } = await this.getEditable(accountId, id)
    if (status === 'recording')
      throw new AppError('CONFLICT', 'vod_recording', 'It is still being recorded. End the stream first.')
    await this.remove(id)
  }

  /** `delete` by the server itself. Idempotent. */
  async remove(id: string): Promise<void> {
    if (await this.#vods.markDeleted(id)) await this.#jobs.remove(id)
  }

  /** Its row, when its objects are gone. */
  async forget(id: string): Promise<void> {
    await this.#vods.remove(id)
  }

  /**
   * The VOD, if the account runs its channel or is its author: `AppError` FORBIDDEN (`not_allowed`), NOT_FOUND
   * (`vod_not_found`).
   */
  async getEditable(accountId: string, id: string): Promise<Vod> {
    const vod = await this.get(id)
    if (!mayEdit(vod, await this.personIn(vod.channel.id, accountId)))
      throw new AppError('FORBIDDEN', 'not_allowed', 'Only who runs the channel, or made this, may do this.')
    return vod
  }

  /** What the account, if there is one, is in the channel. */
  async personIn(channelId: string, accountId: string | undefined): Promise<Person> {
    const role: ChannelRole | undefined =
      accountId === undefined ? undefined : await this.#vods.findRole(channelId, accountId)
    return { accountId, role }
  }

  /** No clip is more visible than what it was cut from; when that is gone, who runs the channel decides alone. */
  async #checkClip(accountId: string, vod: Vod, visibility: VodVisibility): Promise<void> {
    if (vod.kind !== 'clip' || !isMoreVisible(visibility, vod.visibility)) return
    const source = vod.sourceId === null ? undefined : await this.#vods.find(vod.sourceId)
    const isAllowed = source
      ? source.visibility === 'off' || !isMoreVisible(visibility, source.visibility)
      : runsChannel(await this.personIn(vod.channel.id, accountId))
    if (!isAllowed)
      throw new AppError(
        'FORBIDDEN',
        'clip_too_visible',
        'A clip cannot be more visible than the video that it was cut from.',
      )
  }

  #time(): Date {
    return new Date(this.#now())
  }
}

function vodNotFound(): AppError {
  return new AppError('NOT_FOUND', 'vod_not_found', 'There is no such video.')
}

function encodeCursor(position: VodPosition): string {
  return `${position.createdAt.getTime().toString(36)}.${position.id}`
}

const cursorForm = /^([0-9a-z]{1,9})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

function decodeCursor(cursor: string): VodPosition {
  const [, time, id] = cursorForm.exec(cursor) ?? []
  const createdAt = new Date(Number.parseInt(time ?? '', 36))
  if (id === undefined || Number.isNaN(createdAt.getTime()))
    throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
  return { createdAt, id }
}
