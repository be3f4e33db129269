/** Remembers for half a minute who belongs to a channel and which share links are good; many are asked for in one query. */
import { idOf, type Watchable } from './access.ts'
import type { PlaybackRepository, Share } from './repository.ts'
import type { Grantee } from './tokens.ts'

/** Nobody says on every instance that a role was taken away or a link has expired. */
const MAX_AGE_MS = 30_000
const MAX_CHANNELS = 1_000
/** Of one channel. */
const MAX_KNOWN = 5_000

/** What a grantee is to a channel. */
type Standing = 'member' | 'stranger' | Share

interface Channel {
  readonly known: Map<Grantee, { readonly standing: Standing; readonly readAt: number }>
  asked: Map<Grantee, PromiseWithResolvers<Standing>>
  isReading: boolean
}

export class Standings {
  readonly #repository: Pick<PlaybackRepository, 'findMembers' | 'findGoodShares'>
  readonly #now: () => number
  readonly #channels = new Map<string, Channel>()

  /** `now`: milliseconds since the epoch. */
  constructor(options: {
    repository: Pick<PlaybackRepository, 'findMembers' | 'findGoodShares'>
    now: () => number
  }) {
    this.#repository = options.repository
    this.#now = options.now
  }

  /** Whether `grantee` may watch it though not everybody may. */
  async isLetIn(thing: Watchable, grantee: Grantee): Promise<boolean> {
    if (grantee === 'anybody') return false
    const accountId = idOf(grantee, 'account')
    if (accountId !== undefined && accountId === thing.authorId) return true
    const standing = await this.#of(thing.channelId, grantee)
    if (typeof standing === 'string') return standing === 'member'
    const vodId = thing.kind === 'vod' ? thing.id : null
    return standing.vodId === vodId && standing.expiresAt.getTime() > this.#now()
  }

  /** The share link that let somebody in. */
  async findShare(channelId: string, grantee: Grantee): Promise<Share | undefined> {
    const standing = await this.#of(channelId, grantee)
    return typeof standing === 'string' ? undefined : standing
  }

  /** Roles or links of the channel have changed. */
  forget(channelId: string): void {
    this.#channels.delete(channelId)
  }

  #of(channelId: string, grantee: Grantee): Standing | Promise<Standing> {
    const channel = this.#channelOf(channelId)
    const known = channel.known.get(grantee)
    if (known && this.#now() - known.readAt < MAX_AGE_MS) return known.standing
    const asked = channel.asked.get(grantee)
    if (asked) return asked.promise
    const answer = Promise.withResolvers<Standing>()
    channel.asked.set(grantee, answer)
    if (!channel.isReading) void this.#readAll(channelId, channel)
    return answer.promise
  }

  #channelOf(channelId: string): Channel {
    const channel = this.#channels.get(channelId) ?? {
      known: new Map(),
      asked: new Map(),
      isReading: false,
    }
    this.#channels.delete(channelId)
    this.#channels.set(channelId, channel)
    if (this.#channels.size > MAX_CHANNELS) this.#channels.delete(this.#channels.keys().next().value!)
    return channel
  }

  /** One query at a time, for all who were asked for meanwhile. */
  async #readAll(channelId: string, channel: Channel): Promise<void> {
    channel.isReading = true
    // Whoever is asked for in this turn is in the first.
    await Promise.resolve()
    while (channel.asked.size > 0) await this.#read(channelId, channel)
    channel.isReading = false
  }

  async #read(channelId: string, channel: Channel): Promise<void> {
    const { asked } = channel
    channel.asked = new Map()
    const readAt = this.#now()
    const ids = (kind: 'account' | 'share') =>
      [...asked.keys()].map(grantee => idOf(grantee, kind)).filter(id => id !== undefined)
    try {
      const [members, shares] = await Promise.all([
        this.#repository.findMembers(channelId, ids('account')),
        this.#repository.findGoodShares(channelId, ids('share'), new Date(readAt)),
      ])
      const byGrantee = new Map<string, Standing>(shares.map(share => [`share:${share.id}`, share]))
      for (const id of members) byGrantee.set(`account:${id}`, 'member')
      for (const [grantee, answer] of asked) {
        const standing = byGrantee.get(grantee) ?? 'stranger'
        keep(channel, grantee, { standing, readAt })
        answer.resolve(standing)
      }
    } catch (error) {
      for (const answer of asked.values()) answer.reject(error)
    }
  }
}

function keep({ known }: Channel, grantee: Grantee, read: { standing: Standing; readAt: number }): void {
  known.delete(grantee)
  known.set(grantee, read)
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!)
}
