/** What authors see of their own that nobody else is shown, in its place among what everybody sees. */
import type { AuthorKey } from './chat.ts'
import type { Composer } from './composer.ts'
import type { ChatMessage } from './events.ts'
import type { PageRequest } from './records.ts'
import type { ChatRepository } from './repository.ts'
import type { History } from './room-log.ts'

/** More of them on one page are left out: nobody writes so much between two messages of others. */
const MAX_OWN = 200

export interface OwnMessagesOptions {
  readonly channelId: string
  readonly repository: Pick<ChatRepository, 'listHidden'>
  readonly composer: Pick<Composer, 'show'>
  /** Messages of before this are shown no more, in milliseconds since the epoch. */
  readonly keptSince: () => number
}

export class OwnMessages {
  readonly #options: OwnMessagesOptions

  constructor(options: OwnMessagesOptions) {
    this.#options = options
  }

  /** `history`, the page that was asked for, with what `author` wrote in its time. */
  async addTo(history: History, author: AuthorKey, { cursor }: PageRequest): Promise<History> {
    const { channelId, repository, composer, keptSince } = this.#options
    const oldest = history.nextCursor === undefined ? undefined : history.items.at(-1)
    const since = oldest ? Date.parse(oldest.sentAt) : keptSince()
    const before = cursor === undefined ? undefined : Number(cursor)
    const hidden = await repository.listHidden(channelId, author, { since, before, limit: MAX_OWN })
    if (hidden.length === 0) return history
    return { ...history, items: merge(history.items, await composer.show(hidden)) }
  }
}

/** Both newest first; the order of `shown` stays. */
function merge(shown: readonly ChatMessage[], own: readonly ChatMessage[]): ChatMessage[] {
  const merged: ChatMessage[] = []
  let next = 0
  for (const message of shown) {
    while (next < own.length && own[next]!.sentAt >= message.sentAt) merged.push(own[next++]!)
    merged.push(message)
  }
  return [...merged, ...own.slice(next)]
}
