/**
 * Keeps what is costly to make, up to so many bytes. What was used since it came last under review stays for another round
 * (the clock algorithm): finding something is a look-up, and moves nothing.
 */

export interface BoundedCacheOptions<V> {
  readonly maxBytes: number
  readonly sizeOf: (value: V) => number
}

export class BoundedCache<V> {
  readonly #options: BoundedCacheOptions<V>
  /** In the order of their review. */
  readonly #kept = new Map<string, { readonly value: V; readonly bytes: number; isUsed: boolean }>()
  readonly #making = new Map<string, Promise<V>>()
  #bytes = 0

  constructor(options: BoundedCacheOptions<V>) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  find(key: string): V | undefined {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    kept.isUsed = true
    return kept.value
  }

  /** What is kept, or what `make` makes: once for all who ask meanwhile. A failure is not kept. */
  get(key: string, make: () => Promise<V>): V | Promise<V> {
    const kept = this.find(key)
    if (kept !== undefined) return kept
    const known = this.#making.get(key)
    if (known) return known
    const making = make().then(value => this.#keep(key, value))
    this.#making.set(key, making)
    const forget = () => this.#making.delete(key)
    making.then(forget, forget)
    return making
  }

  #keep(key: string, value: V): V {
    const bytes = this.#options.sizeOf(value)
    // It would push out everything else, and soon go itself.
    if (bytes > this.#options.maxBytes) return value
    this.#bytes += bytes - (this.#kept.get(key)?.bytes ?? 0)
    this.#kept.delete(key)
    this.#kept.set(key, { value, bytes, isUsed: true })
    // What is put off is met again behind the others.
    for (const [oldest, each] of this.#kept) {
      if (this.#bytes <= this.#options.maxBytes) break
      this.#kept.delete(oldest)
      if (each.isUsed) this.#kept.set(oldest, { ...each, isUsed: false })
      else this.#bytes -= each.bytes
    }
    return value
  }
}
