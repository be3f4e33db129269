/** The rules of accounts: who may have which name, and how a browser or a program proves who it is. */
import { createHash, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'
import { AccessTokens, invalidToken } from './access-tokens.ts'
import { Passwords } from './passwords.ts'
import type { Account, AccountsRepository } from './repository.ts'
import type { Sessions } from './sessions.ts'

export type { Account } from './repository.ts'

const REFRESH_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000
const SWEEP_INTERVAL_MS = 60 * 60 * 1000
const MIN_PASSWORD_CHARS = 8
const MAX_PASSWORD_CHARS = 128
const usernameForm = /^[a-z0-9_]{3,24}$/

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  readonly accessTokenExpiresAt: Date
}

/** Who a request comes from. */
export interface Identity {
  readonly account: Account
  /** Everything one sign-in handed out; signing out ends all of it. */
  readonly familyId: string
  /** The Set-Cookie header that extends the session, when it was extended. */
  readonly renewedCookie: string | undefined
}

export interface AccountsServiceOptions {
  readonly accounts: AccountsRepository
  readonly sessions: Sessions
  /** 32 bytes that sign access tokens. */
  readonly accessTokenKey: Uint8Array
  readonly passwords?: Passwords
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** What guests are called in the chat. */
const reservedForm = /^guest_[0-9a-f]{6}$/

export class AccountsService {
  readonly #accounts: AccountsRepository
  readonly #sessions: Sessions
  readonly #accessTokens: AccessTokens
  readonly #passwords: Passwords
  readonly #now: () => number
  #sweptAt = 0

  constructor(options: AccountsServiceOptions) {
    this.#accounts = options.accounts
    this.#sessions = options.sessions
    this.#now = options.now ?? Date.now
    this.#passwords = options.passwords ?? new Passwords()
    this.#accessTokens = new AccessTokens({ key: options.accessTokenKey, now: this.#now })
  }

  /** Throws `AppError` INVALID (`username_invalid`, `password_invalid`), CONFLICT (`username_taken`), LIMIT (`busy`). */
  async signUp(credentials: Credentials): Promise<Account> {
    const username = normalize(credentials.username)
    if (!usernameForm.test(username))
      throw new AppError(
        'INVALID',
        'username_invalid',
        'A username has 3 to 24 of the characters a-z, 0-9 and _.',
      )
    if (reservedForm.test(username))
      throw new AppError('INVALID', 'username_invalid', 'Names of this form are those of guests.')
    const { length } = credentials.password
    if (length < MIN_PASSWORD_CHARS || length > MAX_PASSWORD_CHARS)
      throw new AppError('INVALID', 'password_invalid', 'A password has 8 to 128 characters.')
    const taken = new AppError('CONFLICT', 'username_taken', 'This username is taken.')
    if (await this.#accounts.findByUsername(username)) throw taken
    const passwordHash = await this.#passwords.hash(credentials.password)
    const account = await this.#accounts.insert({
      id: Bun.randomUUIDv7(),
      username,
      passwordHash,
      createdAt: new Date(this.#now()),
    })
    if (!account) throw taken
    return account
  }

  /** Does not say which of the two was wrong. Throws `AppError` UNAUTHENTICATED (`credentials_invalid`), LIMIT (`busy`). */
  async checkPassword(credentials: Credentials): Promise<Account> {
    const username = normalize(credentials.username)
    const known = usernameForm.test(username) ? await this.#accounts.findByUsername(username) : undefined
    const password = credentials.password.slice(0, MAX_PASSWORD_CHARS + 1)
    if (!(await this.#passwords.verify(password, known?.passwordHash)) || !known)
      throw new AppError('UNAUTHENTICATED', 'credentials_invalid', 'The username or the password is wrong.')
    return { id: known.id, username: known.username }
  }

  /** Signs in whose password was checked: tokens for programs, a Set-Cookie header for browsers. */
  async start(account: Account, isSecure: boolean): Promise<{ tokens: TokenPair; cookie: string }> {
    await this.#sweep()
    const familyId = Bun.randomUUIDv7()
    const { token, id, expiresAt } = this.#newRefreshToken()
    await this.#accounts.insertRefreshToken(
      { id, familyId, accountId: account.id, expiresAt },
      new Date(this.#now()),
    )
    const cookie = await this.#sessions.start(account.id, familyId, isSecure)
    return { tokens: await this.#pair(account.id, familyId, token), cookie }
  }

  /**
   * Spends a refresh token for a new pair. A token that was spent before has been stolen from one of the two who
   * presented it: its whole family ends. Throws `AppError` UNAUTHENTICATED (`refresh_token_invalid`, `refresh_token_reused`).
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    const { token, id, expiresAt } = this.#newRefreshToken()
    const rotation = await this.#accounts.rotate(hash(refreshToken), { id, expiresAt }, new Date(this.#now()))
    if (rotation.outcome === 'rotated') return this.#pair(rotation.accountId, rotation.familyId, token)
    if (rotation.outcome === 'unknown')
      throw new AppError(
        'UNAUTHENTICATED',
        'refresh_token_invalid',
        'The refresh token is wrong or has expired.',
      )
    await this.signOut(rotation.familyId)
    const message =
      'This refresh token was used before, so everything it led to was signed out. Sign in again.'
    throw new AppError('UNAUTHENTICATED', 'refresh_token_reused', message)
  }

  /** Ends everything that one sign-in handed out: session, access tokens, refresh tokens. Idempotent. */
  async signOut(familyId: string): Promise<void> {
    await this.#accounts.deleteFamily(familyId)
    await this.#sessions.endFamily(familyId)
  }

  /** `signOut` for who has a refresh token alone. Nothing happens when it is unknown. */
  async signOutByRefreshToken(refreshToken: string): Promise<void> {
    const familyId = await this.#accounts.findFamily(hash(refreshToken))
    if (familyId !== undefined) await this.signOut(familyId)
  }

  /**
   * Who sends a request: by `Authorization: Bearer` if it is there, else by session cookie. Throws `AppError`
   * UNAUTHENTICATED (`access_token_invalid`).
   */
  async identify(headers: Headers, isSecure: boolean): Promise<Identity | undefined> {
    const token = /^Bearer +([^ ]+)$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (token) return this.getByAccessToken(token)
    const cookie = headers.get('cookie')
    return cookie === null ? undefined : this.findByCookie(cookie, isSecure)
  }

  /** Who sends this Cookie header; undefined: nobody who is signed in. */
  async findByCookie(cookieHeader: string, isSecure: boolean): Promise<Identity | undefined> {
    const session = await this.#sessions.find(cookieHeader, isSecure)
    const account = session && (await this.#accounts.find(session.accountId))
    return account && { account, familyId: session.familyId, renewedCookie: session.renewedCookie }
  }

  /** Throws `AppError` UNAUTHENTICATED (`access_token_invalid`), also after its owner has signed out. */
  async getByAccessToken(token: string): Promise<Identity> {
    const { accountId, familyId } = await this.#accessTokens.verify(token)
    const account = await this.#accounts.findByFamily(accountId, familyId)
    if (!account) throw invalidToken()
    return { account, familyId, renewedCookie: undefined }
  }

  /** The account of an access token; undefined: it is wrong, has expired, or its owner has signed out. */
  async findByAccessToken(token: string): Promise<Account | undefined> {
    try {
      return (await this.getByAccessToken(token)).account
    } catch (error) {
      if (error instanceof AppError) return undefined
      throw error
    }
  }

  /** The Set-Cookie header that removes the session cookie. */
  blankCookie(isSecure: boolean): string {
    return this.#sessions.blankCookie(isSecure)
  }

  async #pair(accountId: string, familyId: string, refreshToken: string): Promise<TokenPair> {
    const { token, expiresAt } = await this.#accessTokens.sign({ accountId, familyId })
    return { accessToken: token, refreshToken, accessTokenExpiresAt: expiresAt }
  }

  #newRefreshToken(): { token: string; id: string; expiresAt: Date } {
    const token = randomBytes(32).toString('base64url')
    return { token, id: hash(token), expiresAt: new Date(this.#now() + REFRESH_LIFETIME_MS) }
  }

  /** Removes what has expired, now and then, so that the tables stay small. */
  async #sweep(): Promise<void> {
    const now = this.#now()
    if (now - this.#sweptAt < SWEEP_INTERVAL_MS) return
    this.#sweptAt = now
    await this.#accounts.deleteExpired(new Date(now))
    await this.#sessions.deleteExpired()
  }
}

function normalize(username: string): string {
  return username.trim().toLowerCase()
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
