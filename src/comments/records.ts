/** Comments as people see them. */
import type { HeldFor } from './repository.ts'

export interface Comment {
  readonly id: string
  readonly vodId: string
  /** The comment at the head of the thread; null: it is one. */
  readonly threadId: string | null
  /** Null: it was removed, and stands for the thread below it. */
  readonly author: {
    readonly id: string
    readonly username: string
    readonly badges: readonly ('owner' | 'moderator' | 'vip' | 'subscriber')[]
  } | null
  /** NFC, 1 to 2,000 graphemes, with line feeds; empty when it was removed. */
  readonly text: string
  /** `held`: its author alone sees it, until a moderator has looked. */
  readonly status: 'visible' | 'held' | 'removed'
  /** What it answers, while that can be seen: the head of the thread, or a reply in it. */
  readonly replyTo: { readonly id: string; readonly username: string } | null
  readonly createdAt: Date
  readonly editedAt: Date | null
  readonly likeCount: number
  readonly isLiked: boolean
  readonly replyCount: number
}

/** What waits for a moderator. */
export interface HeldComment {
  readonly comment: Comment
  readonly reason: HeldFor
  readonly vodTitle: string
}

/** What who looks is below a video. */
export interface Commenter {
  readonly id: string
  readonly username: string
  /** Owner or moderator of the channel. */
  readonly isModerator: boolean
  readonly isBanned: boolean
  readonly timedOutUntil: string | null
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
