/** Makes messages: what is stored of a text, and what everybody is told of what was stored. */
import { type Emotes, emoteUrl } from './emotes.ts'
import type { ChatMessage } from './events.ts'
import type { ChatRepository, NewMessage, StoredMessage } from './repository.ts'
import { findEmoteCodes, findMentions } from './rules/mentions.ts'
import type { Rank } from './standings.ts'

const MAX_NAMES = 20_000

export interface Draft {
  readonly channelId: string
  readonly streamId: string | null
  readonly rank: Rank
  readonly address: string
  readonly text: string
  readonly replyTo: ChatMessage['replyTo']
  readonly sentAt: Date
}

export class Composer {
  readonly #repository: ChatRepository
  readonly #emotes: Pick<Emotes, 'resolve'>
  /** Names that are known to exist: accounts are never renamed. */
  readonly #names = new Set<string>()

  constructor(options: { repository: ChatRepository; emotes: Pick<Emotes, 'resolve'> }) {
    this.#repository = options.repository
    this.#emotes = options.emotes
  }

  /** A text without mentions and emotes costs no query. */
  async compose(draft: Draft): Promise<{ stored: NewMessage; shown: ChatMessage }> {
    const { rank, text, replyTo, sentAt } = draft
    const resolved = await this.#emotes.resolve(draft.channelId, findEmoteCodes(text))
    const emotes = resolved.map(({ code, id }) => ({ code, id }))
    const names = findMentions(text)
    await this.#learn(names)
    const stored: NewMessage = {
      ...{ id: Bun.randomUUIDv7(), streamId: draft.streamId, accountId: rank.accountId },
      ...{ authorName: rank.username, badges: rank.badges, address: draft.address },
      ...{ text, replyTo: replyTo?.id ?? null, emotes, sentAt },
    }
    return { stored, shown: this.#show({ ...stored, replied: replyTo }, names) }
  }

  /** What everybody is told of stored messages. */
  async show(messages: readonly StoredMessage[]): Promise<ChatMessage[]> {
    const mentions = messages.map(message => findMentions(message.text))
    await this.#learn(mentions.flat())
    return messages.map((message, index) => this.#show(message, mentions[index] ?? []))
  }

  #show(message: NewMessage & { replied: ChatMessage['replyTo'] }, mentions: readonly string[]): ChatMessage {
    return {
      id: message.id,
      author: { id: message.accountId, username: message.authorName, badges: message.badges },
      text: message.text,
      sentAt: message.sentAt.toISOString(),
      replyTo: message.replied,
      mentions: mentions.filter(name => this.#names.has(name)),
      emotes: message.emotes.map(({ code, id }) => ({ code, url: emoteUrl(id) })),
    }
  }

  async #learn(names: readonly string[]): Promise<void> {
    const unknown = [...new Set(names)].filter(name => !this.#names.has(name))
    if (unknown.length === 0) return
    const found = await this.#repository.findUsernames(unknown)
    if (this.#names.size + found.length > MAX_NAMES) this.#names.clear()
    for (const name of found) this.#names.add(name)
  }
}
