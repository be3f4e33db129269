/** What is asked of VODs over HTTP; what is behind a path is looked up in rows, never composed from it. */
import { AppError } from '../errors.ts'
import { sendOn } from '../live/admission.ts'
import type { Connection, MediaRequest, MediaRoutes } from '../media-request.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from '../vod/manifest.ts'
import type { Vod, VodService } from '../vod/service.ts'
import { serveMovie } from './download.ts'
import { Library, type ServedVod } from './library.ts'
import { Movies } from './movies.ts'
import { Pictures, type PicturesOptions } from './pictures.ts'
import { fileNotFound, Segments, type SegmentsOptions } from './segments.ts'
import { Texts } from './texts.ts'

/**
 * Asked of a VOD that is not public. Answers the token that lets in; throws `AppError` when whoever asks may not watch it.
 */
export type MayWatch = (request: Request, vod: Vod) => Promise<string | undefined>

export interface VodRouteOptions extends Omit<PicturesOptions, 'store'>, Omit<SegmentsOptions, 'store'> {
  readonly vods: Pick<VodService, 'find' | 'findByStream'>
  readonly manifest: Manifest
  readonly store: ObjectStore
  readonly mayWatch: MayWatch
  /** The same of a channel's live streams, of whatever visibility. */
  readonly mayWatchLive: (request: Request, channelId: string) => Promise<string | undefined>
  /** How long what was read of a VOD holds, in milliseconds. */
  readonly freshMs?: number
}

/** What is asked of one VOD that can be played. */
interface Asked {
  readonly request: Request
  readonly path: string
  readonly connection: Connection | null
  readonly served: ServedVod
  readonly query: URLSearchParams
}

/** `ID/FILE` and `ID/RENDITION/FILE` */
const PATH = /^([0-9a-f-]{36})\/(?:([a-z0-9_-]{1,32})\/)?([\w.-]{1,64})$/
/** What lists addresses. */
const LIST = /\.(?:m3u8|mpd|vtt)$/
const STREAM_FRAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/frame\.jpg$/
const INIT = /^init-(\d{1,6})\.mp4$/
const SEGMENT = /^(\d{1,9})\.m4s$/
/** A browser that plays a file stops reading when it has enough, and goes on where it was. */
const PAUSE_SECONDS = 120

/**
 * `/vod/:id/index.m3u8`, `manifest.mpd`, `video.mp4`, pictures, and what they lead to; `/streams/:id/frame.jpg`. They
 * reject with `AppError`s.
 */
export function vodRoutes(options: VodRouteOptions): MediaRoutes {
  const parts = new Parts(options)
  return { vod: asked => parts.answer(asked), streams: asked => parts.streamFrame(asked) }
}

class Parts {
  readonly #options: VodRouteOptions
  readonly #library: Library
  readonly #texts: Texts
  readonly #segments: Segments
  readonly #movies: Movies
  readonly #pictures: Pictures

  constructor(options: VodRouteOptions) {
    this.#options = options
    this.#library = new Library(options)
    this.#texts = new Texts(options.manifest)
    this.#segments = new Segments(options)
    this.#movies = new Movies(options.manifest)
    this.#pictures = new Pictures(options)
  }

  answer(asked: MediaRequest): Response | Promise<Response> {
    return this.#segments.atOnce(asked) ?? this.#answer(asked)
  }

  async #answer({ request, connection, path, query }: MediaRequest): Promise<Response> {
    const [, id = '', rendition, file = ''] = PATH.exec(path) ?? []
    const vod = await this.#library.get(id)
    const admitted = await this.#admit(request, vod)
    const sentOn = LIST.test(file) ? sendOn(request, admitted) : undefined
    if (sentOn) return sentOn
    const picture = rendition === undefined && (await this.#pictures.answer(file, { request, vod, query }))
    if (picture) return picture
    const served = await this.#library.open(vod)
    const asked: Asked = { request, connection, path, served, query }
    if (rendition === undefined) return this.#ofVod(file, asked)
    return this.#ofRendition(rendition, file, asked)
  }

  /** `/streams/:id/frame.jpg`: of what is recorded of the stream. */
  async streamFrame({ request, path, query }: MediaRequest): Promise<Response> {
    const id = STREAM_FRAME.exec(path)?.[1]
    const vod = id && (await this.#options.vods.findByStream(id))
    if (!vod) throw new AppError('NOT_FOUND', 'stream_not_found', 'There is no such stream.')
    await this.#admit(request, vod)
    return this.#pictures.frame({ request, vod, query })
  }

  /** What is still being recorded is live: whoever may watch that may see its pictures. */
  async #admit(request: Request, vod: Vod): Promise<string | undefined> {
    const { mayWatch, mayWatchLive } = this.#options
    if (vod.status === 'recording') return mayWatchLive(request, vod.channel.id)
    return vod.visibility === 'public' ? undefined : mayWatch(request, vod)
  }

  async #ofVod(file: string, { request, connection, served, query }: Asked): Promise<Response> {
    switch (file) {
      case 'index.m3u8':
        return this.#texts.multivariant(served, request)
      case 'manifest.mpd':
        return this.#texts.manifest(served, request)
      case 'video.mp4': {
        connection?.timeout(request, PAUSE_SECONDS)
        const rendition = query.get('rendition') ?? undefined
        const isAttachment = query.get('download') === '1'
        const { store, log } = this.#options
        return serveMovie({ movies: this.#movies, store, log }, served, { request, rendition, isAttachment })
      }
      default:
        throw fileNotFound()
    }
  }

  async #ofRendition(name: string, file: string, asked: Asked): Promise<Response> {
    const { request, served } = asked
    const rendition = served.renditions.find(each => each.name === name)
    if (!rendition) throw fileNotFound()
    if (file === 'playlist.m3u8') return this.#texts.playlist(served, rendition, request)
    const sequence = SEGMENT.exec(file)?.[1]
    if (sequence !== undefined) return this.#segments.segment(rendition, Number(sequence), asked)
    const index = INIT.exec(file)?.[1]
    if (index === undefined) throw fileNotFound()
    return this.#segments.init(served, rendition, Number(index), request)
  }
}
