/** What a room told last, so that nobody who comes back needs the database. */
import type { ChatMessage, LoggedEvent } from '../chat/events.ts'

/** At least half of them are kept. */
export const MAX_RECENT_EVENTS = 400

export class RecentEvents {
  /** All visible events after this place are here. */
  #floor: number
  #seq: number
  #events: LoggedEvent[] = []

  constructor(seq: number) {
    this.#floor = seq
    this.#seq = seq
  }

  /** The place of the last one. */
  get seq(): number {
    return this.#seq
  }

  /** `events`: all that are visible of those after `floor` and until the first that was added. */
  prepend(events: readonly LoggedEvent[], floor: number): void {
    const former = events.filter(event => event.seq > floor && event.seq <= this.#floor)
    this.#events = [...former, ...this.#events]
    this.#floor = floor
  }

  /** `event` is the next. What it takes back is not told again. */
  add(event: LoggedEvent): void {
    if (event.type === 'deleted') this.#keep(message => message.id !== event.id)
    if (event.type === 'cleared') this.#keep(() => false)
    if (event.type === 'expelled') {
      const { id, username } = event.account
      this.#keep(({ author }) => author.id !== id || (id === null && author.username !== username))
    }
    this.#events.push(event)
    this.#seq = event.seq
    if (this.#events.length <= MAX_RECENT_EVENTS) return
    const dropped = this.#events.splice(0, MAX_RECENT_EVENTS / 2)
    this.#floor = dropped.at(-1)?.seq ?? this.#floor
  }

  /**
   * What was told after `seq`, oldest first, without messages from before `since` (milliseconds since the epoch);
   * undefined: it is not known here any more.
   */
  after(seq: number, since: number): LoggedEvent[] | undefined {
    if (seq < this.#floor) return undefined
    const isKept = (event: LoggedEvent) =>
      event.type !== 'message' || Date.parse(event.message.sentAt) >= since
    return this.#events.filter(event => event.seq > seq && isKept(event))
  }

  #keep(isKept: (message: ChatMessage) => boolean): void {
    this.#events = this.#events.filter(event => event.type !== 'message' || isKept(event.message))
  }
}
