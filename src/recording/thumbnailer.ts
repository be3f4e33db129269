/**
 * Keeps each live stream's latest picture as a JPEG. It looks at key units only, one at a time: while one is being
 * converted, or the last is fresh, others pass by. A picture that nobody has asked for stays fresh for longer.
 */
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { AppError } from '../errors.ts'
import { type Admission, tokensOf } from '../live/admission.ts'
import type { Sink } from '../live/broadcast.ts'
import { Ffmpeg } from '../live/ffmpeg.ts'
import { FfmpegInput } from '../live/ffmpeg-input.ts'
import type { OpenOutput, Output, StreamIdentity } from '../live/output.ts'
import type { Log } from '../log.ts'
import type { MediaRequest, MediaRoutes } from '../media-request.ts'
import { FOR_PLAYERS } from '../media-response.ts'

const INTERVAL_MS = 10_000
/** So many times longer lasts a picture that nobody has seen; most of what one costs is the start of ffmpeg. */
const UNSEEN_INTERVALS = 6
const WIDTH = 640
const DEADLINE_MS = 8_000
const MAX_JPEG_BYTES = 2 * 1024 * 1024

const OUTPUT_ARGS = [
  ...['-frames:v', '1', '-vf', `scale=${WIDTH}:-2`, '-threads', '1', '-c:v', 'mjpeg', '-q:v', '5'],
  // The picture is shown to everybody, also where 10 bits or 4:2:2 came in.
  ...['-pix_fmt', 'yuvj420p', '-f', 'mjpeg', 'pipe:1'],
]

const FILE = /^([a-z0-9_-]{1,64})\.jpg$/

interface Picture {
  readonly channelId: string
  readonly jpeg: Uint8Array<ArrayBuffer>
  readonly etag: string
  /** Somebody has asked since its making began, and may ask again. */
  isSeen: boolean
}

export class Thumbnailer {
  readonly #pictures = new Map<string, Picture>()
  readonly #intervalMs: number
  readonly #now: () => number
  readonly #admission: Admission
  readonly #log: Log

  /** `intervalMs` between two pictures of a stream, as long as they are asked for. `now`: milliseconds, never going back. */
  constructor(options: { log: Log; admission: Admission; intervalMs?: number; now?: () => number }) {
    this.#log = options.log
    this.#admission = options.admission
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS
    this.#now = options.now ?? (() => performance.now())
  }

  /** For the live session's list of outputs; the picture goes with the stream. */
  readonly openOutput: OpenOutput = async (identity): Promise<Output> => ({
    viewerCount: 0,
    viewerKeys: () => [],
    attach: () => this.#openSink(identity),
    close: async () => {
      this.#pictures.delete(identity.slug)
    },
  })

  /** `/thumbnails/:slug.jpg`; 404 `no_thumbnail` before the first picture and after the stream. */
  get routes(): MediaRoutes {
    return { thumbnails: asked => this.#answer(asked) }
  }

  async #answer({ request, path }: MediaRequest): Promise<Response> {
    const slug = FILE.exec(path)?.[1] ?? ''
    const picture = this.#pictures.get(slug)
    if (!picture) throw new AppError('NOT_FOUND', 'no_thumbnail', 'There is no picture of this channel now.')
    const { channelId, jpeg, etag } = picture
    if (!this.#admission.isOpen(channelId)) await this.#admission.admit(channelId, tokensOf(request))
    picture.isSeen = true
    const reach = this.#admission.isOpen(channelId) ? 'public' : 'private'
    const headers = {
      ...FOR_PLAYERS,
      'content-type': 'image/jpeg',
      'cache-control': `${reach}, max-age=5`,
      etag,
    }
    if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
    return new Response(jpeg, { headers })
  }

  /** Milliseconds from the making of a stream's picture to that of the next. */
  #lifeMs(slug: string): number {
    const isUnseen = this.#pictures.get(slug)?.isSeen === false
    return isUnseen ? UNSEEN_INTERVALS * this.#intervalMs : this.#intervalMs
  }

  #openSink({ slug, channelId }: StreamIdentity): Sink {
    let running: Promise<void> | undefined
    let lastAt = Number.NEGATIVE_INFINITY
    let isClosed = false
    const ending = new AbortController()
    return {
      write: unit => {
        if (!unit.isKey || !isPicture(unit.track) || running) return
        const now = this.#now()
        if (now - lastAt < this.#lifeMs(slug)) return
        lastAt = now
        const earlier = this.#pictures.get(slug)
        if (earlier) earlier.isSeen = false
        running = convert(unit, ending.signal)
          .then(jpeg => {
            const etag = `"${Bun.hash(jpeg).toString(36)}"`
            if (!isClosed)
              this.#pictures.set(slug, { channelId, jpeg, etag, isSeen: earlier?.isSeen ?? false })
          })
          .catch(err => {
            if (!isClosed) this.#log.warn({ err, slug }, 'no thumbnail could be made')
          })
          .finally(() => {
            running = undefined
          })
      },
      close: async () => {
        isClosed = true
        ending.abort()
        await running
      },
    }
  }
}

/** One key unit as a JPEG, within 8 s. */
async function convert(unit: AccessUnit, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const input = new FfmpegInput(unit.track)
  const ffmpeg = new Ffmpeg({
    args: [...input.args, ...OUTPUT_ARGS],
    maxQueuedBytes: Number.POSITIVE_INFINITY,
    onOutput: chunk => {
      bytes += chunk.byteLength
      if (bytes > MAX_JPEG_BYTES) throw new Error('the picture is too large')
      chunks.push(chunk)
    },
  })
  const kill = () => ffmpeg.kill()
  const timer = setTimeout(kill, DEADLINE_MS)
  signal.addEventListener('abort', kill)
  try {
    ffmpeg.write(input.encode(unit))
    await ffmpeg.close()
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
  }
  if (bytes === 0) throw new Error((await ffmpeg.closed)?.message ?? 'ffmpeg made no picture')
  return Buffer.concat(chunks)
}

/** The source's: it has them all. */
function isPicture(track: Track): boolean {
  return track.kind === 'video' && track.rendition === undefined
}
