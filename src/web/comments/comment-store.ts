/** The comments of a video as a page holds them: read page by page, and changed as the server says. */
import { messageOf } from '../../client/index.ts'
import type { Moderation } from '../chat/chat-api.ts'
import type { About, Comment, commentsOf, HeldComment, Order } from './comments-api.ts'
import { appended, changed, type Threads, withNew, without, withoutReplies, withReplies } from './threads.ts'

export interface CommentsState {
  /** Undefined until it is known. */
  readonly about: About | undefined
  readonly order: Order
  /** Undefined until the first page has come. */
  readonly threads: Threads | undefined
  readonly hasMore: boolean
  /** What could not be done, for a person. */
  readonly error: string
  /** What was done, for who cannot see it. */
  readonly said: string
  /** What waits for a moderator. */
  readonly held: readonly HeldComment[]
}

export class CommentStore {
  readonly #server: ReturnType<typeof commentsOf>
  readonly #listeners = new Set<() => void>()
  /** Asks for the next page of threads. */
  #cursor: string | undefined
  /** Raised when all is read anew: what comes of before is dropped. */
  #epoch = 0
  #state: CommentsState = {
    ...{
      about: undefined,
      order: 'newest',
      threads: undefined,
      hasMore: false,
      error: '',
      said: '',
      held: [],
    },
  }

  constructor(server: ReturnType<typeof commentsOf>) {
    this.#server = server
  }

  get state(): CommentsState {
    return this.#state
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads all anew. */
  async load(): Promise<void> {
    const epoch = ++this.#epoch
    await this.#try(async () => {
      const { order } = this.#state
      const [about, page] = await Promise.all([this.#server.about(), this.#server.threads(order, undefined)])
      if (epoch !== this.#epoch) return
      this.#cursor = page.nextCursor
      this.#change({ about, threads: appended([], page.items), hasMore: page.nextCursor !== undefined })
      if (about.me?.isModerator) await this.#readHeld(about.slug)
    })
  }

  async setOrder(order: Order): Promise<void> {
    this.#change({ order })
    await this.load()
  }

  async readMore(): Promise<void> {
    const epoch = this.#epoch
    await this.#try(async () => {
      const page = await this.#server.threads(this.#state.order, this.#cursor)
      if (epoch !== this.#epoch) return
      this.#cursor = page.nextCursor
      const threads = appended(this.#threads, page.items)
      this.#change({ threads, hasMore: page.nextCursor !== undefined })
    })
  }

  /** The first replies of a thread, or the next ones. */
  async readReplies(threadId: string): Promise<void> {
    const known = this.#threads.find(({ head }) => head.id === threadId)
    await this.#try(async () => {
      const page = await this.#server.replies(threadId, known?.cursor)
      this.#change({ threads: withReplies(this.#threads, threadId, page) })
    })
  }

  hideReplies(threadId: string): void {
    this.#change({ threads: withoutReplies(this.#threads, threadId) })
  }

  /** Rejects with what the server says. */
  async add(text: string, answered?: Comment): Promise<Comment> {
    const threadId = answered ? (answered.threadId ?? answered.id) : undefined
    const thread = this.#threads.find(({ head }) => head.id === threadId)
    // Those before it belong before it.
    if (thread && !thread.replies && thread.head.replyCount > 0) await this.readReplies(thread.head.id)
    const comment = await this.#server.add(text, answered?.id)
    this.#count(comment.status === 'visible' ? 1 : 0)
    const said = comment.status === 'held' ? HELD : 'Your comment is there.'
    this.#change({ threads: withNew(this.#threads, comment), said })
    return comment
  }

  /** Rejects with what the server says. */
  async edit(id: string, text: string): Promise<void> {
    const comment = await this.#server.edit(id, text)
    const said = comment.status === 'held' ? HELD : 'Your comment is changed.'
    this.#change({ threads: changed(this.#threads, id, comment), said })
  }

  async remove(comment: Comment): Promise<void> {
    await this.#try(async () => {
      await this.#server.remove(comment.id)
      this.#drop(each => each.id === comment.id, 'The comment is deleted.')
    })
  }

  /** Shown at once; the server's count follows. */
  async like({ id, isLiked, likeCount }: Comment): Promise<void> {
    const guess = { isLiked: !isLiked, likeCount: likeCount + (isLiked ? -1 : 1) }
    this.#change({ threads: changed(this.#threads, id, guess) })
    await this.#try(
      async () => {
        const told = await this.#server.like(id, !isLiked)
        this.#change({ threads: changed(this.#threads, id, told) })
      },
      () => this.#change({ threads: changed(this.#threads, id, { isLiked, likeCount }) }),
    )
  }

  /** By the comment, as in the chat: a ban takes all comments of its author with it. */
  async moderate(comment: Comment, moderation: Moderation): Promise<void> {
    const slug = this.#state.about?.slug ?? ''
    const { id, author } = comment
    if (moderation.act === 'delete') await this.remove(comment)
    if (moderation.act === 'timeout')
      await this.#try(async () => {
        await this.#server.timeout(slug, id, moderation.seconds)
        this.#change({ said: `${author?.username} is timed out.` })
      })
    if (moderation.act === 'ban')
      await this.#try(async () => {
        await this.#server.ban(slug, id)
        this.#drop(each => each.author?.id === author?.id, `${author?.username} is banned.`)
      })
  }

  async review({ comment }: HeldComment, isApproved: boolean): Promise<void> {
    const { about } = this.#state
    await this.#try(async () => {
      await this.#server.review(comment.id, isApproved)
      this.#change({ said: isApproved ? 'The comment is shown.' : 'The comment is refused.' })
      if (isApproved) await this.load()
      else if (about) await this.#readHeld(about.slug)
    })
  }

  get #threads(): Threads {
    return this.#state.threads ?? []
  }

  async #readHeld(slug: string): Promise<void> {
    this.#change({ held: await this.#server.held(slug) })
  }

  #drop(isGone: (comment: Comment) => boolean, said: string): void {
    const before = visibleIn(this.#threads)
    const threads = without(this.#threads, isGone)
    this.#count(visibleIn(threads) - before)
    this.#change({ threads, said })
  }

  #count(more: number): void {
    const { about } = this.#state
    if (about) this.#change({ about: { ...about, count: Math.max(0, about.count + more) } })
  }

  async #try(work: () => Promise<void>, onFailure?: () => void): Promise<void> {
    this.#change({ error: '' })
    try {
      await work()
    } catch (error) {
      onFailure?.()
      this.#change({ error: messageOf(error) })
    }
  }

  #change(changes: Partial<CommentsState>): void {
    this.#state = { ...this.#state, ...changes }
    for (const listener of this.#listeners) listener()
  }
}

const HELD = 'Your comment waits for a moderator. Until then only you see it.'

/** Of threads whose replies are not there, what their heads say of them. */
function visibleIn(threads: Threads): number {
  const each = threads.map(({ head }) => (head.status === 'visible' ? 1 : 0) + head.replyCount)
  return each.reduce((sum, count) => sum + count, 0)
}
