/** Hides lucia: browsers' sessions, in a cookie that scripts cannot read and other sites cannot send. */
import { createHash, randomBytes } from 'node:crypto'
import { DrizzlePostgreSQLAdapter } from '@lucia-auth/adapter-drizzle'
import { eq } from 'drizzle-orm'
import { Lucia, TimeSpan } from 'lucia'
import type { Db } from '../db/database.ts'
import { accounts, sessions } from '../db/schema.ts'

/** A session nobody uses ends after this; use extends it once half of it has passed. */
const IDLE = new TimeSpan(14, 'd')
/** Then the person signs in again, however busy the session was. */
const ABSOLUTE_MS = 90 * 24 * 60 * 60 * 1000
const TOKEN_BYTES = 32
const MAX_COOKIE_HEADER_CHARS = 8_192

interface SessionAttributes {
  familyId: string
  createdAt: Date
}

declare module 'lucia' {
  interface Register {
    Lucia: Lucia<SessionAttributes>
    DatabaseSessionAttributes: SessionAttributes
    DatabaseUserAttributes: { username: string }
  }
}

export interface Session {
  readonly id: string
  readonly accountId: string
  readonly familyId: string
  /** The Set-Cookie header that extends it, when it was extended. */
  readonly renewedCookie: string | undefined
}

export class Sessions {
  readonly #db: Db
  readonly #plain: Lucia<SessionAttributes>
  readonly #secure: Lucia<SessionAttributes>

  constructor(db: Db) {
    this.#db = db
    const adapter = new DrizzlePostgreSQLAdapter(db, sessions, accounts)
    this.#plain = lucia(adapter, false)
    this.#secure = lucia(adapter, true)
  }

  /** Signs a browser in. Answers the Set-Cookie header; only a hash of its token is stored. */
  async start(accountId: string, familyId: string, isSecure: boolean): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const lucia = this.#for(isSecure)
    await lucia.createSession(accountId, { familyId, createdAt: new Date() }, { sessionId: idOf(token) })
    return lucia.createSessionCookie(token).serialize()
  }

  /** The session of a Cookie header, while it lasts. */
  async find(cookieHeader: string, isSecure: boolean): Promise<Session | undefined> {
    const token = this.#token(cookieHeader, isSecure)
    if (!token) return undefined
    const lucia = this.#for(isSecure)
    const { session } = await lucia.validateSession(idOf(token))
    if (!session) return undefined
    if (Date.now() - session.createdAt.getTime() >= ABSOLUTE_MS) {
      await lucia.invalidateSession(session.id)
      return undefined
    }
    const renewedCookie = session.fresh ? lucia.createSessionCookie(token).serialize() : undefined
    return { id: session.id, accountId: session.userId, familyId: session.familyId, renewedCookie }
  }

  /** Ends the sessions that were started at the same sign-in as these refresh tokens. */
  async endFamily(familyId: string): Promise<void> {
    await this.#db.delete(sessions).where(eq(sessions.familyId, familyId))
  }

  /** The Set-Cookie header that removes the cookie. */
  blankCookie(isSecure: boolean): string {
    return this.#for(isSecure).createBlankSessionCookie().serialize()
  }

  async deleteExpired(): Promise<void> {
    await this.#plain.deleteExpiredSessions()
  }

  #token(cookieHeader: string, isSecure: boolean): string | undefined {
    if (cookieHeader.length > MAX_COOKIE_HEADER_CHARS) return undefined
    return this.#for(isSecure).readSessionCookie(cookieHeader) ?? undefined
  }

  #for(isSecure: boolean): Lucia<SessionAttributes> {
    return isSecure ? this.#secure : this.#plain
  }
}

/** `__Host-` makes browsers insist on https, this very host and no parent domain (RFC 6265bis 4.1.3.2). */
function lucia(adapter: DrizzlePostgreSQLAdapter, isSecure: boolean): Lucia<SessionAttributes> {
  return new Lucia(adapter, {
    sessionExpiresIn: IDLE,
    sessionCookie: {
      name: isSecure ? '__Host-sluice_session' : 'sluice_session',
      attributes: { secure: isSecure, sameSite: 'lax', path: '/' },
    },
    getSessionAttributes: ({ familyId, createdAt }) => ({ familyId, createdAt }),
  })
}

function idOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
