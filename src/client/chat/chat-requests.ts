/** The messages on their way to the server: a few at once, the others in a short queue, each answered in time. */
import type { ClientRequest, Reply } from '../../chat-socket/wire.ts'

/** What became of it: the id of the message, or a text to show to its author alone. */
export interface Sent {
  readonly id?: string
  readonly text?: string
}

/** Why it was not said: `reason` is a stable word for programs, `message` is for people. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly reason: string
  readonly retryAfterSeconds: number | undefined

  constructor(reason: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}

interface Pending {
  readonly request: ClientRequest
  readonly resolve: (sent: Sent) => void
  readonly reject: (error: ChatError) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** As many as the server takes from one connection. */
const MAX_UNDER_WAY = 4
const MAX_WAITING = 16
const TIMEOUT_MS = 10_000

export class ChatRequests {
  readonly #transmit: (request: ClientRequest) => void
  readonly #underWay = new Map<number, Pending>()
  readonly #waiting = new Map<number, Pending>()
  #lastRef = 0

  constructor(transmit: (request: ClientRequest) => void) {
    this.#transmit = transmit
  }

  send(text: string, replyTo: string | undefined): Promise<Sent> {
    if (this.#waiting.size >= MAX_WAITING)
      return Promise.reject(new ChatError('busy', 'Too many messages are waiting to be sent.'))
    const ref = ++this.#lastRef
    const { promise, resolve, reject } = Promise.withResolvers<Sent>()
    const timer = setTimeout(() => {
      this.#remove(ref)?.reject(new ChatError('timeout', 'The server has not answered.'))
      this.#next()
    }, TIMEOUT_MS)
    const request: ClientRequest = { type: 'send', ref, text, ...(replyTo !== undefined && { replyTo }) }
    this.#waiting.set(ref, { request, resolve, reject, timer })
    this.#next()
    return promise
  }

  settle(reply: Reply): void {
    const pending = typeof reply.ref === 'number' ? this.#remove(reply.ref) : undefined
    if (!pending) return
    if (reply.type === 'error')
      pending.reject(new ChatError(reply.reason, reply.message, reply.retryAfterSeconds))
    else {
      const { id, text } = reply
      pending.resolve({ ...(id !== undefined && { id }), ...(text !== undefined && { text }) })
    }
    this.#next()
  }

  /** Nobody knows what became of those under way. */
  rejectAll(): void {
    const all = [...this.#underWay.keys(), ...this.#waiting.keys()]
    for (const ref of all)
      this.#remove(ref)?.reject(new ChatError('disconnected', 'The connection to the chat was lost.'))
  }

  #next(): void {
    for (const [ref, pending] of this.#waiting) {
      if (this.#underWay.size >= MAX_UNDER_WAY) return
      this.#waiting.delete(ref)
      this.#underWay.set(ref, pending)
      this.#transmit(pending.request)
    }
  }

  #remove(ref: number): Pending | undefined {
    const pending = this.#underWay.get(ref) ?? this.#waiting.get(ref)
    this.#underWay.delete(ref)
    this.#waiting.delete(ref)
    clearTimeout(pending?.timer)
    return pending
  }
}
