/** Holds requests until what they ask for exists: bounded in number and in time, and dropped when their client leaves. */

export type GateResult = 'ready' | 'timeout' | 'aborted' | 'full'

interface Waiter {
  readonly isReady: () => boolean
  readonly leave: (result: GateResult) => void
}

export class Gate {
  readonly #limit: number
  readonly #waiters = new Set<Waiter>()

  /** `limit`: how many requests are held at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#waiters.size
  }

  /** Resolves as soon as `isReady`, asked now and at each `check`, says so; `full` at once when too many wait. */
  wait(isReady: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<GateResult> {
    if (isReady()) return Promise.resolve('ready')
    if (signal.aborted) return Promise.resolve('aborted')
    if (this.#waiters.size >= this.#limit) return Promise.resolve('full')
    return new Promise(resolve => {
      const abort = () => waiter.leave('aborted')
      const timer = setTimeout(() => waiter.leave('timeout'), timeoutMs)
      const waiter = {
        isReady,
        leave: (result: GateResult) => {
          clearTimeout(timer)
          signal.removeEventListener('abort', abort)
          this.#waiters.delete(waiter)
          resolve(result)
        },
      }
      signal.addEventListener('abort', abort)
      this.#waiters.add(waiter)
    })
  }

  /** Something has changed: lets go of everybody who is ready. */
  check(): void {
    for (const waiter of this.#waiters) if (waiter.isReady()) waiter.leave('ready')
  }
}
