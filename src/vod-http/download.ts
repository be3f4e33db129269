/** Answers `video.mp4`: a whole VOD as one file, or any range of it, to be played or kept. */
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { contentRange, rangeRefusal, wantedBytes } from '../media-response.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { ServedRendition, ServedVod } from './library.ts'
import { movieBody } from './movie-body.ts'
import type { Movies } from './movies.ts'
import { mediaHeaders } from './segments.ts'

export interface DownloadOptions {
  readonly movies: Movies
  readonly store: Pick<ObjectStore, 'get'>
  readonly log: Log
}

export interface DownloadRequest {
  readonly request: Request
  /** The picture to take; undefined: the source's. */
  readonly rendition: string | undefined
  /** A browser saves it instead of playing it. */
  readonly isAttachment: boolean
}

const MAX_NAME = 100

/** Throws `AppError` NOT_FOUND (`rendition_not_found`), LIMIT (`busy`). */
export async function serveMovie(
  { movies, store, log }: DownloadOptions,
  served: ServedVod,
  { request, rendition, isAttachment }: DownloadRequest,
): Promise<Response> {
  const movie = await movies.get(served, pictureOf(served, rendition))
  const etag = `"${Bun.hash(`${served.version} ${rendition}`).toString(36)}"`
  const headers = {
    ...mediaHeaders(served.vod, etag),
    // The file of the same name is another one when an object is lost.
    'cache-control': 'private, no-cache',
    'content-disposition': `${isAttachment ? 'attachment' : 'inline'}; ${fileName(served.vod.title)}`,
  }
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
  const wanted = wantedBytes(rangeOf(request, etag), movie.sizeBytes)
  if (wanted === 'unsatisfiable') return rangeRefusal(movie.sizeBytes)
  const { start, end } = wanted ?? { start: 0, end: movie.sizeBytes }
  const onLost = (key: string) => log.error({ key }, 'an object of a video is lost, so a download failed')
  const body = request.method === 'HEAD' ? null : await movieBody({ store, movie, start, end, onLost })
  return new Response(body, {
    status: wanted ? 206 : 200,
    headers: {
      ...headers,
      // Bun leaves it out of the answer where the body is a stream.
      'content-length': String(end - start),
      ...(wanted && { 'content-range': contentRange(wanted, movie.sizeBytes) }),
    },
  })
}

function pictureOf({ renditions }: ServedVod, name: string | undefined): ServedRendition {
  const pictures = renditions.filter(({ kind }) => kind !== 'sound')
  const found = name === undefined ? pictures[0] : pictures.find(each => each.name === name)
  if (!found) throw new AppError('NOT_FOUND', 'rendition_not_found', 'This video has no such picture.')
  return found
}

/** RFC 9110 13.1.5: the rest of another file than the one that was begun is of no use. */
function rangeOf(request: Request, etag: string): string | null {
  const condition = request.headers.get('if-range')
  return condition === null || condition === etag ? request.headers.get('range') : null
}

/** RFC 6266: a name that every system takes, and the true one for whoever reads it. */
function fileName(title: string): string {
  const name = title
    .replaceAll(/[\p{C}\\/:*?"<>|]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[ .]+|[ .]+$/g, '')
  const short = [...name].slice(0, MAX_NAME).join('').trimEnd() || 'video'
  const plain = short
    .normalize('NFKD')
    .replaceAll(/[^\x20-\x7e]+/g, '')
    .replaceAll(/[%']/g, '')
    .trim()
  const encoded = encodeURIComponent(`${short}.mp4`).replaceAll(
    /['()*]/g,
    each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename="${plain || 'video'}.mp4"; filename*=UTF-8''${encoded}`
}
