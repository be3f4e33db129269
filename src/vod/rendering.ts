/** What procedures tell of a VOD, to each caller what they may know. */
import { AppError } from '../errors.ts'
import type { Vod } from './service.ts'
import { mayEdit, type Person, runsChannel } from './visibility.ts'

/** Who asks, and what they show for it. */
export interface Asker {
  readonly accountId: string | undefined
  readonly token?: string | undefined
}

/** What a VOD is to those who hand out passes. */
interface Watchable {
  readonly kind: 'channel' | 'vod'
  readonly id: string
  readonly channelId: string
  readonly visibility: Vod['visibility']
  readonly authorId?: string | null | undefined
}

interface Pass {
  readonly token: string
  readonly expiresAt: Date
}

/** What is needed of a procedure's context. */
export interface Rendering {
  readonly vods: { personIn(channelId: string, accountId: string | undefined): Promise<Person> }
  readonly views: { position(vodId: string, accountId: string): Promise<number> }
  readonly playback: {
    channel(channelId: string): Promise<Watchable>
    passFor(thing: Watchable, asker: Asker): Promise<Pass | undefined>
    mediaPath(path: string, pass: Pass | undefined): string
  }
}

/** A picture that fits a card. */
const CARD = 'width=640'

/**
 * What the asker watches it with, or sees its pictures while it is recorded; undefined: nothing is needed. Throws
 * `AppError` for whoever may not, and NOT_FOUND (`vod_not_found`) where there is nothing to see yet.
 */
export async function passFor(
  { playback }: Pick<Rendering, 'playback'>,
  vod: Vod,
  asker: Asker,
): Promise<Pass | undefined> {
  if (vod.status === 'recording') return playback.passFor(await playback.channel(vod.channel.id), asker)
  if (vod.status !== 'ready') throw notFound()
  const { id, channel, visibility, author } = vod
  const authorId = author?.id ?? null
  return playback.passFor({ kind: 'vod', id, channelId: channel.id, visibility, authorId }, asker)
}

export function summarize({ playback }: Pick<Rendering, 'playback'>, vod: Vod, pass: Pass | undefined) {
  const { id, streamId, kind, title, durationMs, visibility, viewCount, createdAt, author } = vod
  // `VodService` finds none that is deleted.
  const status = vod.status as Exclude<Vod['status'], 'deleted'>
  const isShown = status === 'ready' || status === 'recording'
  return {
    ...{ id, streamId, kind, title, durationMs, status, visibility, viewCount },
    thumbnailUrl: isShown ? playback.mediaPath(thumbnailPath(vod), pass) : null,
    createdAt: createdAt.toISOString(),
    ...(author && { author: { username: author.username } }),
  }
}

/** Throws as `passFor`; who may edit it sees it in any status. */
export async function describe(rendering: Rendering, vod: Vod, asker: Asker) {
  const { vods, views, playback } = rendering
  const person = await vods.personIn(vod.channel.id, asker.accountId)
  const canEdit = mayEdit(vod, person)
  if (vod.status === 'recording' && vod.visibility === 'off' && !runsChannel(person)) throw notFound()
  const isReady = vod.status === 'ready'
  const isWithoutMedia = !isReady && vod.status !== 'recording'
  const pass = canEdit && isWithoutMedia ? undefined : await passFor(rendering, vod, asker)
  const address = (file: string) => (isReady ? playback.mediaPath(`/vod/${vod.id}/${file}`, pass) : null)
  const candidates = canEdit && isReady ? vod.thumbnailCandidatesMs : []
  const { description, tags, channel, progress, startedAt, sizeBytes, thumbnailMs, sourceId, clip } = vod
  return {
    ...summarize(rendering, vod, pass),
    ...{ description, tags, progress, sizeBytes, thumbnailMs, sourceId, clip, canEdit },
    channel: { slug: channel.slug, title: channel.title },
    problem: canEdit ? vod.problem : null,
    startedAt: startedAt?.toISOString() ?? null,
    hlsUrl: address('index.m3u8'),
    dashUrl: address('manifest.mpd'),
    downloadUrl: address('video.mp4?download=1'),
    storyboardUrl: vod.storyboard ? address('storyboard.vtt') : null,
    thumbnailCandidates: candidates.map(offsetMs => ({
      offsetMs,
      url: playback.mediaPath(`/vod/${vod.id}/frame.jpg?at=${offsetMs}&width=320`, pass),
    })),
    positionMs: asker.accountId === undefined ? 0 : await views.position(vod.id, asker.accountId),
  }
}

/** The frame itself where it is known, which is kept for ever. */
function thumbnailPath({ id, status, thumbnailMs, thumbnailCandidatesMs }: Vod): string {
  const at = thumbnailMs ?? thumbnailCandidatesMs[0]
  return status === 'ready' && at !== undefined
    ? `/vod/${id}/frame.jpg?at=${at}&${CARD}`
    : `/vod/${id}/thumbnail.jpg?${CARD}`
}

function notFound(): AppError {
  return new AppError('NOT_FOUND', 'vod_not_found', 'There is no such video.')
}
