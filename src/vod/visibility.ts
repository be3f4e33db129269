/** Who may change a VOD, and who is let in to a private one. */
import type { Vod, VodVisibility } from './repository.ts'

/** What somebody is in a channel; undefined: a stranger. */
export type ChannelRole = 'owner' | 'moderator' | 'vip' | 'subscriber'

export interface Person {
  /** Undefined: a guest. */
  readonly accountId: string | undefined
  readonly role: ChannelRole | undefined
}

/** Owner and moderators of the channel, and who made the clip or sent the file. */
export function mayEdit(vod: Pick<Vod, 'author'>, person: Person): boolean {
  return runsChannel(person) || isAuthor(vod, person)
}

/** Those who may watch it whatever its visibility: everybody with a role in the channel, and its author. */
export function isInvited(vod: Pick<Vod, 'author'>, person: Person): boolean {
  return person.role !== undefined || isAuthor(vod, person)
}

export function runsChannel({ role }: Person): boolean {
  return role === 'owner' || role === 'moderator'
}

function isAuthor({ author }: Pick<Vod, 'author'>, { accountId }: Person): boolean {
  return accountId !== undefined && author?.id === accountId
}

/** From the most to the least. */
const ORDER: readonly VodVisibility[] = ['public', 'unlisted', 'private', 'off']

export function isMoreVisible(left: VodVisibility, right: VodVisibility): boolean {
  return ORDER.indexOf(left) < ORDER.indexOf(right)
}
