/** Whom a ban is about. */
import { AddressRanges } from './address-ranges.ts'
import type { Chatter, Expulsion } from './chat.ts'

/** Tells who has to leave. */
export function expelledBy({ accountId, addressRange }: Expulsion): (chatter: Chatter) => boolean {
  const ranges = new AddressRanges(
    addressRange === undefined ? [] : [{ kind: 'ban', addressRange, until: null }],
  )
  return ({ account, address }) =>
    (accountId !== undefined && account?.id === accountId) || ranges.find(address).length > 0
}
