/**
 * One viewer's bounded queue of messages, which it empties as fast as its connection takes them. On overflow everything
 * up to the next key picture is dropped, and counted; a viewer that takes nothing for too long is given up.
 */
import type { FlvMessage } from './message.ts'

export interface SubscriptionLimits {
  /** Of what has arrived since the viewer came, but for one message; the group that it starts with is shared by all. */
  readonly maxQueuedBytes: number
  readonly maxQueuedMessages: number
  /** How long a viewer for whom there is something may take nothing. */
  readonly stallMs: number
}

export const SUBSCRIPTION_LIMITS: SubscriptionLimits = {
  maxQueuedBytes: 4 * 1024 * 1024,
  maxQueuedMessages: 2_000,
  stallMs: 10_000,
}

export interface SubscriptionOptions {
  /** Headers and, behind them, the group to start with. */
  readonly backlog: readonly FlvMessage[]
  /** There is something to take, or it is over. Called in the tick in which that came about. */
  readonly onReadable: () => void
  /** Called once. */
  readonly onClose: () => void
  readonly limits: SubscriptionLimits
}

export class Subscription {
  readonly #options: SubscriptionOptions
  #backlog: readonly FlvMessage[]
  #backlogAt = 0
  #queue: FlvMessage[] = []
  #queuedBytes = 0
  /** Where the viewer's time begins. */
  #originMs: number | undefined
  #isWaitingForKey: boolean
  /** It waits because its queue ran over. */
  #isBehind = false
  /** Those of the running broadcast, taken or queued. */
  #hasHeaders: boolean
  /** The viewer has taken all there was. */
  #isCaughtUp: boolean
  /** Since when it has not taken what there is. */
  #waitingSince = performance.now()
  #droppedMessages = 0
  #state: 'open' | 'ending' | 'closed' = 'open'
  #deadline: ReturnType<typeof setTimeout> | undefined

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#backlog = options.backlog
    this.#hasHeaders = options.backlog.length > 0
    this.#isCaughtUp = options.backlog.length === 0
    this.#isWaitingForKey = !options.backlog.some(message => message.role === 'key')
  }

  /** Nothing will come any more. */
  get isOver(): boolean {
    return this.#state === 'closed' || (this.#state === 'ending' && !this.hasMessages)
  }

  /** It was given up because the viewer took nothing. */
  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get hasMessages(): boolean {
    return this.#backlogAt < this.#backlog.length || this.#queue.length > 0
  }

  /** Messages that this viewer has missed because it is slow. */
  get droppedMessages(): number {
    return this.#droppedMessages
  }

  /** The next message, its time counted from the viewer's first picture; undefined: there is none now. */
  take(): FlvMessage | undefined {
    this.#waitingSince = performance.now()
    for (;;) {
      const next = this.#next()
      if (!next) {
        this.#isCaughtUp = true
        return undefined
      }
      if (next.role === 'key') this.#originMs ??= next.timestampMs
      const timestampMs = this.#originMs === undefined ? 0 : next.timestampMs - this.#originMs
      if (timestampMs >= 0) return { ...next, timestampMs }
      if (next.role === 'header') return { ...next, timestampMs: 0 }
      // Sound from before the first picture.
    }
  }

  /** For the stream. `headers`: those of the broadcast that `message` belongs to. */
  write(message: FlvMessage, headers: readonly FlvMessage[]): void {
    if (this.#state !== 'open') return
    const now = performance.now()
    if (this.#isCaughtUp) this.#waitingSince = now
    else if (now - this.#waitingSince > this.#options.limits.stallMs) return this.close()
    const { maxQueuedBytes, maxQueuedMessages } = this.#options.limits
    if (this.#queuedBytes > maxQueuedBytes || this.#queue.length > maxQueuedMessages) this.#overflow()
    if (this.#isWaitingForKey && message.role !== 'key') return this.#skip(message)
    if (!this.#hasHeaders) for (const header of headers) this.#push(header)
    this.#hasHeaders = true
    this.#isWaitingForKey = false
    this.#isBehind = false
    this.#push(message)
    this.#isCaughtUp = false
    this.#options.onReadable()
  }

  /** For the stream: what is queued may still be taken, within the time that a viewer may take nothing. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#deadline = setTimeout(() => this.close(), this.#options.limits.stallMs)
    this.#deadline.unref()
    this.#options.onReadable()
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#deadline)
    this.#clear()
    this.#options.onClose()
    this.#options.onReadable()
  }

  #next(): FlvMessage | undefined {
    const start = this.#backlog[this.#backlogAt]
    if (start) {
      this.#backlogAt++
      if (this.#backlogAt === this.#backlog.length) this.#forgetBacklog()
      return start
    }
    const next = this.#queue.shift()
    if (next) this.#queuedBytes -= next.mediaBytes
    return next
  }

  #push(message: FlvMessage): void {
    this.#queue.push(message)
    this.#queuedBytes += message.mediaBytes
  }

  #skip(message: FlvMessage): void {
    if (message.role === 'header') this.#hasHeaders = false
    else if (this.#isBehind) this.#droppedMessages++
  }

  #overflow(): void {
    this.#droppedMessages += this.#queue.length + this.#backlog.length - this.#backlogAt
    this.#clear()
    this.#isBehind = true
    this.#isWaitingForKey = true
    this.#hasHeaders = false
  }

  #clear(): void {
    this.#forgetBacklog()
    this.#queue = []
    this.#queuedBytes = 0
  }

  #forgetBacklog(): void {
    this.#backlog = []
    this.#backlogAt = 0
  }
}
