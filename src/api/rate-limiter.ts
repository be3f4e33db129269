/** Token buckets in memory: a burst, then a steady rate, per key. Bounded, so that many keys cannot fill the memory. */
import { AppError } from '../errors.ts'

export interface RateLimiterOptions {
  /** How many at once. */
  readonly burst: number
  /** How many a minute after that. */
  readonly perMinute: number
  /** Keys remembered; beyond it the one longest unused is forgotten. */
  readonly maxKeys?: number
  /** Milliseconds, never going back. */
  readonly now?: () => number
}

interface Bucket {
  tokens: number
  filledAt: number
}

export class RateLimiter {
  readonly #burst: number
  readonly #perMs: number
  readonly #maxKeys: number
  readonly #now: () => number
  /** In the order of use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: RateLimiterOptions) {
    this.#burst = options.burst
    this.#perMs = options.perMinute / 60_000
    this.#maxKeys = options.maxKeys ?? 20_000
    this.#now = options.now ?? (() => performance.now())
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size
  }

  /** Counts one use by `key`. Throws `AppError` LIMIT (`rate_limited`) with the seconds until the next is allowed. */
  take(key: string): void {
    const now = this.#now()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, filledAt: now }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.filledAt) * this.#perMs)
    bucket.filledAt = now
    this.#remember(key, bucket)
    if (bucket.tokens < 1) {
      const retryAfterSeconds = Math.ceil((1 - bucket.tokens) / this.#perMs / 1000)
      throw new AppError('LIMIT', 'rate_limited', `Too many attempts. Try again in ${retryAfterSeconds} s.`, {
        retryAfterSeconds,
      })
    }
    bucket.tokens--
  }

  #remember(key: string, bucket: Bucket): void {
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size <= this.#maxKeys) return
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
