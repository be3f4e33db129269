/** Those who listen to a room; one that fails hurts no other. */
import type { Log } from '../log.ts'
import type { RoomListener } from './chat.ts'

export class Listeners {
  readonly #log: Log
  readonly #listeners = new Set<RoomListener>()

  constructor(log: Log) {
    this.#log = log
  }

  get size(): number {
    return this.#listeners.size
  }

  /** Answers how to stop, which answers false the second time. One that is added twice is two. */
  add(listener: RoomListener): () => boolean {
    const own: RoomListener = {
      onEvents: events => listener.onEvents(events),
      onModeratorEvent: event => listener.onModeratorEvent?.(event),
      onHidden: (message, author) => listener.onHidden?.(message, author),
      onExpelled: expulsion => listener.onExpelled?.(expulsion),
      onStandingChanged: accountId => listener.onStandingChanged?.(accountId),
    }
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  each(tell: (listener: RoomListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        tell(listener)
      } catch (err) {
        this.#log.error({ err }, 'a listener of the chat failed')
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
