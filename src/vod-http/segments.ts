/** Answers requests for the media of a VOD: objects of the store, and the init segments they decode with. */
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
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
  readonly log: Log
}

/** How long an address of the bucket is good, and how much of that a player may remember it for. */
const PRESIGNED_SECONDS = 3_600
const REMEMBERED_SECONDS = 1_800
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024
const MAX_KEPT_BYTES = 64 * 1024 * 1024

type Body = Blob | ReadableStream | Uint8Array<ArrayBuffer>

export class Segments {
  readonly #options: SegmentsOptions
  /** Of bytes, each answer would get a copy. */
  readonly #kept = new BoundedCache<Blob>({ maxBytes: MAX_KEPT_BYTES, sizeOf: blob => blob.size })

  constructor(options: SegmentsOptions) {
    this.#options = options
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
    { vod }: ServedVod,
    rendition: ServedRendition,
    sequence: number,
    request: Request,
  ): Promise<Response> {
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
    return new Response(await this.#body(key, size, wanted), { status, headers: ranged })
  }

  async #body(key: string, size: number, wanted: WantedBytes | undefined): Promise<Body> {
    const kept = this.#kept.find(key)
    if (kept) return wanted ? kept.slice(wanted.start, wanted.end) : kept
    if (wanted || size > this.#options.keptBytes) return sizedBody(await this.#get(key, wanted))
    return this.#kept.get(key, async () => new Blob([await (await this.#get(key)).bytes()]))
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
