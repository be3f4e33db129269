/** Ranges of IP addresses in their one spelling, and whether an address is in one that is banned. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { AppError } from '../errors.ts'
import type { BanKind } from './records.ts'

/** Wider ranges hold whole countries' customers. */
const MIN_PREFIX = { ipv4: 16, ipv6: 32 }

/**
 * The CIDR form of a range or of a single address (an IPv6 address counts as its /64), without host bits. Throws
 * `AppError` INVALID (`address_range_invalid`).
 */
export function rangeOf(text: string): string {
  const [host = '', length, ...rest] = text.trim().split('/')
  const isSix = isIPv6(host)
  if ((!isSix && !isIPv4(host)) || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)))
    throw invalid('An address range is an IP address, or one with a prefix length: 192.0.2.0/24.')
  const bits = isSix ? 128 : 32
  const prefix = length === undefined ? (isSix ? 64 : 32) : Number(length)
  const least = MIN_PREFIX[isSix ? 'ipv6' : 'ipv4']
  if (prefix < least || prefix > bits)
    throw invalid(`The prefix length of this range can be ${least} to ${bits}.`)
  const groups = isSix ? sixGroups(host) : host.split('.').map(Number)
  const size = isSix ? 16 : 8
  const kept = groups.map((group, index) => group & mask(prefix - index * size, size))
  return `${isSix ? spellSix(kept) : kept.join('.')}/${prefix}`
}

function invalid(message: string): AppError {
  return new AppError('INVALID', 'address_range_invalid', message)
}

/** The `size` bits of a group of which the first `ones` are kept. */
function mask(ones: number, size: number): number {
  const kept = Math.max(0, Math.min(size, ones))
  return ((1 << size) - 1) ^ ((1 << (size - kept)) - 1)
}

/** The URL parser knows every spelling of an IPv6 address, and spells it in the shortest (RFC 5952). */
function sixGroups(address: string): number[] {
  const [shortest = ''] = address.split('%')
  const [head = '', tail] = new URL(`http://[${shortest}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [head, tail ?? ''].map(part => (part === '' ? [] : part.split(':')))
  const zeros = tail === undefined ? 0 : 8 - left!.length - right!.length
  return [...left!, ...Array<string>(zeros).fill('0'), ...right!].map(group => Number.parseInt(group, 16))
}

function spellSix(groups: readonly number[]): string {
  const spelled = groups.map(group => group.toString(16)).join(':')
  return new URL(`http://[${spelled}]`).hostname.slice(1, -1)
}

export interface BannedRange {
  readonly kind: BanKind
  readonly addressRange: string
  readonly until: Date | null
}

export class AddressRanges {
  readonly #all = new BlockList()
  readonly #each: readonly (BannedRange & { list: BlockList })[]

  constructor(ranges: readonly BannedRange[]) {
    this.#each = ranges.map(range => {
      const list = new BlockList()
      add(list, range.addressRange)
      add(this.#all, range.addressRange)
      return { ...range, list }
    })
  }

  get count(): number {
    return this.#each.length
  }

  has(kind: BanKind, addressRange: string): boolean {
    return this.#each.some(range => range.kind === kind && range.addressRange === addressRange)
  }

  /** The ranges that hold `address`: of IPv4, or of IPv6 with or without a prefix length. */
  find(address: string): readonly BannedRange[] {
    if (this.#each.length === 0) return []
    const [host = ''] = address.split('/')
    const family = isIPv6(host) ? 'ipv6' : 'ipv4'
    if (family === 'ipv4' && !isIPv4(host)) return []
    return this.#all.check(host, family) ? this.#each.filter(range => range.list.check(host, family)) : []
  }

  [Symbol.iterator](): Iterator<BannedRange> {
    return this.#each[Symbol.iterator]()
  }
}

function add(list: BlockList, range: string): void {
  const [network = '', prefix] = range.split('/')
  list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4')
}
