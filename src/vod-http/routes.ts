/** The HTTP routes of VODs; what is behind a path is looked up in rows, never composed from it. */
import { Elysia } from 'elysia'
import type { Log } from '../log.ts'
import { CORS, PREFLIGHT } from '../media-response.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from '../vod/manifest.ts'
import type { Vod, VodService } from '../vod/service.ts'
import { serveMovie } from './download.ts'
import { Library, type ServedRendition, type ServedVod } from './library.ts'
import { Movies } from './movies.ts'
import { fileNotFound, Segments } from './segments.ts'
import { Texts } from './texts.ts'

/** Throws `AppError` when whoever asks may not watch the VOD. */
export type MayWatch = (request: Request, vod: Vod) => Promise<void>

export interface VodRouteOptions {
  readonly vods: Pick<VodService, 'find'>
  readonly manifest: Manifest
  readonly store: ObjectStore
  /** How players get segments out of a bucket. */
  readonly delivery: 'proxy' | 'redirect'
  readonly mayWatch: MayWatch
  readonly log: Log
  /** How long what was read of a VOD holds, in milliseconds. */
  readonly freshMs?: number
}

interface Connection {
  timeout(request: Request, seconds: number): void
}

/** What is asked of one VOD. */
interface Asked {
  readonly request: Request
  readonly server: Connection | null
  readonly served: ServedVod
  readonly query: URLSearchParams
  /** To be carried on into what is listed. */
  readonly token: string | undefined
}

const PREFIX = '/vod/'
/** `ID/FILE` and `ID/RENDITION/FILE` */
const PATH = /^([0-9a-f-]{36})\/(?:([a-z0-9_-]{1,32})\/)?([\w.-]{1,64})$/
const INIT = /^init-(\d{1,6})\.mp4$/
const SEGMENT = /^(\d{1,9})\.m4s$/
/** A browser that plays a file stops reading when it has enough, and goes on where it was. */
const PAUSE_SECONDS = 120

/**
 * `/vod/:id/index.m3u8`, `manifest.mpd`, `video.mp4`, and what they lead to. GET and HEAD. One route, as it is asked for
 * segments as often as live HLS is.
 */
export function vodRoutes(options: VodRouteOptions) {
  const parts = new Parts(options)
  // Not `get`: for HEAD that would read whole bodies to tell how long they are.
  return new Elysia({ name: 'vod' }).all('/vod/*', async ({ request, server, set }) => {
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: PREFLIGHT })
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } })
    try {
      return await parts.answer(request, server)
    } catch (error) {
      // Rendered elsewhere; without CORS a page's player could not see which one it is.
      Object.assign(set.headers, CORS, { 'cache-control': 'no-store' })
      throw error
    }
  })
}

class Parts {
  readonly #options: VodRouteOptions
  readonly #library: Library
  readonly #texts: Texts
  readonly #segments: Segments
  readonly #movies: Movies

  constructor(options: VodRouteOptions) {
    this.#options = options
    this.#library = new Library(options)
    this.#texts = new Texts(options.manifest)
    this.#segments = new Segments(options)
    this.#movies = new Movies(options.manifest)
  }

  async answer(request: Request, server: Connection | null): Promise<Response> {
    const { path, query } = splitUrl(request.url)
    const [, id = '', rendition, file = ''] = PATH.exec(path) ?? []
    const vod = await this.#library.get(id)
    await this.#options.mayWatch(request, vod)
    const served = await this.#library.open(vod)
    const token = vod.visibility === 'public' ? undefined : (query.get('token') ?? undefined)
    const asked: Asked = { request, server, served, query, token }
    if (rendition === undefined) return this.#ofVod(file, asked)
    const found = served.renditions.find(({ name }) => name === rendition)
    if (!found) throw fileNotFound()
    return this.#ofRendition(found, file, asked)
  }

  async #ofVod(file: string, { request, server, served, query, token }: Asked): Promise<Response> {
    switch (file) {
      case 'index.m3u8':
        return this.#texts.multivariant(served, request, token)
      case 'manifest.mpd':
        return this.#texts.manifest(served, request, token)
      case 'video.mp4': {
        server?.timeout(request, PAUSE_SECONDS)
        const rendition = query.get('rendition') ?? undefined
        const isAttachment = query.get('download') === '1'
        const { store, log } = this.#options
        return serveMovie({ movies: this.#movies, store, log }, served, { request, rendition, isAttachment })
      }
      default:
        throw fileNotFound()
    }
  }

  async #ofRendition(rendition: ServedRendition, file: string, asked: Asked): Promise<Response> {
    const { request, served, token } = asked
    if (file === 'playlist.m3u8') return this.#texts.playlist(served, rendition, request, token)
    const sequence = SEGMENT.exec(file)?.[1]
    if (sequence !== undefined) return this.#segments.segment(served, rendition, Number(sequence), request)
    const index = INIT.exec(file)?.[1]
    if (index === undefined) throw fileNotFound()
    return this.#segments.init(served, rendition, Number(index), request)
  }
}

/** What stands behind `/vod/`, as it was sent: nothing that is percent-encoded is looked up. */
function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const start = url.indexOf(PREFIX, url.indexOf('//') + 2) + PREFIX.length
  const mark = url.indexOf('?', start)
  if (mark === -1) return { path: url.slice(start), query: new URLSearchParams() }
  return { path: url.slice(start, mark), query: new URLSearchParams(url.slice(mark + 1)) }
}
