/** Whom a ban is about. */
import { AddressRanges } from './address-ranges.ts'
import type { Chatter, Expulsion } from './chat.ts'

/** Tells who has to leave. */
export function expelledBy({
  accountId,
  addressRange,
  exempt = [],
}: Expulsion): (chatter: Chatter) => boolean {
  const ranges = new AddressRanges(
    addressRange === undefined ? [] : [{ kind: 'ban', addressRange, until: null }],
  )
  return ({ account, address }) => {
    if (accountId !== undefined && account?.id === accountId) return true
    return ranges.find(address).length > 0 && !(account && exempt.includes(account.id))
  }
}
