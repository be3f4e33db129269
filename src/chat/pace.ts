/** Slow mode: when each chatter last spoke in a room, on whatever instance. */
import { AppError } from '../errors.ts'

const MAX_CHATTERS = 20_000

export class Pace {
  /** Milliseconds since the epoch, in the order of speaking. */
  readonly #spokeAt = new Map<string, number>()

  /** Throws `AppError` LIMIT (`chat_slow_mode`) when `key` spoke less than `seconds` before `now`. */
  check(key: string, seconds: number, now: number): void {
    const waitMs = (this.#spokeAt.get(key) ?? Number.NEGATIVE_INFINITY) + seconds * 1_000 - now
    if (waitMs <= 0) return
    const retryAfterSeconds = Math.ceil(waitMs / 1_000)
    throw new AppError(
      'LIMIT',
      'chat_slow_mode',
      `The chat is in slow mode. Try again in ${retryAfterSeconds} s.`,
      { retryAfterSeconds },
    )
  }

  /** `key` spoke at `at`; answers how to take it back, when nothing came of it. */
  note(key: string, at: number): () => void {
    const before = this.#spokeAt.get(key)
    if (before !== undefined && before >= at) return () => {}
    this.#set(key, at)
    return () => {
      if (this.#spokeAt.get(key) !== at) return
      if (before === undefined) this.#spokeAt.delete(key)
      else this.#set(key, before)
    }
  }

  #set(key: string, at: number): void {
    this.#spokeAt.delete(key)
    this.#spokeAt.set(key, at)
    if (this.#spokeAt.size <= MAX_CHATTERS) return
    const [oldest] = this.#spokeAt.keys()
    if (oldest !== undefined) this.#spokeAt.delete(oldest)
  }
}
