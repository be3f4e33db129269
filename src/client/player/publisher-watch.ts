/** Finds out, when nothing arrives any more, whether the publisher has lost its connection and may return. */

/** Soon, and not all viewers of a stream in the same moment. */
const FIRST_MS = { least: 200, spread: 800 }
const EVERY_MS = 3_000

export class PublisherWatch {
  readonly #now: () => number
  readonly #ask: () => Promise<boolean | undefined>
  #isAway = false
  #askAt: number | undefined

  /** `ask`: whether the stream waits for its publisher; undefined when that cannot be told. */
  constructor(options: { now: () => number; ask: () => Promise<boolean | undefined> }) {
    this.#now = options.now
    this.#ask = options.ask
  }

  /** The publisher's connection was lost, and it is waited for. */
  get isAway(): boolean {
    return this.#isAway
  }

  /** Called a few times a second. */
  observe(isStalled: boolean): void {
    if (!isStalled) {
      this.#isAway = false
      this.#askAt = undefined
      return
    }
    const now = this.#now()
    this.#askAt ??= now + FIRST_MS.least + Math.random() * FIRST_MS.spread
    if (now < this.#askAt) return
    this.#askAt = now + EVERY_MS
    this.#ask()
      .then(isAway => {
        if (this.#askAt !== undefined) this.#isAway = isAway ?? this.#isAway
      })
      .catch(() => {})
  }
}
