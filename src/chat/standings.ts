/** What everybody is in one room, kept in memory until it changes. */
import { createHmac } from 'node:crypto'
import { AppError } from '../errors.ts'
import { AddressRanges } from './address-ranges.ts'
import type { Chatter, Standing } from './chat.ts'
import type { Role } from './events.ts'
import type { Member, MembersRepository } from './members-repository.ts'
import type { BanKind } from './records.ts'

const MAX_MEMBERS = 20_000
const MAX_ASKED = 20_000
/** Accounts in one query. */
const MAX_GROUP = 500
const MAX_RANGES = 1_000

/** A standing with what the room does not tell. */
export interface Rank extends Standing {
  /** Null: a guest. */
  readonly accountId: string | null
  readonly isOwner: boolean
  /** Owners, moderators and VIPs are not slowed down. */
  readonly isTrusted: boolean
  readonly isSubscriber: boolean
  readonly isBanned: boolean
  readonly isShadowed: boolean
  readonly followedAt: Date | undefined
  readonly hasSpoken: boolean
  /** There may be messages of theirs that nobody else was shown. */
  readonly hasHidden: boolean
}

export interface StandingsOptions {
  readonly channelId: string
  readonly ownerId: string
  readonly members: MembersRepository
  /** Makes guests' names of their addresses, without giving these away. */
  readonly guestKey: string
  readonly now: () => number
  /** How long what was read holds, in milliseconds: short while nobody would say that it changed. */
  readonly maxAgeMs: () => number
}

const stranger: Member = {
  role: undefined,
  followedAt: undefined,
  hasSpoken: false,
  hasHidden: false,
  bans: [],
}

export class Standings {
  readonly #options: StandingsOptions
  /** In the order of reading. */
  readonly #members = new Map<string, { member: Member; readAt: number }>()
  readonly #asked = new Map<string, PromiseWithResolvers<Member>>()
  #isReading = false
  /** Raised at each change: what was read before it is not kept. */
  #epoch = 0
  #ranges = new AddressRanges([])

  constructor(options: StandingsOptions) {
    this.#options = options
  }

  get ranges(): AddressRanges {
    return this.#ranges
  }

  /** Throws `AppError` LIMIT (`busy`). */
  async of(chatter: Pick<Chatter, 'account' | 'address'>): Promise<Rank> {
    const { account, address } = chatter
    const member = account ? await this.#memberOf(account.id) : stranger
    const username = account?.username ?? guestName(address, this.#options.guestKey)
    return this.#rank(account?.id ?? null, username, member, address)
  }

  /** Reads the ranges anew. Answers those that are banned now and were not before. */
  async readRanges(): Promise<string[]> {
    const { members, channelId, now } = this.#options
    const ranges = new AddressRanges(await members.listRangeBans(channelId, new Date(now()), MAX_RANGES))
    const added = [...ranges].filter(
      ({ kind, addressRange }) => kind === 'ban' && !this.#ranges.has(kind, addressRange),
    )
    this.#ranges = ranges
    return added.map(range => range.addressRange)
  }

  /** Throws `AppError` LIMIT (`too_many_ranges`) when there is no room for another. */
  checkRanges(): void {
    if (this.#ranges.count >= MAX_RANGES)
      throw new AppError(
        'LIMIT',
        'too_many_ranges',
        `A room can have ${MAX_RANGES} address ranges. Take some back first.`,
      )
  }

  /** Something about the account, or about anybody, has changed. */
  forget(accountId?: string): void {
    this.#epoch++
    if (accountId === undefined) this.#members.clear()
    else this.#members.delete(accountId)
  }

  /** Something of the account was shown. */
  markSpoken(accountId: string): void {
    const known = this.#members.get(accountId)
    if (known && !known.member.hasSpoken) known.member = { ...known.member, hasSpoken: true }
  }

  /** Something of the account was stored that nobody else is shown. */
  markHidden(accountId: string): void {
    const known = this.#members.get(accountId)
    if (known) known.member = { ...known.member, hasHidden: true }
  }

  #rank(accountId: string | null, username: string, member: Member, address: string): Rank {
    const now = this.#options.now()
    const isOwner = accountId === this.#options.ownerId
    const badges: Role[] = isOwner ? ['owner'] : member.role ? [member.role] : []
    const isModerator = isOwner || member.role === 'moderator'
    // Who runs the room is not stopped by whom they share an address with.
    const ranges = isModerator ? [] : this.#ranges.find(address)
    const inForce = [
      ...member.bans,
      ...ranges.filter(range => range.kind !== 'timeout' || !accountId),
    ].filter(({ until }) => until === null || until.getTime() > now)
    const is = (kind: BanKind) => inForce.some(ban => ban.kind === kind)
    const silences = inForce.filter(ban => ban.kind === 'timeout').map(ban => ban.until?.getTime() ?? now)
    return {
      ...{ accountId, username, badges, isOwner, isModerator },
      isTrusted: isModerator || member.role === 'vip',
      isSubscriber: member.role === 'subscriber',
      isBanned: is('ban'),
      isShadowed: is('shadow'),
      timedOutUntil: silences.length > 0 ? new Date(Math.max(...silences)).toISOString() : null,
      followedAt: member.followedAt,
      hasSpoken: member.hasSpoken,
      hasHidden: member.hasHidden || is('shadow'),
    }
  }

  #memberOf(accountId: string): Member | Promise<Member> {
    const known = this.#members.get(accountId)
    if (known && this.#options.now() - known.readAt < this.#options.maxAgeMs()) return known.member
    const asked = this.#asked.get(accountId)
    if (asked) return asked.promise
    if (this.#asked.size >= MAX_ASKED)
      throw new AppError('LIMIT', 'busy', 'Too many come at once. Try again in a moment.', {
        retryAfterSeconds: 2,
      })
    const answer = Promise.withResolvers<Member>()
    this.#asked.set(accountId, answer)
    if (!this.#isReading) void this.#read()
    return answer.promise
  }

  /** One query at a time, for all who were asked for meanwhile. */
  async #read(): Promise<void> {
    this.#isReading = true
    // Whoever is asked for in this tick is in the first query.
    await Promise.resolve()
    while (this.#asked.size > 0) {
      const group = [...this.#asked].slice(0, MAX_GROUP)
      for (const [id] of group) this.#asked.delete(id)
      await this.#readGroup(group)
    }
    this.#isReading = false
  }

  async #readGroup(group: readonly (readonly [string, PromiseWithResolvers<Member>])[]): Promise<void> {
    const { members, channelId, now } = this.#options
    const [epoch, readAt] = [this.#epoch, now()]
    try {
      const ids = group.map(([id]) => id)
      const found = await members.findMembers(channelId, ids)
      for (const [id, answer] of group) {
        const member = found.get(id) ?? stranger
        if (epoch === this.#epoch) this.#keep(id, { member, readAt })
        answer.resolve(member)
      }
    } catch (error) {
      for (const [, answer] of group) answer.reject(error)
    }
  }

  #keep(id: string, known: { member: Member; readAt: number }): void {
    this.#members.delete(id)
    this.#members.set(id, known)
    if (this.#members.size <= MAX_MEMBERS) return
    const [oldest] = this.#members.keys()
    if (oldest !== undefined) this.#members.delete(oldest)
  }
}

/** What `guestName` makes; no account is called so. */
export const guestForm = /^guest_[0-9a-f]{6}$/

function guestName(address: string, key: string): string {
  return `guest_${createHmac('sha256', key).update(address).digest('hex').slice(0, 6)}`
}
