/** What of a stored comment somebody sees. */
import type { Actor } from '../chat/service.ts'
import type { Comment } from './records.ts'
import type { StoredComment } from './repository.ts'

export type Badges = NonNullable<Comment['author']>['badges']

/** All can see it, or `viewer` wrote it and it is not gone. */
export function isSeen({ status, accountId }: StoredComment, viewer: Actor | undefined): boolean {
  return status === 'visible' || (accountId === viewer?.id && (status === 'held' || status === 'hidden'))
}

/** Without author and text when `isWhole` is false: it only stands for the thread below it. */
export function shown(row: StoredComment, badges: Badges, isWhole: boolean): Comment {
  const { id, vodId, threadId, accountId, username, createdAt, editedAt, likeCount, isLiked } = row
  return {
    ...{ id, vodId, threadId, createdAt, editedAt, likeCount, isLiked, replyCount: row.replyCount },
    author: isWhole ? { id: accountId, username, badges } : null,
    text: isWhole ? row.text : '',
    // Whose comment is hidden is not to know.
    status: !isWhole ? 'removed' : row.status === 'held' ? 'held' : 'visible',
    replyTo: row.replied,
  }
}
