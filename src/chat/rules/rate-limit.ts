/** A token bucket per person, bounded: who has not come for longest is forgotten. */
import { AppError } from '../../errors.ts'

const MAX_KEYS = 20_000

interface Bucket {
  tokens: number
  filledAt: number
}

export class RateLimit {
  readonly #burst: number
  readonly #perMs: number
  readonly #maxKeys: number
  /** In the order of use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: { burst: number; perSecond: number; maxKeys?: number }) {
    this.#burst = options.burst
    this.#perMs = options.perSecond / 1_000
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size
  }

  /** Undefined: counted; else the milliseconds until the next is allowed. `now`: milliseconds, never going back. */
  tryTake(key: string, now: number): number | undefined {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, filledAt: now }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > this.#maxKeys && oldest !== undefined) this.#buckets.delete(oldest)
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.filledAt) * this.#perMs)
    bucket.filledAt = now
    // What filled up by fractions may lack a rounding error.
    if (bucket.tokens < 1 - 1e-9) return (1 - bucket.tokens) / this.#perMs
    bucket.tokens--
    return undefined
  }

  /** As `tryTake`; throws `AppError` LIMIT (`rate_limited`) with the seconds to wait. */
  take(key: string, now: number): void {
    const waitMs = this.tryTake(key, now)
    if (waitMs === undefined) return
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000))
    throw new AppError('LIMIT', 'rate_limited', `Too fast. Try again in ${retryAfterSeconds} s.`, {
      retryAfterSeconds,
    })
  }
}
