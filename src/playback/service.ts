/** The rules of private playback: who gets a token for what, and the links by which an owner lets others in. */
import { AppError } from '../errors.ts'
import { audienceOf, channelOf, isForAnybody, type Watchable } from './access.ts'
import { mediaPath } from './addresses.ts'
import { tokenInvalid } from './admissions.ts'
import type { PlaybackRepository, Share } from './repository.ts'
import type { Standings } from './standings.ts'
import type { Grantee, Pass, PlaybackTokens } from './tokens.ts'
import type { Visibilities } from './visibilities.ts'

export type { Visibility, Watchable } from './access.ts'
export type { Pass } from './tokens.ts'

/** Who wants to watch, and what they show for it. */
export interface Asker {
  /** Undefined: not signed in. */
  readonly accountId: string | undefined
  /** Of a share link, or one that they were given before. */
  readonly token?: string | undefined
}

/** A link and the token in it. */
export interface SharedLink extends Share {
  readonly token: string
}

export interface PlaybackServiceOptions {
  readonly repository: PlaybackRepository
  readonly tokens: PlaybackTokens
  readonly standings: Standings
  readonly visibilities: Visibilities
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const DAY_MS = 24 * 60 * 60_000
const MAX_SHARES_PER_CHANNEL = 200
export const MAX_SHARE_DAYS = 365

export class PlaybackService {
  readonly #options: PlaybackServiceOptions

  constructor(options: PlaybackServiceOptions) {
    this.#options = options
  }

  /** A channel's live streams as something to watch. */
  async channel(channelId: string): Promise<Watchable> {
    return channelOf(channelId, await this.#options.visibilities.of(channelId))
  }

  /** Throws `AppError` NOT_FOUND (`vod_not_found`), also while it cannot be played. */
  async vod(id: string): Promise<Watchable> {
    const vod = await this.#options.repository.findVod(id)
    if (!vod?.isReady) throw vodNotFound()
    return vod.thing
  }

  /**
   * What `asker` watches `thing` with; undefined: it is for everybody and needs no token. Throws `AppError`
   * UNAUTHENTICATED (`not_signed_in`), FORBIDDEN (`playback_forbidden`, or `playback_token_invalid` for who has shown a
   * token).
   */
  async passFor(thing: Watchable, asker: Asker): Promise<Pass | undefined> {
    if (thing.visibility === 'public') return undefined
    const grantee = await this.#granteeFor(thing, asker)
    if (grantee === undefined) throw refusalOf(asker)
    const share = grantee.startsWith('share:')
      ? await this.#options.standings.findShare(thing.channelId, grantee)
      : undefined
    return this.#options.tokens.sign(audienceOf(thing), grantee, share?.expiresAt.getTime())
  }

  async mayWatch(thing: Watchable, asker: Asker): Promise<boolean> {
    return thing.visibility === 'public' || (await this.#granteeFor(thing, asker)) !== undefined
  }

  /** `path` of media (`/thumbnails/mira.jpg`) as it is asked for with `pass`. */
  mediaPath(path: string, pass: Pass | undefined): string {
    return mediaPath(path, pass)
  }

  /** The visibility of the channel, who belongs to it, or its links have changed and are stored: it counts from now on. */
  async changed(channelId: string): Promise<void> {
    await this.#options.visibilities.changed(channelId)
  }

  /**
   * A link to the channel's live streams, or to a VOD of it, that is good for `days`. Owner only. Throws `AppError`
   * FORBIDDEN (`not_owner`), NOT_FOUND (`vod_not_found`), LIMIT (`too_many_shares`).
   */
  async share(
    accountId: string,
    asked: { channelId: string; vodId?: string | undefined; name: string; days: number },
  ): Promise<SharedLink> {
    const { channelId, vodId = null, name, days } = asked
    await this.#checkOwner(accountId, channelId)
    if (vodId !== null) await this.#checkVod(channelId, vodId)
    const createdAt = new Date(this.#options.now())
    const expiresAt = new Date(createdAt.getTime() + days * DAY_MS)
    const share = { id: Bun.randomUUIDv7(), channelId, vodId, name, createdAt, expiresAt }
    if (await this.#options.repository.insertShare(share, MAX_SHARES_PER_CHANNEL)) return this.#link(share)
    const message = `A channel can have ${MAX_SHARES_PER_CHANNEL} links. Revoke one first.`
    throw new AppError('LIMIT', 'too_many_shares', message)
  }

  /** The links that are good, oldest first. Owner only, as `share`. */
  async shares(accountId: string, channelId: string, vodId?: string): Promise<SharedLink[]> {
    await this.#checkOwner(accountId, channelId)
    const now = new Date(this.#options.now())
    const shares = await this.#options.repository.listShares(channelId, vodId ?? null, now)
    return Promise.all(shares.map(share => this.#link(share)))
  }

  /** Who came by the link is sent away. Owner only; NOT_FOUND (`share_not_found`). */
  async revokeShare(accountId: string, id: string): Promise<void> {
    const share = await this.#options.repository.findShare(id)
    if (!share) throw new AppError('NOT_FOUND', 'share_not_found', 'There is no such link any more.')
    await this.#checkOwner(accountId, share.channelId)
    await this.#options.repository.deleteShare(id)
    await this.changed(share.channelId)
  }

  async #granteeFor(thing: Watchable, { accountId, token }: Asker): Promise<Grantee | undefined> {
    const { standings } = this.#options
    const account: Grantee | undefined = accountId === undefined ? undefined : `account:${accountId}`
    if (account && (await standings.isLetIn(thing, account))) return account
    const shown = token === undefined ? undefined : await this.#granteeOf(thing, token)
    if (shown && (await standings.isLetIn(thing, shown))) return shown
    return isForAnybody(thing) ? 'anybody' : undefined
  }

  /** By a share link, or by a token that is to be renewed. */
  async #granteeOf(thing: Watchable, token: string): Promise<Grantee | undefined> {
    const { tokens } = this.#options
    const audience = audienceOf(thing)
    const grant = await tokens.read(token)
    if (grant) return grant.audience === audience ? grant.grantee : undefined
    return tokens.readShare(token, audience)
  }

  async #checkOwner(accountId: string, channelId: string): Promise<void> {
    if (!(await this.#options.repository.isOwner(accountId, channelId)))
      throw new AppError('FORBIDDEN', 'not_owner', 'Only the owner of the channel may do this.')
  }

  async #checkVod(channelId: string, vodId: string): Promise<void> {
    const vod = await this.#options.repository.findVod(vodId)
    if (vod?.thing.channelId !== channelId) throw vodNotFound()
  }

  async #link(share: Share): Promise<SharedLink> {
    const { id, channelId, vodId, expiresAt } = share
    const audience = vodId === null ? (`channel:${channelId}` as const) : (`vod:${vodId}` as const)
    return { ...share, token: await this.#options.tokens.signShare({ id, audience, expiresAt }) }
  }
}

function refusalOf({ accountId, token }: Asker): AppError {
  if (token !== undefined) return tokenInvalid()
  return accountId === undefined
    ? new AppError('UNAUTHENTICATED', 'not_signed_in', 'This is private. Sign in first.')
    : new AppError('FORBIDDEN', 'playback_forbidden', 'This is private: its owner has to let you in.')
}

function vodNotFound(): AppError {
  return new AppError('NOT_FOUND', 'vod_not_found', 'There is no such video.')
}
