/** Tells a room's events by their places: each once and none left out, whatever way they come. */
import type { LoggedEvent } from './events.ts'

/** What comes by another way may be late; what is later than this is read. */
const GAP_MS = 100
const RETRY_MS = 1_000
/** Events that wait for earlier ones; beyond it they are read when it is their turn. */
const MAX_WAITING = 2_000

export interface DeliveryOptions {
  /** The place of the last event that is not to be told any more. */
  readonly seq: number
  /** The first stored events after `after`, and the place up to which these are all. */
  readonly read: (after: number) => Promise<{ events: readonly LoggedEvent[]; through: number }>
  /** In order, each once. */
  readonly tell: (events: readonly LoggedEvent[]) => void
  readonly onError: (error: unknown) => void
}

export class Delivery {
  readonly #options: DeliveryOptions
  #seq: number
  /** The highest place that is known to be taken. */
  #head: number
  readonly #waiting = new Map<number, LoggedEvent>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isReading = false
  #isClosed = false

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#seq = options.seq
    this.#head = options.seq
  }

  /** The place of the last event that was told. */
  get seq(): number {
    return this.#seq
  }

  /** Takes events that are stored, in any order; what was told already is dropped. */
  accept(events: readonly LoggedEvent[]): void {
    if (this.#isClosed) return
    for (const event of events) this.#take(event)
    this.#flush()
    if (this.#head > this.#seq) this.#mendIn(GAP_MS)
  }

  /** Everything up to `head` is stored: what has not come is read. Resolves when it was told, or could not be read. */
  async catchUp(head: number): Promise<void> {
    this.#head = Math.max(this.#head, head)
    if (this.#head > this.#seq) await this.#mend()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #take(event: LoggedEvent): void {
    if (event.seq <= this.#seq) return
    this.#head = Math.max(this.#head, event.seq)
    if (event.seq === this.#seq + 1 || this.#waiting.size < MAX_WAITING) this.#waiting.set(event.seq, event)
  }

  #flush(): void {
    const ready: LoggedEvent[] = []
    for (;;) {
      const next = this.#waiting.get(this.#seq + 1)
      if (!next) break
      this.#waiting.delete(++this.#seq)
      ready.push(next)
    }
    if (ready.length > 0) this.#options.tell(ready)
  }

  #mendIn(delayMs: number): void {
    if (this.#timer !== undefined || this.#isReading || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#mend()
    }, delayMs)
  }

  /** Reads until nothing is missing. */
  async #mend(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    let hasProgress = true
    try {
      while (this.#head > this.#seq && hasProgress && !this.#isClosed) {
        const before = this.#seq
        const { events, through } = await this.#options.read(before)
        if (this.#isClosed) return
        this.#tellRead(events, through)
        hasProgress = this.#seq > before
      }
    } catch (error) {
      this.#options.onError(error)
      hasProgress = false
    } finally {
      this.#isReading = false
    }
    if (this.#head > this.#seq) this.#mendIn(hasProgress ? GAP_MS : RETRY_MS)
  }

  /** What was read is all there is up to `through`: places without an event are of what was deleted since. */
  #tellRead(events: readonly LoggedEvent[], through: number): void {
    const missed = events.filter(event => event.seq > this.#seq)
    this.#seq = Math.max(this.#seq, through)
    for (const seq of this.#waiting.keys()) if (seq <= this.#seq) this.#waiting.delete(seq)
    if (missed.length > 0) this.#options.tell(missed)
    this.#flush()
  }
}
