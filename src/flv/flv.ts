/** Serves every running stream to legacy players: over HTTP itself, and over RTMP through the server that finds it here. */
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import type { OpenOutput } from '../live/output.ts'
import type { Log } from '../log.ts'
import type { MediaRoutes } from '../media-request.ts'
import { FlvStream } from './flv-stream.ts'
import { flvRoute } from './routes.ts'
import type { SubscriptionLimits } from './subscription.ts'

export interface FlvOptions {
  readonly log: Log
  readonly admission: Admission
  /** Each viewer's; what is left out has a default. */
  readonly limits?: Partial<SubscriptionLimits>
  /** How long a viewer waits for the first key picture of a stream that is starting; 8 s unless told. */
  readonly startMs?: number
}

export class Flv {
  readonly #options: FlvOptions
  /** The running streams, by slug. */
  readonly #streams = new Map<string, FlvStream>()
  #isClosed = false

  constructor(options: FlvOptions) {
    this.#options = options
  }

  /** For the live session. Throws `AppError` CONFLICT `server_closing` after `close`. */
  readonly openOutput: OpenOutput = async identity => {
    if (this.#isClosed) throw new AppError('CONFLICT', 'server_closing', 'The server is shutting down.')
    const { log, limits } = this.#options
    const stream: FlvStream = new FlvStream({
      identity,
      log: log.child({ streamId: identity.id, slug: identity.slug }),
      onEnd: () => {
        if (this.#streams.get(identity.slug) === stream) this.#streams.delete(identity.slug)
      },
      ...(limits && { limits }),
    })
    this.#streams.set(identity.slug, stream)
    return stream
  }

  /** The running stream of a channel. A stream key finds nothing. */
  find(slug: string): FlvStream | undefined {
    return this.#streams.get(slug)
  }

  /** Everything below `/flv/`. */
  get routes(): MediaRoutes {
    const { startMs = 8_000, admission } = this.#options
    return { flv: flvRoute({ find: slug => this.find(slug), startMs, admission }) }
  }

  /** Ends every stream. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#streams.values()].map(stream => stream.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
