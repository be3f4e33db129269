/** Which stream a channel has open, remembered for a moment: every message carries it. */
import type { StreamsService } from '../streams/service.ts'

const MAX_AGE_MS = 3_000
const MAX_CHANNELS = 5_000

export class OpenStreams {
  readonly #streams: Pick<StreamsService, 'findOpen'>
  readonly #now: () => number
  readonly #found = new Map<string, { readonly id: Promise<string | null>; readonly at: number }>()

  constructor(options: { streams: Pick<StreamsService, 'findOpen'>; now: () => number }) {
    this.#streams = options.streams
    this.#now = options.now
  }

  /** Null: none. */
  find(channelId: string): Promise<string | null> {
    const known = this.#found.get(channelId)
    if (known && this.#now() - known.at < MAX_AGE_MS) return known.id
    const id = this.#streams.findOpen(channelId).then(stream => stream?.id ?? null)
    id.catch(() => this.#found.delete(channelId))
    if (this.#found.size >= MAX_CHANNELS) this.#found.clear()
    this.#found.set(channelId, { id, at: this.#now() })
    return id
  }
}
