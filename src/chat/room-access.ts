/** How moderators' doings reach a room: it is open meanwhile, and who does it may. */
import { messageNotFound } from './effects.ts'
import { checkModerator } from './gate.ts'
import { isId } from './ids.ts'
import type { ActionName, Actor } from './records.ts'
import type { ChatRepository, StoredMessage } from './repository.ts'
import type { HeldRoom } from './room.ts'
import type { Rank } from './standings.ts'
import { checkProtected } from './subjects.ts'

const MAX_REASON_CHARS = 500

export class RoomAccess {
  readonly #open: (slug: string) => Promise<HeldRoom>
  readonly #repository: ChatRepository
  readonly #now: () => number

  constructor(options: {
    open: (slug: string) => Promise<HeldRoom>
    repository: ChatRepository
    now: () => number
  }) {
    this.#open = options.open
    this.#repository = options.repository
    this.#now = options.now
  }

  get time(): Date {
    return new Date(this.#now())
  }

  async in<T>(slug: string, work: (room: HeldRoom) => Promise<T>): Promise<T> {
    const room = await this.#open(slug)
    try {
      return await work(room)
    } finally {
      room.release()
    }
  }

  /** Throws `AppError` FORBIDDEN (`not_moderator`). */
  async asModerator<T>(actor: Actor, slug: string, work: (room: HeldRoom) => Promise<T>): Promise<T> {
    return this.in(slug, async room => {
      checkModerator(await this.#rankOf(room, actor))
      return work(room)
    })
  }

  /** Throws `AppError` FORBIDDEN (`not_moderator`, `target_protected`). */
  async checkTarget(room: HeldRoom, actor: Actor, accountId: string | null): Promise<void> {
    const rank = await this.#rankOf(room, actor)
    checkModerator(rank)
    if (accountId !== null) checkProtected(rank, await this.#rankOf(room, { id: accountId, username: '' }))
  }

  /** Throws `AppError` NOT_FOUND (`message_not_found`). */
  async getMessage(room: HeldRoom, id: string): Promise<StoredMessage> {
    const message = isId(id) ? await this.#repository.findMessage(room.channelId, id) : undefined
    if (!message) throw messageNotFound()
    return message
  }

  /** What every action says. */
  said(action: ActionName, actor: Actor | null, reason?: string) {
    return {
      action,
      actorId: actor?.id ?? null,
      reason: reason?.slice(0, MAX_REASON_CHARS),
      actedAt: this.time,
    }
  }

  #rankOf(room: HeldRoom, account: Actor): Promise<Rank> {
    return room.standings.of({ account, address: '' })
  }
}
