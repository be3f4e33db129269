/** Whom a moderator means, and whether they may do something to them. */
import { AppError } from '../errors.ts'
import { rangeOf } from './address-ranges.ts'
import type { AuthorKey } from './chat.ts'
import { messageNotFound, type Subject } from './effects.ts'
import { isId } from './ids.ts'
import type { MembersRepository } from './members-repository.ts'
import type { Actor, Target } from './records.ts'
import type { ChatRepository } from './repository.ts'
import type { HeldRoom } from './room.ts'
import type { Rank } from './standings.ts'

export interface Found {
  readonly subject: Subject
  /** Null: a guest, or a range of addresses. */
  readonly accountId: string | null
  /** What the log calls them. */
  readonly name: string
  /** Where they wrote from, as far as is known. */
  readonly addressRange: string | undefined
  readonly messageId?: string
  /** Whose messages are meant; undefined: nobody's in particular. */
  readonly author: AuthorKey | undefined
}

interface Sources {
  readonly repository: ChatRepository
  readonly members: MembersRepository
}

/** Throws `AppError` NOT_FOUND (`account_not_found`, `message_not_found`), INVALID (`address_range_invalid`). */
export async function findSubject(sources: Sources, room: HeldRoom, target: Target): Promise<Found> {
  if ('addressRange' in target) {
    const addressRange = rangeOf(target.addressRange)
    return {
      ...{ subject: { addressRange }, addressRange },
      ...{ accountId: null, name: addressRange, author: undefined },
    }
  }
  return 'username' in target
    ? findByName(sources, target.username)
    : findByMessage(sources, room.channelId, target.messageId)
}

async function findByName({ members }: Sources, username: string): Promise<Found> {
  const account = await members.findAccount(username.replace(/^@/, '').toLowerCase())
  if (!account)
    throw new AppError(
      'NOT_FOUND',
      'account_not_found',
      'There is no account of this name. A guest is meant by one of their messages.',
    )
  const { id: accountId, username: name } = account
  return { subject: { accountId }, accountId, name, addressRange: undefined, author: { accountId } }
}

/** Comments on the channel's videos are meant by their ids, too. */
async function findByMessage(sources: Sources, channelId: string, id: string): Promise<Found> {
  if (!isId(id)) throw messageNotFound()
  const message = await sources.repository.findMessage(channelId, id)
  const written = message ?? (await sources.members.findCommenter(channelId, id))
  if (!written) throw messageNotFound()
  const { accountId, authorName: name, address } = written
  const found = { accountId, name, addressRange: rangeOf(address), ...(message && { messageId: id }) }
  if (accountId === null)
    return { ...found, subject: { addressRange: found.addressRange }, author: { address } }
  return { ...found, subject: { accountId }, author: { accountId } }
}

/** Throws `AppError` FORBIDDEN (`target_protected`). */
export function checkProtected(actor: Rank, target: Rank): void {
  if (target.isOwner || (target.isModerator && !actor.isOwner))
    throw new AppError(
      'FORBIDDEN',
      'target_protected',
      'This cannot be done to the owner, and to a moderator only by the owner.',
    )
}

/** Throws `AppError` FORBIDDEN (`not_owner`). */
export function checkOwner(room: HeldRoom, actor: Actor): void {
  if (actor.id !== room.ownerId)
    throw new AppError('FORBIDDEN', 'not_owner', 'Only the owner of the channel may do this.')
}
