/** Whom a ban is about. */
import { BlockList, isIPv6 } from 'node:net'
import type { Chatter, Expulsion } from './chat.ts'

/** Whether `chatter` has to leave. */
export function concerns({ accountId, addressRange }: Expulsion, chatter: Chatter): boolean {
  if (accountId !== undefined && chatter.account?.id === accountId) return true
  return addressRange !== undefined && isWithin(chatter.address, addressRange)
}

/** `address`: of IPv4, or of IPv6 with or without a prefix length; `range`: CIDR. False for what is neither. */
export function isWithin(address: string, range: string): boolean {
  const [network = '', prefix = ''] = range.split('/')
  const [host = ''] = address.split('/')
  const family = isIPv6(network) ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  try {
    list.addSubnet(network, Number(prefix), family)
    return list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
  } catch {
    return false
  }
}
