/** Answers requests for the media of a VOD: objects of the store, and the init segments they decode with. */
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { MediaRequest } from '../media-request.ts'
import { contentRange, FOR_PLAYERS, rangeRefusal, type WantedBytes, wantedBytes } from '../media-response.ts'
import type { ObjectStore, StoredObject } from '../storage/object-store.ts'
import { segmentKey } from '../vod/object-keys.ts'
import type { Vod } from '../vod/service.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { ServedRendition, ServedVod } from './library.ts'

export interface SegmentsOptions {
  readonly store: Pick<ObjectStore, 'get' | 'presign'>
  /** `redirect`: players are sent to the bucket, if the store can. */
  readonly delivery: 'proxy' | 'redirect'
  /** Objects up to this size stay in memory for a while when they are asked for. */
  readonly keptBytes: number
  /** The library's clock. */
  readonly now?: () => number
  readonly log: Log
}

/** How long an address of the bucket is good, and how much of that a player may remember it for. */
const PRESIGNED_SECONDS = 3_600
const REMEMBERED_SECONDS = 1_800
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024
const MAX_KEPT_BYTES = 64 * 1024 * 1024

/** An object in memory. */
interface Kept {
  readonly blob: Blob
  /** Whoever asks before then gets it at once, with these headers: its VOD is known to be for everybody. */
  openUntil: number
  headers: Readonly<Record<string, string>>
}

/** What is asked of a VOD's segment. */
interface Asked {
  readonly request: Request
  /** What stands behind `/vod/`. */
  readonly path: string
  readonly served: ServedVod
}

type Body = Blob | ReadableStream | Uint8Array<ArrayBuffer>

export class Segments {
  readonly #options: SegmentsOptions
  readonly #now: () => number
  /** By their path. Of bytes, each answer would get a copy: so it keeps blobs. */
  readonly #kept = new BoundedCache<Kept>({ maxBytes: MAX_KEPT_BYTES, sizeOf: ({ blob }) => blob.size })

  constructor(options: SegmentsOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * What can be answered by looking no further than its path: nearly all that is asked for while many watch. Undefined: it
   * must be looked into.
   */
  atOnce({ request, path }: Pick<MediaRequest, 'request' | 'path'>): Response | undefined {
    const kept = this.#kept.find(path)
    if (!kept || kept.openUntil <= this.#now() || request.method !== 'GET') return undefined
    if (request.headers.has('range') || request.headers.has('if-none-match')) return undefined
    return new Response(kept.blob, { headers: kept.headers })
  }

  /** Throws `AppError` NOT_FOUND (`vod_file_not_found`). */
  init({ vod }: ServedVod, rendition: ServedRendition, index: number, request: Request): Response {
    const data = rendition.inits.get(index)
    if (!data) throw fileNotFound()
    const headers = mediaHeaders(vod, `"i${data.byteLength}"`)
    const wanted = wantedBytes(request.headers.get('range'), data.byteLength)
    if (wanted === undefined) return new Response(data, { headers })
    if (wanted === 'unsatisfiable') return rangeRefusal(data.byteLength)
    return new Response(data.subarray(wanted.start, wanted.end), {
      status: 206,
      headers: { ...headers, 'content-range': contentRange(wanted, data.byteLength) },
    })
  }

  /** Throws `AppError` NOT_FOUND (`vod_file_not_found`): there is none, it is a gap, or its object is lost. */
  async segment(
    rendition: ServedRendition,
    sequence: number,
    { request, path, served }: Asked,
  ): Promise<Response> {
    const { vod, staleAt } = served
    const size = rendition.sizeOf(sequence)
    if (size === 0) throw fileNotFound()
    const etag = `"${size.toString(36)}"`
    const headers = mediaHeaders(vod, etag)
    if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
    const key = segmentKey({ vodId: vod.id, rendition: rendition.name, sequence })
    if (this.#options.delivery === 'redirect') {
      const elsewhere = await this.#presigned(key)
      if (elsewhere) return elsewhere
    }
    const wanted = wantedBytes(request.headers.get('range'), size)
    if (wanted === 'unsatisfiable') return rangeRefusal(size)
    const { start, end } = wanted ?? { start: 0, end: size }
    const ranged = wanted ? { ...headers, 'content-range': contentRange(wanted, size) } : headers
    const status = wanted ? 206 : 200
    if (request.method === 'HEAD')
      return new Response(null, { status, headers: { ...ranged, 'content-length': String(end - start) } })
    const isKept = size <= this.#options.keptBytes && (!wanted || this.#kept.find(path) !== undefined)
    if (!isKept)
      return new Response(await sizedBody(await this.#get(key, wanted)), { status, headers: ranged })
    const kept = await this.#kept.get(path, () => this.#keep(key))
    if (vod.visibility === 'public') Object.assign(kept, { openUntil: staleAt, headers })
    return new Response(wanted ? kept.blob.slice(start, end) : kept.blob, { status, headers: ranged })
  }

  async #keep(key: string): Promise<Kept> {
    const blob = new Blob([await (await this.#get(key)).bytes()])
    return { blob, openUntil: 0, headers: {} }
  }

  async #get(key: string, wanted?: WantedBytes): Promise<StoredObject> {
    const found = await this.#options.store.get(key, wanted)
    if (!found) throw this.#lost(key)
    return found
  }

  async #presigned(key: string): Promise<Response | undefined> {
    const location = await this.#options.store.presign(key, PRESIGNED_SECONDS)
    if (location === undefined) return undefined
    const headers = { ...FOR_PLAYERS, location, 'cache-control': `private, max-age=${REMEMBERED_SECONDS}` }
    return new Response(null, { status: 302, headers })
  }

  #lost(key: string): AppError {
    this.#options.log.error({ key }, 'an object of a video is lost; `sluice verify --repair` marks it')
    return fileNotFound()
  }
}

/** Bun tells a body's length unless it is a stream: what comes from a bucket is read first, but for giants. */
async function sizedBody(found: StoredObject): Promise<Body> {
  const isSized = found.body instanceof Blob || found.sizeBytes > MAX_BUFFERED_BYTES
  return isSized ? found.body : found.bytes()
}

/** What everybody may watch may be kept by everybody. */
export function mediaHeaders(vod: Pick<Vod, 'visibility'>, etag: string): Record<string, string> {
  return {
    ...FOR_PLAYERS,
    'content-type': 'video/mp4',
    'cache-control': `${keeper(vod)}, max-age=31536000, immutable`,
    'accept-ranges': 'bytes',
    etag,
  }
}

/** Who may keep an answer about the VOD: shared caches too, or the browser alone. */
export function keeper({ visibility }: Pick<Vod, 'visibility'>): 'public' | 'private' {
  return visibility === 'public' ? 'public' : 'private'
}

export function fileNotFound(): AppError {
  return new AppError('NOT_FOUND', 'vod_file_not_found', 'There is no such file of this video.')
}
