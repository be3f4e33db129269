/** The threads that a page holds, and what becomes of them as comments come, change and go; nothing in it is changed in place. */
import type { Comment, CommentPage } from './comments-api.ts'

export interface Thread {
  readonly head: Comment
  /** Undefined: nobody has asked to see them. */
  readonly replies: readonly Comment[] | undefined
  /** Asks for more replies; undefined: these are all. */
  readonly cursor: string | undefined
}

export type Threads = readonly Thread[]

/** Those that are there already stay as they are: a like may bring one onto two pages. */
export function appended(threads: Threads, heads: readonly Comment[]): Threads {
  const known = new Set(threads.map(({ head }) => head.id))
  const fresh = heads.filter(({ id }) => !known.has(id))
  return [...threads, ...fresh.map(head => ({ head, replies: undefined, cursor: undefined }))]
}

/** What was just written: a thread before all others, or a reply after all others. */
export function withNew(threads: Threads, comment: Comment): Threads {
  if (comment.threadId === null) return [{ head: comment, replies: undefined, cursor: undefined }, ...threads]
  return threads.map(thread => {
    if (thread.head.id !== comment.threadId) return thread
    const isCounted = comment.status === 'visible'
    const head = { ...thread.head, replyCount: thread.head.replyCount + (isCounted ? 1 : 0) }
    return { ...thread, head, replies: [...(thread.replies ?? []), comment] }
  })
}

export function withReplies(threads: Threads, threadId: string, page: CommentPage): Threads {
  return threads.map(thread => {
    if (thread.head.id !== threadId) return thread
    const known = new Set((thread.replies ?? []).map(({ id }) => id))
    const fresh = page.items.filter(({ id }) => !known.has(id))
    return { ...thread, replies: [...(thread.replies ?? []), ...fresh], cursor: page.nextCursor }
  })
}

export function withoutReplies(threads: Threads, threadId: string): Threads {
  return threads.map(thread =>
    thread.head.id === threadId ? { ...thread, replies: undefined, cursor: undefined } : thread,
  )
}

/** The comment with `change`, wherever it is. */
export function changed(threads: Threads, id: string, change: Partial<Comment>): Threads {
  const of = (comment: Comment) => (comment.id === id ? { ...comment, ...change } : comment)
  return threads.map(thread => {
    const [head, replies] = [of(thread.head), thread.replies?.map(of)]
    return { ...thread, head, replies }
  })
}

/** All that `isGone` says is gone; what has replies stands for them. */
export function without(threads: Threads, isGone: (comment: Comment) => boolean): Threads {
  return threads.flatMap(thread => {
    const replies = thread.replies
      ?.filter(reply => !isGone(reply))
      .map(reply => unanswering(reply, isGone, thread))
    const lost = thread.replies?.filter(reply => isGone(reply) && reply.status === 'visible').length ?? 0
    const head = { ...thread.head, replyCount: Math.max(0, thread.head.replyCount - lost) }
    if (!isGone(head)) return [{ ...thread, head, replies }]
    if (head.replyCount === 0) return []
    return [{ ...thread, head: { ...head, status: 'removed', author: null, text: '' }, replies }]
  })
}

/** What answers something that is gone says so no more. */
function unanswering(
  reply: Comment,
  isGone: (comment: Comment) => boolean,
  { head, replies = [] }: Thread,
): Comment {
  const answered = [head, ...replies].find(each => each.id === reply.replyTo?.id)
  return answered && isGone(answered) ? { ...reply, replyTo: null } : reply
}
