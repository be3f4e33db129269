/** Hides the SQL of likes, and counts them once for all who ask at the same time. */
import { and, count, eq } from 'drizzle-orm'
import { streamLikes } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'

const COUNT_MS = 400
const TELL_MS = 500
const MAX_COUNTS = 2_000

export interface LikesOptions {
  readonly db: Db
  /** Told at most twice a second of each stream, on the instance on which somebody liked it. Must not throw. */
  readonly onChanged?: (channelId: string) => void
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export class Likes {
  readonly #db: Db
  readonly #onChanged: (channelId: string) => void
  readonly #now: () => number
  /** By stream, oldest first. */
  readonly #counts = new Map<string, { readonly likes: Promise<number>; readonly until: number }>()
  /** Streams whose change is about to be told. */
  readonly #telling = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(options: LikesOptions) {
    this.#db = options.db
    this.#onChanged = options.onChanged ?? (() => {})
    this.#now = options.now ?? Date.now
  }

  /**
   * `liker`: an account's id, or what tells viewers apart who are not signed in. Idempotent. Answers how many like the
   * stream, which has to exist.
   */
  async like(stream: { id: string; channelId: string }, liker: string): Promise<number> {
    const changed = await this.#db
      .insert(streamLikes)
      .values({ streamId: stream.id, liker, likedAt: new Date(this.#now()) })
      .onConflictDoNothing()
      .returning({ liker: streamLikes.liker })
    return this.#changed(stream, changed.length > 0)
  }

  /** Takes it back. Idempotent. */
  async unlike(stream: { id: string; channelId: string }, liker: string): Promise<number> {
    const changed = await this.#db
      .delete(streamLikes)
      .where(and(eq(streamLikes.streamId, stream.id), eq(streamLikes.liker, liker)))
      .returning({ liker: streamLikes.liker })
    return this.#changed(stream, changed.length > 0)
  }

  /** How many like the stream, as of just now. */
  async count(streamId: string): Promise<number> {
    const known = this.#counts.get(streamId)
    if (known && known.until > this.#now()) return known.likes
    const likes = this.#read(streamId)
    this.#counts.delete(streamId)
    this.#counts.set(streamId, { likes, until: this.#now() + COUNT_MS })
    likes.catch(() => this.#counts.delete(streamId))
    const [oldest] = this.#counts.keys()
    if (this.#counts.size > MAX_COUNTS && oldest !== undefined) this.#counts.delete(oldest)
    return likes
  }

  async isLikedBy(streamId: string, liker: string): Promise<boolean> {
    const found = await this.#db
      .select({ liker: streamLikes.liker })
      .from(streamLikes)
      .where(and(eq(streamLikes.streamId, streamId), eq(streamLikes.liker, liker)))
    return found.length > 0
  }

  /** Nothing is told any more. Idempotent. */
  close(): void {
    for (const timer of this.#telling.values()) clearTimeout(timer)
    this.#telling.clear()
  }

  async #changed(stream: { id: string; channelId: string }, isChanged: boolean): Promise<number> {
    if (!isChanged) return this.count(stream.id)
    this.#tellSoon(stream)
    const likes = await this.#read(stream.id)
    this.#counts.set(stream.id, { likes: Promise.resolve(likes), until: this.#now() + COUNT_MS })
    return likes
  }

  #tellSoon({ id, channelId }: { id: string; channelId: string }): void {
    if (this.#telling.has(id)) return
    const tell = () => {
      this.#telling.delete(id)
      this.#onChanged(channelId)
    }
    this.#telling.set(id, setTimeout(tell, TELL_MS))
  }

  async #read(streamId: string): Promise<number> {
    const [row] = await this.#db
      .select({ count: count() })
      .from(streamLikes)
      .where(eq(streamLikes.streamId, streamId))
    return row?.count ?? 0
  }
}
