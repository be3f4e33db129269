/** What a room's log is made of, as it is stored. */
import type { Effect } from './effects.ts'
import type { Role } from './events.ts'
import type { ActionName } from './records.ts'

export type MessageStatus = 'visible' | 'held' | 'rejected' | 'deleted' | 'hidden'

export interface NewMessage {
  readonly id: string
  readonly streamId: string | null
  readonly accountId: string | null
  readonly authorName: string
  readonly badges: readonly Role[]
  readonly address: string
  readonly text: string
  readonly replyTo: string | null
  readonly emotes: readonly { readonly code: string; readonly id: string }[]
  readonly sentAt: Date
}

export interface StoredMessage extends NewMessage {
  readonly seq: number | null
  readonly status: MessageStatus
  /** What it answers, while that can be seen. */
  readonly replied: { readonly id: string; readonly username: string; readonly text: string } | null
}

export interface NewAction {
  readonly actorId: string | null
  readonly action: ActionName
  readonly targetId?: string | null | undefined
  readonly targetName?: string | null | undefined
  readonly messageId?: string | null | undefined
  readonly reason?: string | null | undefined
  readonly until?: Date | null | undefined
  readonly details?: Record<string, unknown> | undefined
  readonly actedAt: Date
  /** Whether those who are there see it: then it gets a place. */
  readonly isPlaced: boolean
  /** What else changes with it, at once or not at all. */
  readonly effects: readonly Effect[]
}

/** A placed action's row; `asEvent` makes of it what the room is told. */
export interface PlacedAction {
  readonly seq: number
  readonly action: string
  readonly targetId: string | null
  readonly targetName: string | null
  readonly messageId: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** A room's row, or what it would be. */
export interface RoomRow {
  readonly seq: number
  readonly settings: Record<string, unknown>
  /** The channel is private, and its chat too. */
  readonly isForMembers: boolean
}

/** Of a channel that is not there any more. */
export const NO_ROOM: RoomRow = { seq: 0, settings: {}, isForMembers: true }
