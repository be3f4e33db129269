/** A room's last events in memory, so that who comes back after a short loss costs no query. */
import type { ChatMessage, LoggedEvent } from './events.ts'

const CAPACITY = 500

type MessageEvent = LoggedEvent & { type: 'message' }

export class Recent {
  /** In order; messages that are not to be shown any more are gone. */
  #events: LoggedEvent[] = []
  /** Every event after this place is here. */
  #from: number

  constructor(from: number) {
    this.#from = from
  }

  /** Adds what comes next. */
  add(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.type !== 'message') this.#hide(event)
      this.#events.push(event)
    }
    if (this.#events.length <= 2 * CAPACITY) return
    this.#events = this.#events.slice(-CAPACITY)
    this.#from = this.#events[0]!.seq - 1
  }

  /**
   * Those after `after`, at most the last `limit`; undefined: some are not here any more. Messages from before `since`
   * are kept no longer, as everywhere here; milliseconds since the epoch.
   */
  after(after: number, limit: number, since: number): { events: LoggedEvent[]; isGap: boolean } | undefined {
    this.#forget(since)
    if (after < this.#from) return undefined
    let start = this.#events.length
    while (start > 0 && this.#events[start - 1]!.seq > after) start--
    const missed = this.#events.slice(start)
    return { events: missed.slice(-limit), isGap: missed.length > limit }
  }

  /** The newest messages, newest first; `next`: the place before which there are more. Undefined: some are not here. */
  newest(limit: number, since: number): { items: ChatMessage[]; next: number | undefined } | undefined {
    this.#forget(since)
    const messages = this.#events.filter(isMessage)
    if (messages.length <= limit && this.#from > 0) return undefined
    const page = messages.slice(-limit).reverse()
    const next = messages.length > limit ? page.at(-1)?.seq : undefined
    return { items: page.map(event => event.message), next }
  }

  find(id: string, since: number): ChatMessage | undefined {
    this.#forget(since)
    return this.#events.filter(isMessage).find(event => event.message.id === id)?.message
  }

  /** Messages come in the order of time, all but exactly: while the first is kept all are. */
  #forget(since: number): void {
    const isOld = (event: LoggedEvent) => isMessage(event) && Date.parse(event.message.sentAt) < since
    const first = this.#events.find(isMessage)
    if (!first || !isOld(first)) return
    const old = new Set(this.#events.filter(isOld).map(event => (event as MessageEvent).message.id))
    this.#events = this.#events
      .filter(event => !isOld(event))
      .map(event => (isMessage(event) ? withoutReply(event, id => old.has(id)) : event))
  }

  #hide(event: Exclude<LoggedEvent, { type: 'message' }>): void {
    const isHidden = (id: string, author: { id?: string | null; username: string }) => {
      if (event.type === 'cleared') return true
      if (event.type === 'deleted') return id === event.id
      const { account } = event
      // Of what is answered only the name is known.
      return author.username === account.username && (author.id === undefined || author.id === account.id)
    }
    this.#events = this.#events
      .filter(each => !(isMessage(each) && isHidden(each.message.id, each.message.author)))
      .map(each => (isMessage(each) ? withoutReply(each, isHidden) : each))
  }
}

function isMessage(event: LoggedEvent): event is MessageEvent {
  return event.type === 'message'
}

function withoutReply(
  event: MessageEvent,
  isHidden: (id: string, author: { username: string }) => boolean,
): MessageEvent {
  const { replyTo } = event.message
  if (!replyTo || !isHidden(replyTo.id, replyTo)) return event
  return { ...event, message: { ...event.message, replyTo: null } }
}
