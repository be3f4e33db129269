/** Hides argon2id and keeps it from taking all memory and cores: few hashes at once, few waiting. */
import { AppError } from '../errors.ts'

/** OWASP's minimum; the cores are also needed for media. */
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const
/** Hash of random bytes nobody kept, with the parameters above: an unknown user costs the same time as a known one. */
const NOBODY =
  '$argon2id$v=19$m=19456,t=2,p=1$ACKYYQiQL2cCx9JTz1vWgPK4KnMfs6O/JcaTvsLIPcQ$nBYl+XKxVxtSd3vjb8t52LF5Jhrua2MTSIDWfxQCnhU'

export class Passwords {
  readonly #maxRunning: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: { maxRunning?: number; maxWaiting?: number } = {}) {
    this.#maxRunning = options.maxRunning ?? 2
    this.#maxWaiting = options.maxWaiting ?? 64
  }

  /** The PHC string to store. Throws `AppError` LIMIT (`busy`) when too many wait. */
  hash(password: string): Promise<string> {
    return this.#run(() => Bun.password.hash(password, ARGON2ID))
  }

  /** `hash` undefined: there is no such account, which takes as long to find out. LIMIT (`busy`) as in `hash`. */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const isMatch = await this.#run(() => Bun.password.verify(password, hash ?? NOBODY))
    return isMatch && hash !== undefined
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#maxRunning) {
      this.#running++
      return
    }
    if (this.#waiting.length >= this.#maxWaiting)
      throw new AppError('LIMIT', 'busy', 'Too many people are signing in. Try again in a few seconds.', {
        retryAfterSeconds: 5,
      })
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn.resolve)
    await turn.promise
  }

  /** Hands its place to the first that waits. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}
