/** Deletes what channels keep no longer, a little at a time. */
import type { Log } from '../log.ts'
import type { RetentionRepository } from './retention-repository.ts'
import { keptSince, readSettings } from './settings.ts'

const INTERVAL_MS = 60 * 60 * 1_000
const DAY_MS = 24 * 60 * 60 * 1_000
const MAX_GROUP = 1_000
const ROOMS_AT_ONCE = 200
/** Between two groups, for those who wait for the database. */
const PAUSE_MS = 50

export interface RetentionOptions {
  readonly repository: RetentionRepository
  readonly now: () => number
  readonly log: Log
}

export class Retention {
  readonly #options: RetentionOptions
  readonly #timer: ReturnType<typeof setInterval>
  #running: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** Runs now, and once an hour from now on. */
  constructor(options: RetentionOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#start(), INTERVAL_MS)
    this.#timer.unref()
    this.#start()
  }

  /** Deletes all that is too old; answers how many messages these were. */
  async run(): Promise<number> {
    const { repository, now } = this.#options
    await this.#drain(() => repository.deleteEndedBans(new Date(now() - DAY_MS), MAX_GROUP))
    let count = 0
    let after: string | undefined
    do {
      const rooms = await repository.listRooms(after, ROOMS_AT_ONCE)
      for (const { channelId, settings } of rooms) {
        const before = keptSince(readSettings(settings), now())
        if (before === Number.NEGATIVE_INFINITY) continue
        count += await this.#drain(() => repository.deleteMessages(channelId, new Date(before), MAX_GROUP))
      }
      after = rooms.length === ROOMS_AT_ONCE ? rooms.at(-1)?.channelId : undefined
    } while (after !== undefined && !this.#isClosed)
    return count
  }

  /** Idempotent; waits for the group that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #start(): void {
    this.#running = this.run().catch(err =>
      this.#options.log.warn({ err }, 'old messages could not be deleted'),
    )
  }

  /** Until a group is not full any more. */
  async #drain(deleteGroup: () => Promise<number>): Promise<number> {
    let count = 0
    while (!this.#isClosed) {
      const deleted = await deleteGroup()
      count += deleted
      if (deleted < MAX_GROUP) break
      await Bun.sleep(PAUSE_MS)
    }
    return count
  }
}
