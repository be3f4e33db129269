/** What moderators see of a room: who may not speak, what is held, and what was done. */
import type { ChatMessage } from './events.ts'

/** The account that does something. */
export interface Actor {
  readonly id: string
  readonly username: string
}

/**
 * Whom something is done to: an account by its name, who wrote a message (a guest too) or a comment, or addresses in CIDR
 * form.
 */
export type Target =
  | { readonly username: string }
  | { readonly messageId: string }
  | { readonly addressRange: string }

/** What an owner can make of somebody. */
export type GrantedRole = 'moderator' | 'vip' | 'subscriber'

export type BanKind = 'ban' | 'timeout' | 'shadow'

export interface Ban {
  readonly id: string
  readonly kind: BanKind
  readonly account: { readonly id: string; readonly username: string } | null
  readonly addressRange: string | null
  readonly reason: string | null
  /** Null: until it is taken back. */
  readonly until: Date | null
  /** Null: their account is gone. */
  readonly by: { readonly id: string; readonly username: string } | null
  readonly createdAt: Date
}

export interface HeldMessage {
  readonly message: ChatMessage
  /** `word`, `link`, `first_message`. */
  readonly reason: string
}

/** The settings' changes aside, each is named after the command that does it. */
export type ActionName =
  | 'delete'
  | 'timeout'
  | 'untimeout'
  | 'ban'
  | 'unban'
  | 'shadow'
  | 'unshadow'
  | 'clear'
  | 'grant'
  | 'revoke'
  | 'settings'
  | 'hold'
  | 'approve'
  | 'reject'

export interface LogEntry {
  readonly id: string
  readonly action: ActionName
  /** Null: the room's rules, or somebody whose account is gone. */
  readonly actor: { readonly id: string; readonly username: string } | null
  /** The name of then: of an account, a guest or a range of addresses. */
  readonly target: { readonly id: string | null; readonly name: string } | null
  readonly messageId: string | null
  readonly reason: string | null
  readonly until: Date | null
  /** Of `grant`, `revoke`: `role`; of `settings`: what was changed; of what is done to a comment: `vodId`, `commentId`. */
  readonly details: Readonly<Record<string, unknown>>
  readonly actedAt: Date
}

export interface Page<T> {
  readonly items: T[]
  readonly nextCursor?: string
}

export interface PageRequest {
  readonly limit: number
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined
}
