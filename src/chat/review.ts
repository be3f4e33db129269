/** What moderators look through: messages that wait for them, what was done, who is banned, who has a role. */
import { AppError } from '../errors.ts'
import type { Composer } from './composer.ts'
import { isId } from './ids.ts'
import type { MembersRepository } from './members-repository.ts'
import type { Actor, Ban, GrantedRole, HeldMessage, LogEntry, Page, PageRequest } from './records.ts'
import type { ChatRepository, NewAction } from './repository.ts'
import type { RoomAccess } from './room-access.ts'

export interface ReviewOptions {
  readonly access: RoomAccess
  readonly repository: ChatRepository
  readonly members: MembersRepository
  readonly composer: Composer
}

/**
 * Every method throws `AppError` NOT_FOUND (`channel_not_found`), FORBIDDEN (`not_moderator`); those with a page INVALID
 * (`cursor_invalid`).
 */
export class Review {
  readonly #options: ReviewOptions

  constructor(options: ReviewOptions) {
    this.#options = options
  }

  /** Oldest first. */
  async held(actor: Actor, slug: string, page: PageRequest): Promise<Page<HeldMessage>> {
    const { access, repository, composer } = this.#options
    return access.asModerator(actor, slug, async room => {
      const rows = await repository.listHeld(room.channelId, page.limit + 1, cursorOf(page))
      const messages = await composer.show(rows.map(row => row.message))
      const items = rows.map(({ reason }, index) => ({ message: messages[index]!, reason }))
      return pageOf(items, page.limit, item => item.message.id)
    })
  }

  /** Shows a held message to all. Throws `AppError` NOT_FOUND (`message_not_found`), CONFLICT (`message_not_held`). */
  async approve(actor: Actor, slug: string, messageId: string): Promise<void> {
    await this.#decide('approve', actor, slug, messageId)
  }

  /** Throws as `approve`. */
  async reject(actor: Actor, slug: string, messageId: string, reason?: string): Promise<void> {
    await this.#decide('reject', actor, slug, messageId, reason)
  }

  /** Who did what, to whom and why; newest first. */
  async log(actor: Actor, slug: string, page: PageRequest): Promise<Page<LogEntry>> {
    const { access, members } = this.#options
    return access.asModerator(actor, slug, async room => {
      const rows = await members.listActions(room.channelId, page.limit + 1, cursorOf(page))
      return pageOf(rows, page.limit, row => row.id)
    })
  }

  /** Bans, timeouts and shadow-bans in force, newest first. */
  async bans(actor: Actor, slug: string, page: PageRequest): Promise<Page<Ban>> {
    const { access, members } = this.#options
    return access.asModerator(actor, slug, async room => {
      const range = { now: access.time, limit: page.limit + 1, before: cursorOf(page) }
      return pageOf(await members.listBans(room.channelId, range), page.limit, row => row.id)
    })
  }

  /** Everybody with a role beside the owner, by name. */
  async roles(
    actor: Actor,
    slug: string,
  ): Promise<{ account: { id: string; username: string }; role: GrantedRole }[]> {
    const { access, members } = this.#options
    return access.asModerator(actor, slug, room => members.listRoles(room.channelId))
  }

  async #decide(
    action: 'approve' | 'reject',
    actor: Actor,
    slug: string,
    messageId: string,
    reason?: string,
  ): Promise<void> {
    const { access, composer } = this.#options
    await access.asModerator(actor, slug, async room => {
      const message = await access.getMessage(room, messageId)
      const isApproved = action === 'approve'
      const [shown] = isApproved ? await composer.show([message]) : []
      const decided: NewAction = {
        ...access.said(action, actor, reason),
        ...{ targetId: message.accountId, targetName: message.authorName, messageId, isPlaced: false },
        effects: [{ type: isApproved ? 'show' : 'reject', messageId }],
      }
      await room.act(decided, shown)
      await room.spread({ type: 'moderators', event: { type: 'reviewed', id: messageId, isApproved } })
    })
  }
}

function cursorOf({ cursor }: PageRequest): string | undefined {
  if (cursor !== undefined && !isId(cursor))
    throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
  return cursor
}

/** Of `rows`, of which one more than `limit` was asked for. */
function pageOf<T>(rows: readonly T[], limit: number, idOf: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return rows.length > limit && last !== undefined ? { items, nextCursor: idOf(last) } : { items }
}
