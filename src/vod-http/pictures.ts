/** Answers requests for pictures of a VOD: of a moment, the one that stands for it, and those for seeking. */
import { AppError } from '../errors.ts'
import { CompressedText, FOR_PLAYERS, textResponse } from '../media-response.ts'
import { FRAME_WIDTHS, type Frames, type FrameWidth } from '../pictures/frames.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { storyboardKey } from '../vod/object-keys.ts'
import type { Vod } from '../vod/service.ts'
import { fileNotFound, keeper } from './segments.ts'
import { writeStoryboard } from './storyboard-vtt.ts'

export interface PicturesOptions {
  readonly frames: Frames
  readonly store: Pick<ObjectStore, 'get'>
  /** Called before a picture is made, and may refuse by throwing. */
  readonly limit: (request: Request) => void
}

/** What is asked of a VOD, which whoever asks may watch. */
export interface PictureRequest {
  readonly request: Request
  readonly vod: Vod
  readonly query: URLSearchParams
}

const DEVICES: Record<string, FrameWidth> = { phone: 320, desktop: 640, tv: 1280 }
const DEFAULT_WIDTH: FrameWidth = 640
/** Where the picture is taken that nobody has chosen. */
const UNCHOSEN_SHARE = 0.1
const SHEET = /^storyboard-(\d{1,4})\.jpg$/
const MAX_AT_MS = 1_000_000_000
const FOREVER = 'max-age=31536000, immutable'

export class Pictures {
  readonly #options: PicturesOptions

  constructor(options: PicturesOptions) {
    this.#options = options
  }

  /** Undefined: no picture has this name. Throws `AppError` NOT_FOUND, INVALID, LIMIT. */
  async answer(file: string, asked: PictureRequest): Promise<Response | undefined> {
    switch (file) {
      case 'frame.jpg':
        return this.frame(asked)
      case 'thumbnail.jpg':
        return this.#thumbnail(asked)
      case 'storyboard.vtt':
        return storyboard(asked)
      default: {
        const sheet = SHEET.exec(file)?.[1]
        return sheet === undefined ? undefined : this.#sheet(Number(sheet), asked)
      }
    }
  }

  /** `?at=` milliseconds after the beginning, the newest without; `?width=` or `?device=`. */
  async frame(asked: PictureRequest): Promise<Response> {
    const { query, vod } = asked
    const at = query.get('at')
    if (at === null) return this.#jpeg(asked, Number.MAX_SAFE_INTEGER, 'max-age=2')
    if (!/^\d{1,10}$/.test(at) || Number(at) > MAX_AT_MS)
      throw new AppError('INVALID', 'at_invalid', '`at` is a number of milliseconds.')
    return this.#jpeg(asked, Number(at), FOREVER, vod.status === 'recording' ? 'max-age=2' : FOREVER)
  }

  async #thumbnail(asked: PictureRequest): Promise<Response> {
    const { thumbnailMs, thumbnailCandidatesMs, durationMs } = asked.vod
    const unchosen = durationMs === null ? Number.MAX_SAFE_INTEGER : durationMs * UNCHOSEN_SHARE
    return this.#jpeg(asked, thumbnailMs ?? thumbnailCandidatesMs[0] ?? unchosen, 'max-age=60')
  }

  /** `ifNotFinal`: how long it may be kept where the moment itself is not stored yet. */
  async #jpeg(
    { request, vod, query }: PictureRequest,
    atMs: number,
    lifetime: string,
    ifNotFinal = lifetime,
  ): Promise<Response> {
    const width = widthOf(query)
    const { frames, limit } = this.#options
    const headers = (offsetMs: number, kept: string) => ({
      ...FOR_PLAYERS,
      'content-type': 'image/jpeg',
      'cache-control': `${keeper(vod)}, ${kept}`,
      etag: `"${offsetMs}-${width}"`,
    })
    const known = Number.isInteger(atMs) && (await frames.findKept(vod.id, atMs, width))
    if (known) return picture(request, known, headers(atMs, lifetime))
    const found = await frames.find(vod.id, atMs)
    if (!found) throw new AppError('NOT_FOUND', 'no_picture', 'There is no picture of this video yet.')
    const jpeg = await frames.jpeg(found, width, () => limit(request))
    return picture(request, jpeg, headers(found.offsetMs, found.isFinal ? lifetime : ifNotFinal))
  }

  async #sheet(sheet: number, { vod, request }: PictureRequest): Promise<Response> {
    const found = vod.storyboard ? await this.#options.store.get(storyboardKey(vod.id, sheet)) : undefined
    if (!found) throw fileNotFound()
    const headers = {
      ...FOR_PLAYERS,
      'content-type': 'image/jpeg',
      'cache-control': `${keeper(vod)}, ${FOREVER}`,
    }
    const body = request.method === 'HEAD' ? null : await found.bytes()
    return new Response(body, { headers: { ...headers, 'content-length': String(found.sizeBytes) } })
  }
}

function picture(
  request: Request,
  jpeg: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<'etag', string>>,
): Response {
  if (request.headers.get('if-none-match') === headers.etag)
    return new Response(null, { status: 304, headers })
  return new Response(jpeg, { headers })
}

function storyboard({ vod, request }: PictureRequest): Response {
  if (!vod.storyboard) throw fileNotFound()
  const text = writeStoryboard(vod.storyboard, vod.durationMs ?? 0)
  const headers = { 'content-type': 'text/vtt; charset=utf-8', 'cache-control': `${keeper(vod)}, max-age=60` }
  return textResponse(request, new CompressedText(text), headers)
}

/** Throws `AppError` INVALID (`width_invalid`). */
function widthOf(query: URLSearchParams): FrameWidth {
  const [width, device] = [query.get('width'), query.get('device')]
  if (width === null && device === null) return DEFAULT_WIDTH
  const found = FRAME_WIDTHS.find(each => String(each) === width) ?? DEVICES[device ?? '']
  if (found === undefined || !(width === null || String(found) === width))
    throw new AppError(
      'INVALID',
      'width_invalid',
      `A width is one of ${FRAME_WIDTHS.join(', ')}; a device phone, desktop or tv.`,
    )
  return found
}
