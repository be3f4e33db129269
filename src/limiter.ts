/** Lets only so many do something costly at once; others wait in a queue that is bounded too. */
import { AppError } from './errors.ts'

export interface LimiterOptions {
  readonly running: number
  readonly waiting: number
}

export class Limiter {
  readonly #options: LimiterOptions
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: LimiterOptions) {
    this.#options = options
  }

  /** Throws `AppError` LIMIT (`busy`) when too many wait already, and whatever `work` throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.running) await this.#turn()
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  /** Whoever ends hands its place on. */
  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.waiting)
      throw new AppError('LIMIT', 'busy', 'The server has much to do. Try again in a moment.', {
        retryAfterSeconds: 2,
      })
    return new Promise(resolve => this.#waiting.push(resolve))
  }
}
