/**
 * Counts the players of one stream by an unguessable id that each gets with its multivariant playlist, and the people
 * among them by what their browser is known by.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'

/** A player that asks for no media playlist for so long is gone. */
const PRESENT_MS = 10_000
const MAX_VIEWERS = 50_000
const ID = /^[\w-]{32}$/

/** An id is signed, so that made-up ones do not count and none needs to be kept for a player that may come. */
export class Viewers {
  readonly #secret = randomBytes(32)
  readonly #now: () => number
  /** When each was seen last, longest ago first, and what it is known by. */
  readonly #seen = new Map<string, { readonly at: number; readonly key: string }>()

  /** `now`: milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A new id for a URL's query. */
  issue(): string {
    const nonce = randomBytes(12)
    return Buffer.concat([nonce, this.#sign(nonce)]).toString('base64url')
  }

  /** The player with this id, in the browser `key`, asked for a media playlist; any other string is ignored. */
  touch(id: string, key: string = id): void {
    if (!this.#seen.delete(id) && !this.#isGenuine(id)) return
    this.#seen.set(id, { at: this.#now(), key })
    if (this.#seen.size > MAX_VIEWERS) this.#seen.delete(this.#seen.keys().next().value!)
  }

  /** Players that are watching now. */
  get count(): number {
    this.#forget()
    return this.#seen.size
  }

  /** What those who watch now are known by: their browser's key, or the player's id. */
  *keys(): Generator<string> {
    this.#forget()
    for (const { key } of this.#seen.values()) yield key
  }

  #forget(): void {
    const earliest = this.#now() - PRESENT_MS
    for (const [id, { at }] of this.#seen) {
      if (at >= earliest) break
      this.#seen.delete(id)
    }
  }

  #isGenuine(id: string): boolean {
    if (!ID.test(id)) return false
    const bytes = Buffer.from(id, 'base64url')
    return timingSafeEqual(this.#sign(bytes.subarray(0, 12)), bytes.subarray(12))
  }

  #sign(nonce: Uint8Array): Buffer {
    return Buffer.from(new Bun.CryptoHasher('sha256', this.#secret).update(nonce).digest().subarray(0, 12))
  }
}
