/** Keeps one chatter from filling the room: a token bucket, and no text twice. Bounded, however many chatters come. */
import { AppError } from '../../errors.ts'
import { RateLimit } from './rate-limit.ts'

/** How fast somebody may write. */
export interface FloodPace {
  readonly burst: number
  readonly perSecond: number
  /** Nothing is said again within this. */
  readonly duplicateMs: number
}

/** Five at once, which come back within 3 s. */
const messagePace: FloodPace = { burst: 5, perSecond: 5 / 3, duplicateMs: 30_000 }
/** Of each chatter; who takes turns with more texts than that meets the bucket alone. */
const TEXTS_KEPT = 5
const MAX_KEYS = 20_000

/** Oldest first. */
type Said = { readonly hash: bigint | number; readonly at: number }[]

export class FloodGuard {
  readonly #maxKeys: number
  readonly #duplicateMs: number
  readonly #limit: RateLimit
  /** By chatter, in the order of use. */
  readonly #said = new Map<string, Said>()

  constructor(options: { maxKeys?: number; pace?: FloodPace } = {}) {
    const { duplicateMs, ...rate } = options.pace ?? messagePace
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
    this.#duplicateMs = duplicateMs
    this.#limit = new RateLimit({ ...rate, maxKeys: this.#maxKeys })
  }

  /** Chatters remembered now. */
  get size(): number {
    return Math.max(this.#said.size, this.#limit.size)
  }

  /**
   * Counts one message of `key`; `now` in milliseconds, never going back. Throws `AppError` LIMIT (`chat_flood`,
   * `chat_duplicate`) with the seconds to wait. A duplicate counts for the flood, too.
   */
  check(key: string, text: string, now: number): void {
    const waitMs = this.#limit.tryTake(key, now)
    if (waitMs !== undefined) throw refused('chat_flood', 'You are sending messages too quickly.', waitMs)
    const hash = Bun.hash(gist(text))
    const said = (this.#said.get(key) ?? []).filter(each => now - each.at < this.#duplicateMs)
    const same = said.find(each => each.hash === hash)
    if (same)
      throw refused('chat_duplicate', 'You have just said the same.', this.#duplicateMs - (now - same.at))
    this.#remember(key, [...said.slice(1 - TEXTS_KEPT), { hash, at: now }])
  }

  #remember(key: string, said: Said): void {
    this.#said.delete(key)
    this.#said.set(key, said)
    const [oldest] = this.#said.keys()
    if (this.#said.size > this.#maxKeys && oldest !== undefined) this.#said.delete(oldest)
  }
}

/** What stays of a text when case, spaces and signs are no difference; of signs alone, they are what it says. */
function gist(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase().replace(/\s+/gu, '')
  return folded.replace(/[\p{P}\p{Cf}]+/gu, '') || folded
}

function refused(reason: string, message: string, waitMs: number): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000))
  return new AppError('LIMIT', reason, `${message} Try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  })
}
