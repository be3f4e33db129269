/** Keeps the last group of pictures, with which a player starts at once; when it grows too large, none until the next. */
import type { FlvMessage } from './message.ts'

export interface GroupLimits {
  readonly maxBytes: number
  readonly maxMessages: number
}

/** Ten seconds at 25 Mb/s; half a minute of 60 pictures and 47 frames of sound a second. */
const LIMITS: GroupLimits = { maxBytes: 32 * 1024 * 1024, maxMessages: 4_000 }

export class GroupCache {
  readonly #limits: GroupLimits
  #messages: FlvMessage[] = []
  #bytes = 0

  constructor(limits: GroupLimits = LIMITS) {
    this.#limits = limits
  }

  /** From its key picture on, in order of arrival; empty: there is none to start with. */
  get messages(): readonly FlvMessage[] {
    return this.#messages
  }

  add(message: FlvMessage): void {
    if (message.role === 'key') this.clear()
    else if (this.#messages.length === 0) return
    this.#messages.push(message)
    this.#bytes += message.mediaBytes
    if (this.#bytes > this.#limits.maxBytes || this.#messages.length > this.#limits.maxMessages) this.clear()
  }

  clear(): void {
    this.#messages = []
    this.#bytes = 0
  }
}
