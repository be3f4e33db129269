/** The rules of clips: who may cut which part of what, and who sees the result. */
import type { Channel, ChannelsService } from '../channels/service.ts'
import { AppError } from '../errors.ts'
import { type Manifest, SOURCE } from '../vod/manifest.ts'
import type { Vod, VodService, VodVisibility } from '../vod/service.ts'
import { Timeline } from '../vod/timeline.ts'
import { isMoreVisible } from '../vod/visibility.ts'
import type { ClipsRepository } from './repository.ts'

export interface ClipsServiceOptions {
  readonly clips: Pick<ClipsRepository, 'countOf'>
  readonly vods: Pick<VodService, 'create' | 'fail' | 'personIn' | 'get' | 'findRecording'>
  readonly manifest: Pick<Manifest, 'totals' | 'entries'>
  readonly channels: Pick<ChannelsService, 'getBySlug' | 'following'>
  readonly admission: Admission
  readonly titles: TitleRules
  /** Has a job make it. */
  readonly start: (clipId: string) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Whether somebody may watch something, by who they are or by a token that they show. */
export interface Admission {
  mayWatch(
    thing: {
      readonly kind: 'channel' | 'vod'
      readonly id: string
      readonly channelId: string
      readonly visibility: VodVisibility
      readonly authorId?: string | undefined
    },
    asker: { readonly accountId: string; readonly token: string | undefined },
  ): Promise<boolean>
}

/** What the channel's chat has against a clip, or its maker. */
export interface TitleRules {
  /** `hide`: its maker is not to be noticed. Throws `AppError` FORBIDDEN for who is banned, and for what is not wanted. */
  judgeTitle(slug: string, maker: ClipMakerPerson, title: string): Promise<'show' | 'hide'>
}

export interface ClipMakerPerson {
  readonly account: { readonly id: string; readonly username: string }
  readonly address: string
}

/** Of what it is cut: a video, or what a channel shows live. */
export type ClipOf = { readonly vodId: string } | { readonly slug: string }

export interface ClipRequest {
  readonly of: ClipOf
  /** On the time line of the video, or of the running stream's recording; `isWallClock`: milliseconds since the epoch. */
  readonly fromMs: number
  readonly toMs: number
  readonly isWallClock?: boolean | undefined
  readonly title: string
  readonly isExact: boolean
  /** By which its maker watches, where not everybody may. */
  readonly token?: string | undefined
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
   * A clip in status `processing`, which a job makes. Throws `AppError` NOT_FOUND (`vod_not_found`, `channel_not_found`),
   * INVALID (`clip_range_invalid`, `clip_of_a_clip`), CONFLICT (`not_live`), FORBIDDEN (`playback_forbidden`, `clips_off`,
   * `clips_followers_only`, `clips_members_only`, and what the chat refuses), LIMIT (`clip_limit_reached`).
   */
  async create(maker: ClipMakerPerson, request: ClipRequest): Promise<{ id: string }> {
    const { title, isExact } = request
    const accountId = maker.account.id
    const source = await this.#sourceOf(accountId, request)
    const channel = await this.#options.channels.getBySlug(source.channel.slug)
    await this.#checkPermission(accountId, channel)
    const { fromMs, toMs } = await this.#rangeIn(source, await this.#onTimeline(source, request))
    const verdict = await this.#options.titles.judgeTitle(channel.slug, maker, title)
    await this.#checkLimits(accountId)
    const { id } = await this.#options.vods.create({
      ...{ channelId: channel.id, kind: 'clip', title, authorId: accountId, sourceId: source.id },
      visibility: visibilityOf(source, channel, verdict),
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

  /** What its maker may watch. */
  async #sourceOf(accountId: string, { of, token }: ClipRequest): Promise<Vod> {
    const { vods, admission } = this.#options
    const asker = { accountId, token }
    if ('slug' in of) return this.#runningOf(of.slug, asker)
    const source = await vods.get(of.vodId)
    const isPlayable = source.status === 'ready' || source.status === 'recording'
    const { id, channel, visibility, author } = source
    const thing = { kind: 'vod', id, channelId: channel.id, visibility, authorId: author?.id } as const
    if (isPlayable && (await admission.mayWatch(thing, asker))) return source
    throw new AppError('NOT_FOUND', 'vod_not_found', 'There is no such video.')
  }

  async #runningOf(slug: string, asker: Parameters<Admission['mayWatch']>[1]): Promise<Vod> {
    const { vods, channels, admission } = this.#options
    const { id, visibility } = await channels.getBySlug(slug)
    if (!(await admission.mayWatch({ kind: 'channel', id, channelId: id, visibility }, asker)))
      throw new AppError('FORBIDDEN', 'playback_forbidden', 'This is private: its owner has to let you in.')
    const recording = await vods.findRecording(id)
    if (!recording) throw new AppError('CONFLICT', 'not_live', 'This channel is not live.')
    return recording
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

  /** What viewers saw while no media came belongs to the cut; what is not stored yet follows what is. */
  async #onTimeline({ id }: Vod, request: ClipRequest): Promise<{ fromMs: number; toMs: number }> {
    if (!request.isWallClock) return request
    const timeline = new Timeline(await this.#options.manifest.entries(id, { rendition: SOURCE }))
    const { to } = timeline.wallTimes
    const place = (wallMs: number) => timeline.offsetOf(wallMs) + (to > 0 ? Math.max(0, wallMs - to) : 0)
    return { fromMs: place(request.fromMs), toMs: place(request.toMs) }
  }

  async #rangeIn(
    source: Vod,
    { fromMs, toMs }: { fromMs: number; toMs: number },
  ): Promise<{ fromMs: number; toMs: number }> {
    if (source.kind === 'clip')
      throw new AppError('INVALID', 'clip_of_a_clip', 'A clip cannot be cut from another clip.')
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

/**
 * That of its source: what runs is no more visible than the channel, a recording that nobody keeps is as visible as that.
 * Who is not to be noticed is not listed.
 */
function visibilityOf(
  { visibility, status }: Vod,
  channel: Channel,
  verdict: 'show' | 'hide',
): Exclude<VodVisibility, 'off'> {
  const limits: Exclude<VodVisibility, 'off'>[] = [
    ...(visibility === 'off' ? [] : [visibility]),
    ...(visibility === 'off' || status === 'recording' ? [channel.visibility] : []),
    ...(verdict === 'hide' ? ['unlisted' as const] : []),
  ]
  return limits.reduce((left, right) => (isMoreVisible(left, right) ? right : left))
}
