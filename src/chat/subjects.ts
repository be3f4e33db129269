/** Whom a moderator means, and whether they may do something to them. */
import { AppError } from '../errors.ts'
import { rangeOf } from './address-ranges.ts'
import type { AuthorKey } from './chat.ts'
import { messageNotFound, type Subject } from './effects.ts'
import { isId } from './ids.ts'
import type { MembersRepository } from './members-repository.ts'
import type { Actor, Target } from './records.ts'
import type { ChatRepository, StoredMessage } from './repository.ts'
import type { HeldRoom } from './room.ts'
import { guestForm, type Rank } from './standings.ts'

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
    ? findByName(sources, room.channelId, target.username)
    : findByMessage(sources, room.channelId, target.messageId)
}

/** A guest is known by what they wrote: by their messages alone they are seen. */
async function findByName(
  { members, repository }: Sources,
  channelId: string,
  typed: string,
): Promise<Found> {
  const name = typed.replace(/^@/, '').toLowerCase()
  const account = await members.findAccount(name)
  if (account) {
    const { id: accountId, username } = account
    return {
      ...{ subject: { accountId }, accountId, name: username },
      ...{ addressRange: undefined, author: { accountId } },
    }
  }
  if (!guestForm.test(name))
    throw new AppError('NOT_FOUND', 'account_not_found', 'There is no account of this name.')
  const message = await repository.findGuestMessage(channelId, name)
  if (!message)
    throw new AppError('NOT_FOUND', 'account_not_found', 'No guest of this name has written here.')
  return guestOf(message)
}

/** Comments on the channel's videos are meant by their ids, too. */
async function findByMessage(sources: Sources, channelId: string, id: string): Promise<Found> {
  if (!isId(id)) throw messageNotFound()
  const message = await sources.repository.findMessage(channelId, id)
  const written = message ?? (await sources.members.findCommenter(channelId, id))
  if (!written) throw messageNotFound()
  const { accountId, authorName: name, address } = written
  const where = { addressRange: rangeOf(address), ...(message && { messageId: id }) }
  if (accountId === null) return { ...guestOf(written), ...where }
  return { subject: { accountId }, accountId, name, author: { accountId }, ...where }
}

function guestOf({ authorName: name, address }: Pick<StoredMessage, 'authorName' | 'address'>): Found {
  const addressRange = rangeOf(address)
  return { subject: { addressRange }, accountId: null, name, addressRange, author: { address } }
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
