/** Lets viewers in by their tokens, and sends those away who stay when they may watch no longer. */
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import type { Log } from '../log.ts'
import { audienceOf, channelOf, isForAnybody, type Watchable } from './access.ts'
import type { Standings } from './standings.ts'
import type { Grantee, PlaybackTokens } from './tokens.ts'
import type { Visibilities } from './visibilities.ts'

export interface AdmissionsOptions {
  readonly tokens: Pick<PlaybackTokens, 'read'>
  readonly standings: Pick<Standings, 'isLetIn'>
  readonly visibilities: Pick<Visibilities, 'isPublic' | 'of'>
  readonly log: Log
}

/** Somebody who watches over one connection for long. */
interface Guest {
  readonly tokens: readonly string[]
  readonly onRefused: (reason: AppError) => void
  /** Found once: a token that expires while its viewer watches ends nothing, as they could not show another. */
  grantees: readonly Grantee[] | undefined
}

/** Roles that were taken away and links that have expired, which nobody tells of. */
const CHECK_MS = 30_000

export class Admissions implements Admission {
  readonly #options: AdmissionsOptions
  /** By channel. */
  readonly #guests = new Map<string, Set<Guest>>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(options: AdmissionsOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      for (const channelId of this.#guests.keys()) this.check(channelId)
    }, CHECK_MS)
    this.#timer.unref()
  }

  isOpen(channelId: string): boolean {
    return this.#options.visibilities.isPublic(channelId)
  }

  async admit(channelId: string, tokens: readonly string[]): Promise<string | undefined> {
    return this.admitTo(channelOf(channelId, await this.#options.visibilities.of(channelId)), tokens)
  }

  /** As `admit`, to whatever it is. */
  async admitTo(thing: Watchable, tokens: readonly string[]): Promise<string | undefined> {
    if (thing.visibility === 'public') return undefined
    if (tokens.length === 0) throw tokenMissing()
    for (const token of tokens) {
      const grantee = await this.#granteeOf(thing, token)
      if (grantee && (await this.#isLetIn(thing, grantee))) return token
    }
    throw tokenInvalid()
  }

  stay(channelId: string, tokens: readonly string[], onRefused: (reason: AppError) => void): () => void {
    const guest: Guest = { tokens, onRefused, grantees: undefined }
    const guests = this.#guests.get(channelId) ?? new Set()
    this.#guests.set(channelId, guests.add(guest))
    // Since they were admitted it may have been closed to them.
    if (!this.isOpen(channelId)) void this.#check(channelId, [guest])
    return () => {
      guests.delete(guest)
      if (guests.size === 0 && this.#guests.get(channelId) === guests) this.#guests.delete(channelId)
    }
  }

  /** Who may watch the channel, or what, has changed: those who may no longer are told so. */
  check(channelId: string): void {
    const guests = this.#guests.get(channelId)
    if (guests && !this.isOpen(channelId)) void this.#check(channelId, [...guests])
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer)
    this.#guests.clear()
  }

  async #check(channelId: string, guests: readonly Guest[]): Promise<void> {
    try {
      const thing = channelOf(channelId, await this.#options.visibilities.of(channelId))
      await Promise.all(guests.map(guest => this.#checkOne(thing, guest)))
    } catch (err) {
      this.#options.log.warn({ err, channelId }, 'who may watch could not be found out; trying again')
    }
  }

  async #checkOne(thing: Watchable, guest: Guest): Promise<void> {
    if (thing.visibility === 'public') return
    guest.grantees ??= (await Promise.all(guest.tokens.map(token => this.#granteeOf(thing, token)))).filter(
      grantee => grantee !== undefined,
    )
    for (const grantee of guest.grantees) if (await this.#isLetIn(thing, grantee)) return
    // Not twice, when two checks cross.
    if (!this.#guests.get(thing.channelId)?.delete(guest)) return
    guest.onRefused(guest.tokens.length === 0 ? tokenMissing() : tokenInvalid())
  }

  async #granteeOf(thing: Watchable, token: string): Promise<Grantee | undefined> {
    const grant = await this.#options.tokens.read(token)
    return grant?.audience === audienceOf(thing) ? grant.grantee : undefined
  }

  async #isLetIn(thing: Watchable, grantee: Grantee): Promise<boolean> {
    return isForAnybody(thing) || this.#options.standings.isLetIn(thing, grantee)
  }
}

function tokenMissing(): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    'playback_token_missing',
    'This is not for everybody: a playback token is needed.',
  )
}

export function tokenInvalid(): AppError {
  return new AppError(
    'FORBIDDEN',
    'playback_token_invalid',
    'The playback token is wrong, has expired, or is not for this.',
  )
}
