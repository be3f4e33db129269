/** The rules of clips: who may cut which part of what, and who sees the result. */
import type { Channel, ChannelsService } from '../channels/service.ts'
import { AppError } from '../errors.ts'
import type { Manifest } from '../vod/manifest.ts'
import type { Vod, VodService, VodVisibility } from '../vod/service.ts'
import { isMoreVisible } from '../vod/visibility.ts'
import type { ClipsRepository } from './repository.ts'

export interface ClipsServiceOptions {
  readonly clips: Pick<ClipsRepository, 'countOf'>
  readonly vods: Pick<VodService, 'create' | 'fail' | 'personIn'>
  readonly manifest: Pick<Manifest, 'totals'>
  readonly channels: Pick<ChannelsService, 'getBySlug' | 'following'>
  /** Has a job make it. */
  readonly start: (clipId: string) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export interface ClipRequest {
  readonly accountId: string
  /** What the account may watch: a recording that goes on or a finished video. */
  readonly source: Vod
  /** On its time line. */
  readonly fromMs: number
  readonly toMs: number
  readonly title: string
  readonly isExact: boolean
}

export const MAX_CLIP_MS = 90_000
const MIN_CLIP_MS = 1_000
/** What is shown live may not be stored yet. */
const NOT_YET_STORED_MS = 60_000
/** The end of a video as a player tells it. */
const ROUNDING_MS = 500
const HOUR_MS = 3_600_000
const MAX_PER_HOUR = 30
const MAX_UNFINISHED = 3

export class ClipsService {
  readonly #options: ClipsServiceOptions
  readonly #now: () => number

  constructor(options: ClipsServiceOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * A clip in status `processing`, which a job makes. Throws `AppError` INVALID (`clip_range_invalid`,
   * `clip_of_a_clip`), CONFLICT (`clip_source_unready`), FORBIDDEN (`clips_off`, `clips_followers_only`,
   * `clips_members_only`), LIMIT (`clip_limit_reached`).
   */
  async create(request: ClipRequest): Promise<{ id: string }> {
    const { accountId, source, title, isExact } = request
    const channel = await this.#options.channels.getBySlug(source.channel.slug)
    await this.#checkPermission(accountId, channel)
    const { fromMs, toMs } = await this.#checkRange(request)
    await this.#checkLimits(accountId)
    const { id } = await this.#options.vods.create({
      ...{ channelId: channel.id, kind: 'clip', title, authorId: accountId, sourceId: source.id },
      visibility: visibilityOf(source, channel),
      clip: { fromMs, toMs, isExact },
    })
    try {
      await this.#options.start(id)
    } catch (error) {
      await this.#options.vods.fail(id, 'It could not be begun. Try again.')
      throw error
    }
    return { id }
  }

  /** Who runs the channel always may; the others as its setting says. */
  async #checkPermission(accountId: string, channel: Channel): Promise<void> {
    const { role } = await this.#options.vods.personIn(channel.id, accountId)
    if (role === 'owner' || role === 'moderator' || channel.clipsBy === 'everyone') return
    if (channel.clipsBy === 'nobody')
      throw new AppError('FORBIDDEN', 'clips_off', 'Clips are turned off in this channel.')
    if (role !== undefined) return
    if (channel.clipsBy === 'members')
      throw new AppError('FORBIDDEN', 'clips_members_only', 'Only members of this channel may make clips.')
    if (!(await this.#options.channels.following(channel.id, accountId)).isFollowing)
      throw new AppError('FORBIDDEN', 'clips_followers_only', 'Follow this channel to make clips.')
  }

  async #checkRange({ source, fromMs, toMs }: ClipRequest): Promise<{ fromMs: number; toMs: number }> {
    if (source.kind === 'clip')
      throw new AppError('INVALID', 'clip_of_a_clip', 'A clip cannot be cut from another clip.')
    if (source.status !== 'recording' && source.status !== 'ready')
      throw new AppError('CONFLICT', 'clip_source_unready', 'This video cannot be cut yet.')
    const isRunning = source.status === 'recording'
    const durationMs = isRunning
      ? (await this.#options.manifest.totals(source.id)).durationMs
      : (source.durationMs ?? 0)
    const isInside = fromMs >= 0 && toMs <= durationMs + (isRunning ? NOT_YET_STORED_MS : ROUNDING_MS)
    const endMs = isRunning ? toMs : Math.min(toMs, durationMs)
    if (!isInside || endMs - fromMs < MIN_CLIP_MS || endMs - fromMs > MAX_CLIP_MS)
      throw new AppError(
        'INVALID',
        'clip_range_invalid',
        `A clip lasts from ${MIN_CLIP_MS / 1000} to ${MAX_CLIP_MS / 1000} seconds, and lies within the video.`,
      )
    return { fromMs: Math.round(fromMs), toMs: Math.round(endMs) }
  }

  async #checkLimits(accountId: string): Promise<void> {
    const since = new Date(this.#now() - HOUR_MS)
    const { recent, unfinished } = await this.#options.clips.countOf(accountId, since)
    if (unfinished >= MAX_UNFINISHED)
      throw new AppError(
        'LIMIT',
        'clip_limit_reached',
        `${MAX_UNFINISHED} of your clips are being made. Wait for one of them.`,
        { retryAfterSeconds: 10 },
      )
    if (recent >= MAX_PER_HOUR)
      throw new AppError('LIMIT', 'clip_limit_reached', `No more than ${MAX_PER_HOUR} clips an hour.`, {
        retryAfterSeconds: 600,
      })
  }
}

/** That of its source. What runs is no more visible than the channel; a recording that nobody keeps is as visible as that. */
function visibilityOf(source: Vod, channel: Channel): Exclude<VodVisibility, 'off'> {
  const { visibility, status } = source
  if (visibility === 'off') return channel.visibility
  return status === 'recording' && isMoreVisible(visibility, channel.visibility)
    ? channel.visibility
    : visibility
}
