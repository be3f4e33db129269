/** Hides jose: what a page of another origin joins a chat with, for it can send neither cookie nor header there. */
import { jwtVerify, SignJWT } from 'jose'
import { JOSEError } from 'jose/errors'
import { AppError } from '../errors.ts'

const LIFETIME_SECONDS = 30
const ISSUER = 'sluice'
const AUDIENCE = 'sluice-chat'
/** No other token of this server has this type. */
const TYPE = 'chat-ticket+jwt'

export class ChatTickets {
  readonly #key: Uint8Array
  readonly #now: () => number

  /** `key`: 32 bytes, the same on every instance. `now`: milliseconds since the epoch. */
  constructor(options: { key: Uint8Array; now?: () => number }) {
    this.#key = options.key
    this.#now = options.now ?? Date.now
  }

  /** Good for this account and this channel's chat, for 30 s. */
  async sign(
    account: { id: string; username: string },
    slug: string,
  ): Promise<{ ticket: string; expiresAt: Date }> {
    const issuedAt = Math.floor(this.#now() / 1000)
    const expiresAt = issuedAt + LIFETIME_SECONDS
    const ticket = await new SignJWT({ name: account.username, slug })
      .setProtectedHeader({ alg: 'HS256', typ: TYPE })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(account.id)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#key)
    return { ticket, expiresAt: new Date(expiresAt * 1000) }
  }

  /** Whose it is. Throws `AppError` UNAUTHENTICATED (`ticket_invalid`), also when it is for another channel. */
  async check(ticket: string, slug: string): Promise<{ id: string; username: string }> {
    try {
      const { payload } = await jwtVerify(ticket, this.#key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(this.#now()),
        requiredClaims: ['sub', 'exp', 'name', 'slug'],
      })
      const { sub, name, slug: room } = payload
      if (typeof sub !== 'string' || typeof name !== 'string' || room !== slug) throw invalid()
      return { id: sub, username: name }
    } catch (error) {
      if (error instanceof JOSEError) throw invalid()
      throw error
    }
  }
}

function invalid(): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    'ticket_invalid',
    'This ticket is wrong, or older than 30 s. Ask for another.',
  )
}
