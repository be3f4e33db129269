/** The bus of a process that is alone. */
import type { Log } from '../log.ts'
import type { Bus } from './bus.ts'
import { Topics } from './topics.ts'

export class LocalBus implements Bus {
  readonly isConnected = true
  readonly #topics: Topics
  #isClosed = false

  constructor({ log }: { log: Log }) {
    this.#topics = new Topics(log)
  }

  async publish(topic: string, text: string): Promise<void> {
    if (this.#isClosed) throw new Error('the bus is closed')
    // As over a wire: not before the caller has gone on, and what a listener publishes comes after this for all.
    await Promise.resolve()
    this.#topics.tell(topic, text)
  }

  async subscribe(topic: string, listener: (text: string) => void): Promise<() => void> {
    if (this.#isClosed) throw new Error('the bus is closed')
    return this.#topics.add(topic, listener)
  }

  /** It is never away. */
  onConnection(): () => void {
    return () => {}
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#topics.clear()
  }
}
