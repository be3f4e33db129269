/** A server's comments, as far as a page can tell: kept in a list, read page by page. */
import type { Comment, HeldComment } from '../../src/web/comments/comments-api.ts'
import { messageId } from './chat-site.ts'
import type { Answer } from './fake-site.ts'

export const me = { id: messageId(901), username: 'grace' }
const VOD_ID = messageId(777)
const PAGE = 5

export class FakeComments {
  readonly all: Comment[] = []
  held: HeldComment[] = []
  account: { readonly id: string; readonly username: string } | null = me
  isModerator = false
  #count = 0

  /** `answers`: a comment in whose thread it is. */
  put(text: string, rest: Partial<Comment> = {}, answers?: Comment): Comment {
    const number = ++this.#count
    const comment: Comment = {
      ...{
        id: messageId(number),
        vodId: VOD_ID,
        threadId: answers ? (answers.threadId ?? answers.id) : null,
      },
      author: { id: messageId(800 + (number % 7)), username: `fan${number % 7}`, badges: [] },
      ...{ text, status: 'visible', editedAt: null, likeCount: 0, isLiked: false, replyCount: 0 },
      replyTo: answers ? { id: answers.id, username: answers.author?.username ?? '' } : null,
      createdAt: new Date(Date.now() - 7_200_000).toISOString(),
      ...rest,
    }
    this.all.push(comment)
    return comment
  }

  answers(): Record<string, Answer> {
    return {
      'comments.about': () => ({
        count: this.all.filter(each => each.status === 'visible').length,
        slug: 'ada',
        me: this.account && {
          ...this.account,
          ...{ isModerator: this.isModerator, isBanned: false, timedOutUntil: null },
        },
      }),
      'comments.list': input => this.#list(input),
      'comments.add': ({ text, replyTo }) => {
        const answered = this.all.find(each => each.id === replyTo)
        const author = { ...this.account!, badges: [] }
        return this.put(String(text), { author, createdAt: new Date().toISOString() }, answered)
      },
      'comments.edit': ({ id, text }) =>
        this.#change(id, { text: String(text), editedAt: new Date().toISOString() }),
      'comments.delete': ({ id }) => this.#change(id, { status: 'removed', author: null, text: '' }) && {},
      'comments.like': ({ id }) => this.#like(id, true),
      'comments.unlike': ({ id }) => this.#like(id, false),
      'comments.held': () => ({ items: this.held }),
      'comments.review': ({ id, isApproved }) => {
        const waiting = this.held.find(each => each.comment.id === id)
        this.held = this.held.filter(each => each !== waiting)
        if (waiting && isApproved) this.all.push({ ...waiting.comment, status: 'visible' })
        return {}
      },
      'chat.ban': () => ({}),
      'chat.timeout': () => ({}),
    }
  }

  #list({ threadId, order, cursor }: Record<string, unknown>) {
    const replies = (id: string) => this.all.filter(each => each.threadId === id && each.status !== 'removed')
    const counted = this.all.map(each => ({ ...each, replyCount: replies(each.id).length }))
    const heads = counted.filter(each => !each.threadId && (each.status !== 'removed' || each.replyCount > 0))
    const all = threadId
      ? replies(String(threadId))
      : order === 'liked'
        ? heads.toSorted((a, b) => b.likeCount - a.likeCount)
        : heads.toReversed()
    const start = Number(cursor ?? 0)
    const end = start + PAGE
    return { items: all.slice(start, end), ...(end < all.length && { nextCursor: String(end) }) }
  }

  #change(id: unknown, change: Partial<Comment>): Comment {
    const comment = this.all.find(each => each.id === id)!
    return Object.assign(comment, change)
  }

  #like(id: unknown, isLiked: boolean) {
    const { likeCount } = this.all.find(each => each.id === id)!
    const changed = this.#change(id, { isLiked, likeCount: likeCount + (isLiked ? 1 : -1) })
    return { likeCount: changed.likeCount, isLiked }
  }
}
