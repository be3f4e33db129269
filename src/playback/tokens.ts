/** Hides jose: what players show to get at media that is not for everybody, and what share links carry. */
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { JOSEError } from 'jose/errors'

/** What is watched: all live media of a channel, or one VOD. */
export type Audience = `channel:${string}` | `vod:${string}`
/** Whom a token was given to: an account, who came by a share link, or anybody. */
export type Grantee = `account:${string}` | `share:${string}` | 'anybody'

export interface Grant {
  readonly audience: Audience
  readonly grantee: Grantee
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The signed form of a grant. */
export interface Pass {
  readonly token: string
  readonly expiresAt: Date
}

const LIFETIME_MS = 4 * 60 * 60_000
/**
 * Tokens for one grantee end together, so that they are the same for all who ask within this time: there are fewer to
 * check, and a cache that has them in its keys keeps less.
 */
const ROUNDING_MS = 5 * 60_000
const ISSUER = 'sluice'
/** No other token of this server has these types. */
const TYPE = 'playback+jwt'
const SHARE_TYPE = 'playback-share+jwt'
const MAX_TOKEN_CHARS = 1_024
const MAX_KNOWN = 10_000
const AUDIENCE = /^(?:channel|vod):[0-9a-f-]{36}$/
const GRANTEE = /^(?:account|share):[0-9a-f-]{36}$/

export class PlaybackTokens {
  readonly #key: Uint8Array
  readonly #now: () => number
  /** Those whose signatures were checked, in the order of that: a player shows its own several times a second. */
  readonly #known = new Map<string, Grant>()

  /** `key`: 32 bytes, the same on every instance. `now`: milliseconds since the epoch. */
  constructor(options: { key: Uint8Array; now?: () => number }) {
    this.#key = options.key
    this.#now = options.now ?? Date.now
  }

  /** For four hours, or until `notAfter`, milliseconds since the epoch. */
  async sign(audience: Audience, grantee: Grantee, notAfter = Number.POSITIVE_INFINITY): Promise<Pass> {
    const latest = Math.ceil((this.#now() + LIFETIME_MS) / ROUNDING_MS) * ROUNDING_MS
    const expiresAt = Math.min(latest, notAfter)
    const jwt = new SignJWT().setProtectedHeader({ alg: 'HS256', typ: TYPE }).setAudience(audience)
    if (grantee !== 'anybody') jwt.setSubject(grantee)
    return this.#finish(jwt, expiresAt)
  }

  /** What a token lets watch; undefined: it is wrong or has expired. */
  async read(token: string): Promise<Grant | undefined> {
    const known = this.#known.get(token)
    if (known && known.expiresAt > this.#now()) return known
    const payload = await this.#verify(token, TYPE)
    const { sub = 'anybody', aud, exp } = payload ?? {}
    if (exp === undefined || !isAudience(aud) || !isGrantee(sub)) return undefined
    const grant: Grant = { audience: aud, grantee: sub, expiresAt: exp * 1_000 }
    this.#known.delete(token)
    this.#known.set(token, grant)
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!)
    return grant
  }

  /** The token of a share link. It is always the same for the same share, so that its owner can copy it again. */
  async signShare(share: { id: string; audience: Audience; expiresAt: Date }): Promise<string> {
    const jwt = new SignJWT()
      .setProtectedHeader({ alg: 'HS256', typ: SHARE_TYPE })
      // Not the audience itself: who checks tokens by that, as a cache may, must not take this for one of media.
      .setAudience(`share:${share.audience}`)
      .setJti(share.id)
    return (await this.#finish(jwt, share.expiresAt.getTime())).token
  }

  /** The share whose link carried `token`; undefined: it is wrong, has expired, or is of something else. */
  async readShare(token: string, audience: Audience): Promise<Grantee | undefined> {
    const payload = await this.#verify(token, SHARE_TYPE)
    const grantee = `share:${payload?.jti}`
    return payload?.aud === `share:${audience}` && isGrantee(grantee) ? grantee : undefined
  }

  async #finish(jwt: SignJWT, expiresAt: number): Promise<Pass> {
    const seconds = Math.floor(expiresAt / 1_000)
    const token = await jwt.setIssuer(ISSUER).setExpirationTime(seconds).sign(this.#key)
    return { token, expiresAt: new Date(seconds * 1_000) }
  }

  async #verify(token: string, type: string): Promise<JWTPayload | undefined> {
    if (token.length > MAX_TOKEN_CHARS) return undefined
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        typ: type,
        currentDate: new Date(this.#now()),
        requiredClaims: ['aud', 'exp'],
      })
      return payload
    } catch (error) {
      if (error instanceof JOSEError) return undefined
      throw error
    }
  }
}

function isAudience(value: unknown): value is Audience {
  return typeof value === 'string' && AUDIENCE.test(value)
}

function isGrantee(value: string): value is Grantee {
  return value === 'anybody' || GRANTEE.test(value)
}
