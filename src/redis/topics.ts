/** Who in this process listens to which topic. */
import type { Log } from '../log.ts'

type Listener = (text: string) => void

/** Of listeners that throw, so many a minute are told of. */
const MAX_LOGGED = 10

export class Topics {
  readonly #log: Log
  readonly #listeners = new Map<string, Set<{ readonly hear: Listener }>>()
  #logged = 0
  #loggedSince = 0

  constructor(log: Log) {
    this.#log = log
  }

  get names(): string[] {
    return [...this.#listeners.keys()]
  }

  has(topic: string): boolean {
    return this.#listeners.has(topic)
  }

  /** Answers how to stop, which is idempotent; `onUnused` is told when that was the topic's last listener. */
  add(topic: string, hear: Listener, onUnused?: () => void): () => void {
    const listener = { hear }
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#listeners.delete(topic)
      onUnused?.()
    }
  }

  /** One listener that throws hurts no other. */
  tell(topic: string, text: string): void {
    for (const { hear } of [...(this.#listeners.get(topic) ?? [])]) {
      try {
        hear(text)
      } catch (err) {
        this.#complain(topic, err)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }

  #complain(topic: string, err: unknown): void {
    if (Date.now() - this.#loggedSince > 60_000) {
      this.#loggedSince = Date.now()
      this.#logged = 0
    }
    if (this.#logged++ < MAX_LOGGED) this.#log.error({ err, topic }, 'a listener failed')
  }
}
