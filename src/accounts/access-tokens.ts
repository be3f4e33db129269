/** Hides jose: the short tokens of API clients, signed by this server and good for nothing else. */
import { jwtVerify, SignJWT } from 'jose'
import { JOSEError } from 'jose/errors'
import { AppError } from '../errors.ts'

const LIFETIME_MS = 15 * 60 * 1000
const ISSUER = 'sluice'
const AUDIENCE = 'sluice-api'
/** RFC 9068 2.1; no other token of this server has this type. */
const TYPE = 'at+jwt'
const MAX_TOKEN_CHARS = 2_048

export interface AccessClaims {
  readonly accountId: string
  /** The refresh tokens it came with; when they are revoked, so is this. */
  readonly familyId: string
}

export class AccessTokens {
  readonly #key: Uint8Array
  readonly #now: () => number

  constructor(options: { key: Uint8Array; now: () => number }) {
    this.#key = options.key
    this.#now = options.now
  }

  async sign(claims: AccessClaims): Promise<{ token: string; expiresAt: Date }> {
    const issuedAt = Math.floor(this.#now() / 1000)
    const expiresAt = issuedAt + LIFETIME_MS / 1000
    const token = await new SignJWT({ fam: claims.familyId })
      .setProtectedHeader({ alg: 'HS256', typ: TYPE })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(claims.accountId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#key)
    return { token, expiresAt: new Date(expiresAt * 1000) }
  }

  /** Throws `AppError` UNAUTHENTICATED (`access_token_invalid`). */
  async verify(token: string): Promise<AccessClaims> {
    if (token.length > MAX_TOKEN_CHARS) throw invalidToken()
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(this.#now()),
        requiredClaims: ['sub', 'exp', 'fam'],
      })
      if (typeof payload.sub !== 'string' || typeof payload['fam'] !== 'string') throw invalidToken()
      return { accountId: payload.sub, familyId: payload['fam'] }
    } catch (error) {
      if (error instanceof JOSEError) throw invalidToken()
      throw error
    }
  }
}

/** Also for a token whose family was revoked. */
export function invalidToken(): AppError {
  return new AppError('UNAUTHENTICATED', 'access_token_invalid', 'The access token is wrong or has expired.')
}
