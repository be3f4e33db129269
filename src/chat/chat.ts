/** What the ways into the chat (WebSocket, tRPC, IRC) ask of it. */
import type { ChatMessage, LoggedEvent, ModeratorEvent, PublicSettings, Role, RoomEvent } from './events.ts'
import { COMMAND_WORDS } from './rules/commands.ts'

const dottedCommand = new RegExp(`^\\s*\\.(?=(?:${COMMAND_WORDS.join('|')})(?:\\s|$))`, 'i')

/** A command that was typed with a dot, as from clients that keep lines with a slash for themselves, gets its slash. */
export function withSlash(text: string): string {
  return text.replace(dottedCommand, '/')
}

/** Who is at the other end of a connection. */
export interface Chatter {
  /** Undefined: a guest. */
  readonly account: { readonly id: string; readonly username: string } | undefined
  /** An IPv4 address or an IPv6 /64. */
  readonly address: string
  /** What tells one person from another: the browser's viewer key, else something of this connection alone. */
  readonly viewerKey: string
}

/** Who wrote a message, as programs tell them apart. */
export type AuthorKey = { readonly accountId: string } | { readonly address: string }

export function isAuthor(author: AuthorKey, { account, address }: Chatter): boolean {
  if ('accountId' in author) return account?.id === author.accountId
  return account === undefined && address === author.address
}

/** What a chatter is in a room. */
export interface Standing {
  /** What is shown: the account's name, or a guest's `guest_1a2b3c`. */
  readonly username: string
  readonly badges: readonly Role[]
  /** Owner or moderator. */
  readonly isModerator: boolean
  /** ISO 8601. */
  readonly timedOutUntil: string | null
}

/** Who has to leave. */
export interface Expulsion {
  readonly accountId?: string | undefined
  /** CIDR. */
  readonly addressRange?: string | undefined
  /** Accounts who stay though they come from there: those who run the room. */
  readonly exempt?: readonly string[] | undefined
  readonly reason: string
}

/** Told in order, each event once. Must not throw, and holds no more than a bounded queue of its own. */
export interface RoomListener {
  /** One or more at a time: what can be sent together. */
  onEvents(events: readonly RoomEvent[]): void
  onModeratorEvent?(event: ModeratorEvent): void
  /** A message that nobody is to be shown but its author, who must not see a difference. */
  onHidden?(message: ChatMessage, author: AuthorKey): void
  /** A ban: their connections are closed now. */
  onExpelled?(expulsion: Expulsion): void
  /** Somebody's roles or bans changed, without `accountId` maybe everybody's: ask for their `Standing` again. */
  onStandingChanged?(accountId?: string): void
}

/** What came of saying something. */
export type Said =
  | { readonly outcome: 'sent'; readonly message: LoggedEvent & { type: 'message' } }
  /** Stored, and shown to its author alone, who does not know. */
  | { readonly outcome: 'hidden'; readonly message: ChatMessage }
  | { readonly outcome: 'held'; readonly text: string }
  /** A command was carried out; `text` says so to its author alone. */
  | { readonly outcome: 'done'; readonly text: string }

/** A channel's chat on this instance, for as long as it is held. */
export interface Room {
  readonly channelId: string
  readonly slug: string
  readonly settings: PublicSettings
  /** The place of the last event that was told. */
  readonly seq: number
  /** Messages that were sent before this are shown no more, in milliseconds since the epoch. */
  readonly keptSince: number
  /** From now on; what came before is `read`. Answers how to stop. */
  listen(listener: RoomListener): () => void
  /** Throws `AppError` FORBIDDEN (`chat_banned`, `chat_members_only`) for who may not come in. */
  enter(chatter: Chatter): Promise<Standing>
  /**
   * Says `text`, or carries out the command that it is (`/timeout bob 600 spam`). Throws `AppError`: INVALID
   * (`chat_text_empty`, `chat_text_too_long`, `chat_command_unknown`, …), FORBIDDEN (`chat_banned`, `chat_members_only`, `chat_timed_out`,
   * `chat_signed_in_only`, `chat_followers_only`, `chat_link_refused`, `chat_word_refused`, `not_moderator`), LIMIT
   * (`chat_slow_mode`, `chat_flood`, `chat_duplicate`; `rate_limited` for the account or the address, in all rooms).
   */
  say(chatter: Chatter, said: { text: string; replyTo?: string | undefined }): Promise<Said>
  /** The logged events after `seq`, oldest first; `isGap`: there were more than `limit`, and these are the last. */
  read(after: number, limit: number): Promise<{ events: LoggedEvent[]; isGap: boolean }>
  /** Adds to the room's floating reactions. Throws `AppError` INVALID (`reaction_unknown`), LIMIT (`rate_limited`). */
  react(chatter: Chatter, reaction: string): void
  /** Who is here: counts people, on every instance. Answers how to leave. */
  arrive(chatter: Chatter, username: string): () => void
  /** Lets go of it: without holders and listeners it is closed after a while. */
  release(): void
}

export interface Chat {
  /** Throws `AppError` NOT_FOUND (`channel_not_found`), LIMIT (`busy`). */
  open(slug: string): Promise<Room>
}
