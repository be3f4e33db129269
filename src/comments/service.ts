/** The rules of comments on videos: threads, likes, and the moderation of the channel's chat. */
import type { Actor, TextRules } from '../chat/service.ts'
import { AppError } from '../errors.ts'
import type { ShownVods, Vod } from '../vod/service.ts'
import { decodeCursor, pageOf } from './cursors.ts'
import type { Comment, Commenter, HeldComment, Page, PageRequest } from './records.ts'
import type { CommentsRepository, HeldFor, NewComment, StoredComment, ThreadOrder } from './repository.ts'
import { type Badges, isSeen, shown } from './shown.ts'

export interface CommentsServiceOptions {
  readonly comments: CommentsRepository
  /** The chat's, which hold here too. */
  readonly rules: TextRules
  /** Those that who asks may watch. */
  readonly shown: Pick<ShownVods, 'get'>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Who looks, and what they show for it. */
export interface Viewer {
  /** Undefined: not signed in. */
  readonly account: Actor | undefined
  /** Of a share link. */
  readonly token?: string | undefined
}

/** Who does something, and from where. */
export interface Visitor extends Viewer {
  readonly account: Actor
  /** An IPv4 address or an IPv6 /64. */
  readonly address: string
}

/**
 * Every method throws what `ShownVods` throws for a video that is not to be seen, and `AppError` NOT_FOUND
 * (`comment_not_found`) for such a comment; those with a page INVALID (`cursor_invalid`).
 */
export class CommentsService {
  readonly #comments: CommentsRepository
  readonly #rules: TextRules
  readonly #shown: Pick<ShownVods, 'get'>
  readonly #now: () => number

  constructor(options: CommentsServiceOptions) {
    this.#comments = options.comments
    this.#rules = options.rules
    this.#shown = options.shown
    this.#now = options.now ?? Date.now
  }

  /** Threads, newest or most liked first. A like between two pages may move a thread over their border. */
  async listThreads(
    viewer: Viewer,
    request: PageRequest & { vodId: string; order: ThreadOrder },
  ): Promise<Page<Comment>> {
    const { vodId, order, limit, cursor } = request
    const { channel } = await this.#vod(viewer, vodId)
    const after = decodeCursor(cursor)
    const page = { vodId, order, after, limit: limit + 1, viewerId: viewer.account?.id }
    const rows = await this.#comments.listThreads(page)
    return pageOf(rows, limit, each => this.#show(channel.slug, each, viewer.account))
  }

  /** Replies in a thread, oldest first. */
  async listReplies(
    viewer: Viewer,
    request: PageRequest & { vodId: string; threadId: string },
  ): Promise<Page<Comment>> {
    const { vodId, threadId, limit, cursor } = request
    const { channel } = await this.#vod(viewer, vodId)
    const head = await this.#comments.find(threadId)
    if (head?.vodId !== vodId) throw commentNotFound()
    const page = { threadId, limit: limit + 1, after: decodeCursor(cursor)?.id, viewerId: viewer.account?.id }
    const rows = await this.#comments.listReplies(page)
    return pageOf(rows, limit, each => this.#show(channel.slug, each, viewer.account))
  }

  /** How many can be seen, whose chat's rules hold, and what who looks is there. */
  async about(
    visitor: Viewer & { readonly address: string },
    vodId: string,
  ): Promise<{ count: number; slug: string; me: Commenter | null }> {
    const { account } = visitor
    const { slug } = (await this.#vod(visitor, vodId)).channel
    const count = await this.#comments.countVisible(vodId)
    if (!account) return { count, slug, me: null }
    const { isModerator, isBanned, timedOutUntil } = await this.#rules.standing(slug, visitor)
    return { count, slug, me: { ...account, isModerator, isBanned, timedOutUntil } }
  }

  /** Throws what `TextRules.judge` throws. What its author alone sees looks to them as if all did. */
  async add(
    visitor: Visitor,
    { vodId, text: typed, replyTo }: { vodId: string; text: string; replyTo?: string | undefined },
  ): Promise<Comment> {
    const { account, address } = visitor
    const vod = await this.#vod(visitor, vodId)
    const answered = replyTo === undefined ? undefined : await this.#getAnswerable(account, vod, replyTo)
    const { text, verdict } = await this.#rules.judge(vod.channel.slug, visitor, {
      text: typed,
      isEdit: false,
    })
    const comment: NewComment = {
      ...{ id: Bun.randomUUIDv7(), vodId, accountId: account.id, text, address },
      ...{ threadId: answered ? (answered.threadId ?? answered.id) : null, replyTo: answered?.id ?? null },
      // Nobody else sees what it answers.
      ...standingOf(answered?.status === 'hidden' ? 'hide' : verdict),
      createdAt: new Date(this.#now()),
    }
    await this.#insert(vod, account, comment)
    return this.#get(vod, account, comment.id)
  }

  /**
   * Its author says something else, and it is marked as edited. Throws `AppError` FORBIDDEN (`not_author`), CONFLICT
   * (`comment_held`), and what `TextRules.judge` throws.
   */
  async edit(visitor: Visitor, id: string, typed: string): Promise<Comment> {
    const { account } = visitor
    const { comment, vod } = await this.#getSeen(visitor, id)
    if (comment.accountId !== account.id)
      throw new AppError('FORBIDDEN', 'not_author', 'Only who wrote it may change it.')
    if (comment.status === 'held')
      throw new AppError(
        'CONFLICT',
        'comment_held',
        'It waits for a moderator, who is to see what you wrote.',
      )
    const { text, verdict } = await this.#rules.judge(vod.channel.slug, visitor, {
      text: typed,
      isEdit: true,
    })
    if (text === comment.text) return this.#get(vod, account, id)
    const { status, heldFor } = standingOf(comment.status === 'hidden' ? 'hide' : verdict)
    const change = { text, status, heldFor, editedAt: new Date(this.#now()) }
    const edit = async (comments: CommentsRepository) => {
      if (!(await comments.edit(id, change))) throw commentNotFound()
    }
    if (heldFor === null) await edit(this.#comments)
    else await this.#hold(vod, account, { id, heldFor }, edit)
    return this.#get(vod, account, id)
  }

  /**
   * Its author, the owner and the moderators take it away; what answers it stays. Throws `AppError` FORBIDDEN
   * (`not_moderator`, `target_protected`).
   */
  async delete(visitor: Visitor, id: string, reason?: string): Promise<void> {
    const { account: actor } = visitor
    const { comment, vod } = await this.#getKnown(visitor, id)
    const { slug } = vod.channel
    if (comment.accountId !== actor.id) await this.#rules.checkTarget(slug, actor, comment.accountId)
    const done = { ...doneTo(comment), action: 'delete' as const, actor, reason }
    await this.#rules.act(slug, done, async tx => {
      if (!(await this.#comments.within(tx).delete(id))) throw commentNotFound()
    })
  }

  /** Idempotent. Throws `AppError` FORBIDDEN (`chat_banned`). */
  async like(visitor: Visitor, id: string): Promise<{ likeCount: number; isLiked: boolean }> {
    const { vod } = await this.#getSeen(visitor, id)
    await this.#rules.checkEntry(vod.channel.slug, visitor)
    return { likeCount: counted(await this.#comments.like(id, visitor.account.id)), isLiked: true }
  }

  /** Idempotent. */
  async unlike(visitor: Visitor, id: string): Promise<{ likeCount: number; isLiked: boolean }> {
    await this.#getSeen(visitor, id)
    return { likeCount: counted(await this.#comments.unlike(id, visitor.account.id)), isLiked: false }
  }

  /** What waits for a moderator below the channel's videos, or one of them; oldest first. FORBIDDEN (`not_moderator`). */
  async held(
    actor: Actor,
    slug: string,
    request: PageRequest & { vodId?: string | undefined },
  ): Promise<Page<HeldComment>> {
    const { vodId, limit, cursor } = request
    const channelId = await this.#rules.checkModerator(slug, actor)
    const page = { limit: limit + 1, after: decodeCursor(cursor)?.id }
    const rows = await this.#comments.listHeld({ channelId, vodId }, page)
    return pageOf(rows, limit, async each => {
      const badges = await this.#badges(slug, each)
      return each.map(row => ({
        comment: shown(row, badges(row), true),
        ...{ reason: row.heldFor ?? 'word', vodTitle: row.vodTitle },
      }))
    })
  }

  /**
   * Lets a held comment through, or refuses it. Throws `AppError` FORBIDDEN (`not_moderator`), CONFLICT
   * (`comment_not_held`).
   */
  async review(
    actor: Actor,
    id: string,
    { isApproved, reason }: { isApproved: boolean; reason?: string | undefined },
  ): Promise<void> {
    const { comment, vod } = await this.#getKnown({ account: actor }, id)
    await this.#rules.checkModerator(vod.channel.slug, actor)
    const action = isApproved ? ('approve' as const) : ('reject' as const)
    await this.#rules.act(vod.channel.slug, { ...doneTo(comment), action, actor, reason }, async tx => {
      if (!(await this.#comments.within(tx).decide(id, isApproved)))
        throw new AppError('CONFLICT', 'comment_not_held', 'It is not held, or was decided upon already.')
    })
  }

  async #insert(vod: Vod, author: Actor, comment: NewComment): Promise<void> {
    const insert = async (comments: CommentsRepository) => {
      if (!(await comments.insert(comment)))
        throw new AppError('NOT_FOUND', 'vod_not_found', 'The video is not there any more.')
    }
    const { id, heldFor, status } = comment
    if (heldFor !== null) return this.#hold(vod, author, { id, heldFor }, insert)
    await insert(this.#comments)
    if (status === 'visible') await this.#rules.heard(vod.channel.slug, author.id)
  }

  /** `change` brings it into review; the log says that the rules did. */
  async #hold(
    { id: vodId, channel: { slug } }: Vod,
    target: Actor,
    { id: commentId, heldFor }: { id: string; heldFor: HeldFor },
    change: (comments: CommentsRepository) => Promise<void>,
  ): Promise<void> {
    const held = { action: 'hold' as const, actor: null, target, reason: heldFor }
    await this.#rules.act(slug, { ...held, details: { vodId, commentId } }, tx =>
      change(this.#comments.within(tx)),
    )
  }

  /** What somebody may answer: a comment of this video that they see. */
  async #getAnswerable(account: Actor, vod: Vod, id: string): Promise<StoredComment> {
    const comment = await this.#comments.find(id)
    if (!comment || comment.vodId !== vod.id || !isSeen(comment, account)) throw commentNotFound()
    if (comment.status === 'held')
      throw new AppError('CONFLICT', 'comment_held', 'It waits for a moderator before it can be answered.')
    return comment
  }

  /** A comment that somebody sees. */
  async #getSeen(viewer: Viewer, id: string): Promise<{ comment: StoredComment; vod: Vod }> {
    const known = await this.#getKnown(viewer, id)
    if (!isSeen(known.comment, viewer.account)) throw commentNotFound()
    return known
  }

  /** A comment, in whatever status, on a video that somebody sees. */
  async #getKnown(viewer: Viewer, id: string): Promise<{ comment: StoredComment; vod: Vod }> {
    const comment = await this.#comments.find(id)
    if (!comment) throw commentNotFound()
    return { comment, vod: await this.#vod(viewer, comment.vodId) }
  }

  #vod({ account, token }: Viewer, id: string): Promise<Vod> {
    return this.#shown.get({ accountId: account?.id, token }, id)
  }

  async #get(vod: Vod, viewer: Actor, id: string): Promise<Comment> {
    const comment = await this.#comments.find(id, viewer.id)
    if (!comment) throw commentNotFound()
    const badges = await this.#badges(vod.channel.slug, [comment])
    return shown(comment, badges(comment), isSeen(comment, viewer))
  }

  /** What `viewer` sees of them. */
  async #show(slug: string, rows: readonly StoredComment[], viewer: Actor | undefined): Promise<Comment[]> {
    const badges = await this.#badges(slug, rows)
    return rows.map(row => shown(row, badges(row), isSeen(row, viewer)))
  }

  async #badges(slug: string, rows: readonly StoredComment[]): Promise<(row: StoredComment) => Badges> {
    const ids = rows.map(row => row.accountId)
    const found = await this.#rules.badges(slug, ids)
    return row => found.get(row.accountId) ?? []
  }
}

function standingOf(verdict: Awaited<ReturnType<TextRules['judge']>>['verdict']) {
  if (verdict === 'show') return { status: 'visible', heldFor: null } as const
  if (verdict === 'hide') return { status: 'hidden', heldFor: null } as const
  return { status: 'held', heldFor: verdict.hold } as const
}

function doneTo({ id, vodId, accountId, username }: StoredComment) {
  return { target: { id: accountId, username }, details: { vodId, commentId: id } }
}

function counted(likeCount: number | undefined): number {
  if (likeCount === undefined) throw commentNotFound()
  return likeCount
}

function commentNotFound(): AppError {
  return new AppError('NOT_FOUND', 'comment_not_found', 'There is no such comment.')
}
