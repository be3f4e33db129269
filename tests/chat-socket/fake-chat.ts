/** A chat in memory with one room, as the gateway sees it. */
import type { Chat, Chatter, Expulsion, Room, RoomListener, Said, Standing } from '../../src/chat/chat.ts'
import type {
  ChatMessage,
  LoggedEvent,
  ModeratorEvent,
  PublicSettings,
  RoomEvent,
} from '../../src/chat/events.ts'
import { AppError } from '../../src/errors.ts'

const SETTINGS: PublicSettings = {
  slowModeSeconds: 0,
  followersOnlyMinutes: null,
  isSignedInOnly: true,
  links: 'allow',
}

/** A word without its number: what an event is before it has its place. */
type Unplaced = LoggedEvent extends infer E ? (E extends { seq: number } ? Omit<E, 'seq'> : never) : never

export class FakeRoom implements Room {
  readonly channelId = 'channel-1'
  readonly slug: string
  readonly settings = SETTINGS
  keptSince = Number.NEGATIVE_INFINITY
  readonly log: LoggedEvent[] = []
  readonly moderators = new Set<string>()
  readonly banned = new Set<string>()
  readonly hidden = new Set<string>()
  readonly reactions: string[] = []
  readonly present: string[] = []
  /** While it is set, messages wait for it to be stored. */
  storing: Promise<void> | undefined
  releases = 0
  readonly #listeners = new Set<RoomListener>()
  #messages = 0

  constructor(slug: string) {
    this.slug = slug
  }

  get seq(): number {
    return this.log.length
  }

  get listeners(): number {
    return this.#listeners.size
  }

  listen(listener: RoomListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async enter({ account }: Chatter): Promise<Standing> {
    const username = account?.username ?? 'guest_1'
    if (this.banned.has(username)) throw new AppError('FORBIDDEN', 'chat_banned', 'You are banned.')
    const isModerator = this.moderators.has(username)
    return { username, badges: isModerator ? ['moderator'] : [], isModerator, timedOutUntil: null }
  }

  async say(chatter: Chatter, said: { text: string; replyTo?: string | undefined }): Promise<Said> {
    if (!chatter.account) throw new AppError('FORBIDDEN', 'chat_signed_in_only', 'Sign in to speak.')
    if (said.text === 'bug') throw new Error('a bug')
    await this.storing
    if (said.text.startsWith('/')) return { outcome: 'done', text: `did ${said.text}` }
    const message = this.message(said.text, chatter.account)
    if (this.hidden.has(chatter.account.username)) {
      const accountId = chatter.account.id
      for (const listener of this.#listeners) listener.onHidden?.(message, { accountId })
      return { outcome: 'hidden', message }
    }
    return { outcome: 'sent', message: this.add({ type: 'message', message }) as never }
  }

  message(text: string, author = { id: 'id-bob', username: 'bob' }): ChatMessage {
    const id = `message-${++this.#messages}`
    const sentAt = new Date().toISOString()
    return { id, author: { ...author, badges: [] }, text, sentAt, replyTo: null, mentions: [], emotes: [] }
  }

  /** Gives it its place and tells it. */
  add(event: Unplaced): LoggedEvent {
    const placed = { ...event, seq: this.seq + 1 } as LoggedEvent
    this.log.push(placed)
    this.tell(placed)
    return placed
  }

  tell(...events: RoomEvent[]): void {
    for (const listener of this.#listeners) listener.onEvents(events)
  }

  tellModerators(event: ModeratorEvent): void {
    for (const listener of this.#listeners) listener.onModeratorEvent?.(event)
  }

  expel(expulsion: Expulsion): void {
    for (const listener of this.#listeners) listener.onExpelled?.(expulsion)
  }

  changeStanding(accountId: string): void {
    for (const listener of this.#listeners) listener.onStandingChanged?.(accountId)
  }

  async read(after: number, limit: number): Promise<{ events: LoggedEvent[]; isGap: boolean }> {
    const all = this.log.filter(({ seq }) => seq > after)
    return { events: all.slice(-limit), isGap: all.length > limit }
  }

  react(_chatter: Chatter, reaction: string): void {
    if (reaction !== '🔥') throw new AppError('INVALID', 'reaction_unknown', 'There is no such reaction.')
    this.reactions.push(reaction)
  }

  arrive(_chatter: Chatter, username: string): () => void {
    this.present.push(username)
    return () => void this.present.splice(this.present.indexOf(username), 1)
  }

  release(): void {
    this.releases++
  }
}

/** One room; every other channel is unknown. */
export function fakeChat(room: FakeRoom): Chat {
  return {
    open: async slug => {
      if (slug !== room.slug)
        throw new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
      return room
    },
  }
}
