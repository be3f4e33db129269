/** Sums up one room's reactions: the instance tells of its own, and the room of all, twice a second at most each. */
import { AppError } from '../errors.ts'
import type { StateEvent } from './events.ts'
import { RateLimit } from './rules/rate-limit.ts'

/** What can be sent; the frontends offer these. */
export const REACTIONS = ['❤️', '🔥', '😂', '👏', '😮', '😢', '🎉', '👍', '💯', '👀'] as const

const INTERVAL_MS = 500
/** A hand that clicks as fast as it can is counted; a program is not. */
const CLICKS = { burst: 20, perSecond: 8 }
const MAX_COUNT = 1_000_000

export type Counts = Readonly<Record<string, number>>

export interface RoomReactionsOptions {
  /** Hands clicks on this instance to every one, this one too. Must not throw. */
  publish(counts: Counts): void
  /** To who is in the room here. */
  emit(event: StateEvent & { type: 'reactions' }): void
  /** Likes of the stream that is open; asked whenever something is told. */
  countLikes(): Promise<number>
}

export class RoomReactions {
  readonly #options: RoomReactionsOptions
  readonly #limit = new RateLimit(CLICKS)
  /** Clicks here that nobody has been told of. */
  readonly #clicked = new Pulse(counts => this.#options.publish(counts))
  /** Clicks everywhere that nobody here has been told of. */
  readonly #heard = new Pulse(counts => void this.#tell(counts))
  #likes = 0

  constructor(options: RoomReactionsOptions) {
    this.#options = options
  }

  /**
   * Counts one click of the person `key`; `now` in milliseconds, never going back. Throws `AppError` INVALID
   * (`reaction_unknown`), LIMIT (`rate_limited`).
   */
  add(key: string, reaction: string, now: number = performance.now()): void {
    if (!isReaction(reaction))
      throw new AppError('INVALID', 'reaction_unknown', `Send one of ${REACTIONS.join(' ')}`)
    this.#limit.take(key, now)
    this.#clicked.add({ [reaction]: 1 })
  }

  /** Clicks on any instance, of which only what is well-formed is counted; none: the likes have changed. */
  hear(counts: unknown): void {
    const entries = typeof counts === 'object' && counts !== null ? Object.entries(counts) : []
    const known = entries.filter(([name, count]) => isReaction(name) && isCount(count))
    if (known.length > 0 || entries.length === 0) this.#heard.add(Object.fromEntries(known))
  }

  /** What was not told yet is dropped. Idempotent. */
  close(): void {
    this.#clicked.close()
    this.#heard.close()
  }

  async #tell(counts: Counts): Promise<void> {
    // Counting may fail with the database; the reactions float on.
    this.#likes = await this.#options.countLikes().catch(() => this.#likes)
    if (!this.#heard.isClosed) this.#options.emit({ type: 'reactions', counts, likes: this.#likes })
  }
}

/** Adds up, and hands on at once the first, then the sum every half second as long as there is one. */
class Pulse {
  readonly #beat: (counts: Counts) => void
  #counts: Map<string, number> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  isClosed = false

  constructor(beat: (counts: Counts) => void) {
    this.#beat = beat
  }

  add(counts: Counts): void {
    if (this.isClosed) return
    this.#counts ??= new Map()
    for (const [name, count] of Object.entries(counts))
      this.#counts.set(name, Math.min(MAX_COUNT, (this.#counts.get(name) ?? 0) + count))
    if (!this.#timer) this.#go()
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.#timer)
    this.#counts = undefined
  }

  #go(): void {
    this.#timer = undefined
    if (!this.#counts || this.isClosed) return
    const counts = Object.fromEntries(this.#counts)
    this.#counts = undefined
    this.#timer = setTimeout(() => this.#go(), INTERVAL_MS)
    this.#beat(counts)
  }
}

function isReaction(name: string): boolean {
  return (REACTIONS as readonly string[]).includes(name)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_COUNT
}
