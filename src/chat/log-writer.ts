/** Stores a room's messages in groups: what comes while one group is stored goes into the next. */
import { AppError } from '../errors.ts'
import type { NewMessage } from './repository.ts'

const MAX_QUEUED = 1_000
const MAX_GROUP = 200

interface Entry<T> {
  readonly message: NewMessage
  readonly what: T
  readonly resolve: (seq: number) => void
  readonly reject: (error: unknown) => void
}

export interface LogWriterOptions<T> {
  /** Stores them, all or none; answers the place of the first. */
  readonly append: (messages: readonly NewMessage[]) => Promise<number>
  /** Told of a group that was stored, before those who wrote it. */
  readonly onStored: (group: readonly { seq: number; what: T }[]) => void
}

export class LogWriter<T> {
  readonly #options: LogWriterOptions<T>
  #queue: Entry<T>[] = []
  #isRunning = false

  constructor(options: LogWriterOptions<T>) {
    this.#options = options
  }

  /** The message's place, once it is stored. Throws `AppError` LIMIT (`busy`). */
  write(message: NewMessage, what: T): Promise<number> {
    if (this.#queue.length >= MAX_QUEUED)
      return Promise.reject(
        new AppError('LIMIT', 'busy', 'The chat has too much to do. Try again in a moment.', {
          retryAfterSeconds: 1,
        }),
      )
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#queue.push({ message, what, resolve, reject })
    if (!this.#isRunning) void this.#run()
    return promise
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#queue.length > 0) await this.#store(this.#queue.splice(0, MAX_GROUP))
    this.#isRunning = false
  }

  async #store(group: readonly Entry<T>[]): Promise<void> {
    try {
      const first = await this.#options.append(group.map(entry => entry.message))
      this.#options.onStored(group.map(({ what }, index) => ({ seq: first + index, what })))
      for (const [index, entry] of group.entries()) entry.resolve(first + index)
    } catch (error) {
      // One message whose account is gone must not take the others with it.
      if (group.length > 1 && isConstraint(error)) for (const entry of group) await this.#store([entry])
      else for (const entry of group) entry.reject(isConstraint(error) ? gone() : error)
    }
  }
}

/** PostgreSQL's class 23: integrity constraint violation. */
function isConstraint(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string' && code.startsWith('23')) return true
  return cause !== undefined && cause !== null && isConstraint(cause)
}

function gone(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_found', 'The channel or the account is not there any more.')
}
