/**
 * Sends a room's events to all of its sockets at once. A fan-out to ten thousand sockets takes the better part of a tenth
 * of a second and costs the same for one event as for ten: what happens meanwhile is gathered for the next one.
 */

export interface FanOutOptions {
  /** Sends to all sockets. */
  readonly publish: (text: string) => void
  /** Milliseconds, never going back. */
  readonly now?: () => number
}

/** The longest that an event waits for others. */
const MAX_PAUSE_MS = 50
/** Of the time that a fan-out took. What came while it ran is all taken in the one turn of the event loop that follows. */
const PAUSE_SHARE = 0.05
/** A fan-out that is done this fast needs no pause: the next follows in the same turn of the event loop. */
const QUICK_MS = 2
const MAX_GATHERED_CHARS = 64 * 1024

export class FanOut<E> {
  readonly #publish: (text: string) => void
  readonly #now: () => number
  readonly #told: (events: readonly E[]) => void
  #events: E[] = []
  #lines: string[] = []
  #chars = 0
  #isPausing = false
  #timer: Timer | undefined
  #isClosed = false

  /** `told` hears of events when they are sent, in order. */
  constructor(options: FanOutOptions, told: (events: readonly E[]) => void) {
    this.#publish = options.publish
    this.#now = options.now ?? (() => performance.now())
    this.#told = told
  }

  push(events: readonly E[]): void {
    if (this.#isClosed) return
    for (const event of events) {
      const line = JSON.stringify(event)
      this.#events.push(event)
      this.#lines.push(line)
      this.#chars += line.length
    }
    if (!this.#isPausing || this.#chars > MAX_GATHERED_CHARS) this.#flush()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #flush(): void {
    if (this.#isClosed || this.#lines.length === 0) return
    const events = this.#events
    const text = this.#lines.join('\n')
    this.#events = []
    this.#lines = []
    this.#chars = 0
    const startedAt = this.#now()
    this.#told(events)
    this.#publish(text)
    if (this.#isPausing) return
    this.#isPausing = true
    // The engine writes to the sockets before the next turn of the event loop, so that is when the cost is known.
    setImmediate(() => this.#pause(this.#now() - startedAt))
  }

  /** Everything else has its turn, however many events there are. */
  #pause(costMs: number): void {
    if (costMs < QUICK_MS) this.#resume()
    else this.#timer = setTimeout(() => this.#resume(), Math.min(costMs * PAUSE_SHARE, MAX_PAUSE_MS))
  }

  #resume(): void {
    this.#isPausing = false
    this.#flush()
  }
}
