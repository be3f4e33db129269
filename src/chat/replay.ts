/** What was said while a video was made, in time with its picture. */
import { AppError } from '../errors.ts'
import type { Asker, ShownVods, Timeline, Vod, VodService } from '../vod/service.ts'
import type { Composer } from './composer.ts'
import type { ChatMessage } from './events.ts'
import type { ReplayRepository, SaidPosition } from './replay-repository.ts'
import type { ChatRepository } from './repository.ts'
import { placesOf } from './room-log.ts'

/** A few runs of media each, but for streams with very many drops. */
const MAX_TIMELINES = 500
/** What is still recorded grows. */
const RECORDING_MAX_AGE_MS = 2_000
const MAX_AGE_MS = 300_000
/** A clip may be of a clip, and so on. */
const MAX_SOURCES = 8

export interface ReplayedMessage extends ChatMessage {
  /** Where on the video's time line it belongs, whole milliseconds. */
  readonly offsetMs: number
}

export interface ReplayRequest {
  readonly vodId: string
  /** On the video's time line: from there, and until before there. */
  readonly fromMs: number
  readonly toMs: number
  readonly limit: number
  /** The `nextCursor` of the page before, for the same times. */
  readonly cursor?: string | undefined
}

export interface ReplayPage {
  readonly items: ReplayedMessage[]
  readonly nextCursor?: string
  /** Anybody may know it. */
  readonly isPublic: boolean
}

export interface ReplayOptions {
  readonly replay: ReplayRepository
  readonly repository: Pick<ChatRepository, 'findRoom'>
  readonly composer: Pick<Composer, 'show'>
  /** Those that who asks may watch. */
  readonly shown: Pick<ShownVods, 'get'>
  readonly vods: Pick<VodService, 'find' | 'timeline'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export class Replay {
  readonly #options: ReplayOptions
  /** By recording, in the order of reading. */
  readonly #timelines = new Map<string, { readonly timeline: Promise<Timeline>; readonly until: number }>()

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /**
   * Oldest first. Messages that were deleted since, or are hidden, are left out. What was said while the publisher was
   * away is where the picture is cut; before the picture began, at its start; after it ended, at its end. Throws
   * what `ShownVods` throws, `AppError` INVALID (`cursor_invalid`).
   */
  async read(asker: Asker, request: ReplayRequest): Promise<ReplayPage> {
    const { vodId, limit } = request
    const after = decodeCursor(request.cursor)
    const vod = await this.#options.shown.get(asker, vodId)
    const isPublic = vod.visibility === 'public'
    const streamId = await this.#streamOf(vod)
    if (streamId === null) return { items: [], isPublic }
    const { replay, repository, composer } = this.#options
    const timeline = await this.#timelineOf(vod)
    const { clearedSeq } = placesOf(await repository.findRoom(vod.channel.id))
    const times = wallTimes(timeline, request, vod.kind === 'clip')
    const rows = await replay.list({ streamId, clearedSeq, ...times, after, limit: limit + 1 })
    const kept = rows.slice(0, limit)
    const shown = await composer.show(kept)
    const offsets = kept.map(row => Math.floor(timeline.offsetOf(row.sentAt.getTime())))
    const items = shown.map((each, index) => ({ ...each, offsetMs: offsets[index]! }))
    const last = kept.at(-1)
    return { items, isPublic, ...(rows.length > limit && last && { nextCursor: encodeCursor(last) }) }
  }

  /** Whose chat it replays; null: there was none, or what a clip was cut from is gone. */
  async #streamOf(vod: Vod): Promise<string | null> {
    let source: Vod | undefined = vod
    for (let count = 0; source?.kind === 'clip' && count < MAX_SOURCES; count++) {
      const { sourceId }: Vod = source
      source = sourceId === null ? undefined : await this.#options.vods.find(sourceId)
    }
    return source?.streamId ?? null
  }

  #timelineOf({ id, status }: Vod): Promise<Timeline> {
    const now = this.#options.now()
    const known = this.#timelines.get(id)
    if (known && now < known.until) return known.timeline
    const until = now + (status === 'recording' ? RECORDING_MAX_AGE_MS : MAX_AGE_MS)
    const timeline = this.#options.vods.timeline(id)
    // What could not be read is read again by who asks next.
    timeline.catch(() => this.#timelines.delete(id))
    this.#timelines.delete(id)
    this.#timelines.set(id, { timeline, until })
    const [oldest] = this.#timelines.keys()
    if (this.#timelines.size > MAX_TIMELINES && oldest !== undefined) this.#timelines.delete(oldest)
    return timeline
  }
}

/** When what is asked for was said. What was said before and after all media is no part of a clip. */
function wallTimes(
  timeline: Timeline,
  { fromMs, toMs }: ReplayRequest,
  isClip: boolean,
): { from: number; to: number } {
  const asked = { from: timeline.wallTimeOf(fromMs), to: timeline.wallTimeOf(toMs) }
  if (!isClip) return asked
  const { from, to } = timeline.wallTimes
  return { from: Math.max(from, asked.from), to: Math.min(to, asked.to) }
}

function encodeCursor({ sentAt, id }: SaidPosition): string {
  return `${sentAt.getTime().toString(36)}.${id}`
}

const cursorForm = /^([0-9a-z]{1,9})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Throws `AppError` INVALID (`cursor_invalid`). */
function decodeCursor(cursor: string | undefined): SaidPosition | undefined {
  if (cursor === undefined) return undefined
  const [, time, id] = cursorForm.exec(cursor) ?? []
  const sentAt = new Date(Number.parseInt(time ?? '', 36))
  if (id === undefined || Number.isNaN(sentAt.getTime()))
    throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
  return { sentAt, id }
}
