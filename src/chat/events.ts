/** What happens in a room, in the form in which every way into the chat tells it. */

export type Role = 'owner' | 'moderator' | 'vip' | 'subscriber'

/** Who wrote a message, as the room saw them then. */
export interface Author {
  /** The account; null: a guest, or somebody whose account is gone. */
  readonly id: string | null
  readonly username: string
  /** Highest first; empty for most. */
  readonly badges: readonly Role[]
}

export interface ChatMessage {
  readonly id: string
  readonly author: Author
  /** NFC, one line, 1 to 500 graphemes, without control and bidirectional format characters. */
  readonly text: string
  /** ISO 8601. */
  readonly sentAt: string
  /** What it answers; `text` and `username` of then, null when that was deleted. */
  readonly replyTo: { readonly id: string; readonly username: string; readonly text: string } | null
  /** Usernames that the text mentions (`@name`) and that exist. */
  readonly mentions: readonly string[]
  /** The channel's emotes in the text: `:code:` stands for the picture at `url`. */
  readonly emotes: readonly { readonly code: string; readonly url: string }[]
}

/**
 * Has a place in the room's one order: numbers rise by one, on every instance alike, and are stored before anybody sees
 * them. Who missed some asks for those after the last it saw.
 */
export type LoggedEvent = { readonly seq: number } & (
  | { readonly type: 'message'; readonly message: ChatMessage }
  /** Not to be shown any more. */
  | { readonly type: 'deleted'; readonly id: string }
  /** All that this account or guest has written is not to be shown any more. `seconds`: a timeout; absent: a ban. */
  | {
      readonly type: 'expelled'
      readonly account: { readonly id: string | null; readonly username: string }
      readonly seconds?: number
    }
  /** Nothing before this is to be shown any more. */
  | { readonly type: 'cleared' }
)

/** The room's state that viewers see; missed ones do not matter, since the next says all. */
export type StateEvent =
  | { readonly type: 'settings'; readonly settings: PublicSettings }
  | {
      readonly type: 'presence'
      /** People: who watches or is in the chat, once each, over all instances. */
      readonly viewers: number
      /** People in the chat. */
      readonly chatters: number
      /** Who came and went since the last of these, where the room is small enough for names to be read. */
      readonly joined: readonly string[]
      readonly left: readonly string[]
    }
  | {
      readonly type: 'reactions'
      /** Since the last of these: `{ '🔥': 12 }`. */
      readonly counts: Readonly<Record<string, number>>
      /** Likes of the open stream in all. */
      readonly likes: number
    }
  /** Something to show at once: `degraded`, `restored`. */
  | { readonly type: 'notice'; readonly code: string; readonly text: string }

/** Only owners and moderators see these. */
export type ModeratorEvent =
  | { readonly type: 'held'; readonly message: ChatMessage; readonly reason: string }
  /** A held message was decided upon. */
  | { readonly type: 'reviewed'; readonly id: string; readonly isApproved: boolean }

export type RoomEvent = LoggedEvent | StateEvent

/** What everybody may know of how a room is run. */
export interface PublicSettings {
  /** Seconds between two messages of one person; 0: no slow mode. */
  readonly slowModeSeconds: number
  /** Only who has followed the channel for so many minutes may speak; null: everybody. */
  readonly followersOnlyMinutes: number | null
  /** Guests read only. */
  readonly isSignedInOnly: boolean
  readonly links: 'allow' | 'hold' | 'refuse'
}
