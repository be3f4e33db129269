/**
 * Serves every running stream as Low-Latency HLS and as MPEG-DASH, out of memory and, what lies further back, out of an
 * archive; and an ended one until its players have finished.
 */
import { totalmem } from 'node:os'
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import type { OpenOutput } from '../live/output.ts'
import type { Log } from '../log.ts'
import type { MediaRoutes } from '../media-request.ts'
import type { Archive } from './archive.ts'
import { dashRoute } from './dash.ts'
import { type HlsStreams, hlsRoute } from './routes.ts'
import { type HlsLimits, HlsStream } from './stream.ts'

/**
 * Without an archive a viewer may rewind as far as memory reaches: a stream of 2.5 Mb/s alone fills its two gigabytes in
 * 1.8 hours, of which half are listed (retention.ts). All streams together keep no more than a quarter of the memory, in
 * equal shares.
 */
const LIMITS: HlsLimits = {
  listedSeconds: 7_200,
  maxBytes: 2 * 1024 ** 3,
  maxHeldRequests: 5_000,
  lingerMs: 60_000,
}

const MEMORY_SHARE = 0.25
/** A share is never smaller: the least that players need of a stream of 10 Mb/s. */
const LEAST_STREAM_BYTES = 32 * 1024 ** 2

/** An ended stream that was rewound further takes memory from the running ones for no longer. */
const MAX_LINGER_MS = 10 * 60_000

export class Hls {
  readonly #log: Log
  readonly #admission: Admission
  readonly #now: () => number
  readonly #limits: HlsLimits
  readonly #maxTotalBytes: number
  readonly #archive: Archive | undefined
  /** By stream id: the running ones and those that linger. */
  readonly #streams = new Map<string, HlsStream>()
  /** The newest stream of a channel, by slug. */
  readonly #channels = new Map<string, HlsStream>()
  readonly #lingering = new Map<HlsStream, ReturnType<typeof setTimeout>>()
  #isClosed = false

  /**
   * `now`: milliseconds since the epoch. `limits`: each stream's; what is left out has a default. `maxTotalBytes`: media
   * of all streams together; default: a quarter of the memory. `archive`: keeps what memory does not.
   */
  constructor(options: {
    log: Log
    admission: Admission
    now?: () => number
    limits?: Partial<HlsLimits>
    maxTotalBytes?: number
    archive?: Archive
  }) {
    this.#log = options.log
    this.#admission = options.admission
    this.#now = options.now ?? Date.now
    this.#limits = { ...LIMITS, ...options.limits }
    this.#archive = options.archive
    this.#maxTotalBytes = options.maxTotalBytes ?? MEMORY_SHARE * memoryBytes()
  }

  /** For the live session. Throws `AppError` CONFLICT `server_closing` after `close`. */
  readonly openOutput: OpenOutput = async identity => {
    if (this.#isClosed) throw closing()
    const archive = await this.#archive?.open(identity).catch(err => {
      this.#log.error({ err, streamId: identity.id }, 'this stream cannot be recorded')
      return undefined
    })
    if (this.#isClosed) {
      await archive?.close()
      throw closing()
    }
    const stream: HlsStream = new HlsStream({
      identity,
      archive,
      limits: this.#limits,
      maxBytes: () => Math.max(LEAST_STREAM_BYTES, this.#maxTotalBytes / this.#streams.size),
      now: this.#now,
      onEnd: () => this.#linger(stream),
    })
    this.#streams.set(identity.id, stream)
    this.#channels.set(identity.slug, stream)
    return stream
  }

  /** Everything below `/hls/` and `/dash/`. */
  get routes(): MediaRoutes {
    const streams: HlsStreams = {
      findChannel: slug => this.#channels.get(slug),
      findStream: id => this.#streams.get(id),
    }
    return {
      hls: hlsRoute(streams, this.#admission),
      dash: dashRoute(streams, this.#admission, this.#now),
    }
  }

  /** Ends and releases every stream. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#streams.values()].map(stream => stream.close()))
    for (const stream of this.#streams.values()) this.#release(stream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #linger(stream: HlsStream): void {
    // Nothing to finish.
    if (!stream.source.window.isReady) {
      this.#release(stream)
      return
    }
    // 6.2.1: who plays what was listed at the end can play all of it.
    const listedMs = stream.source.window.segments.totals.seconds * 1000
    const lingerMs = Math.max(this.#limits.lingerMs, Math.min(listedMs, MAX_LINGER_MS))
    const timer = setTimeout(() => this.#release(stream), lingerMs)
    timer.unref()
    this.#lingering.set(stream, timer)
  }

  #release(stream: HlsStream): void {
    const { id, slug } = stream.identity
    clearTimeout(this.#lingering.get(stream))
    this.#lingering.delete(stream)
    this.#streams.delete(id)
    if (this.#channels.get(slug) === stream) this.#channels.delete(slug)
    this.#log.debug({ streamId: id }, 'hls released')
  }
}

function closing(): AppError {
  return new AppError('CONFLICT', 'server_closing', 'The server is shutting down.')
}

/** The machine's, or less where a container is given less. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
