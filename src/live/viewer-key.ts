/** What tells one person's browser from another's, so that nobody is counted twice: a cookie with a random number. */
import { randomBytes } from 'node:crypto'

const NAME = 'sluice_viewer'
const COOKIE = new RegExp(`(?:^|;) *${NAME}=([\\w-]{22}) *(?:;|$)`)
const YEAR_SECONDS = 365 * 24 * 60 * 60

/** The browser's key; undefined for a client without one, which then counts by its session. */
export function viewerKeyOf(request: Request): string | undefined {
  const cookies = request.headers.get('cookie')
  return cookies === null ? undefined : COOKIE.exec(cookies)?.[1]
}

/** `Set-Cookie` with a new key of 128 bits, for a browser that has none. No script needs it, and no other site sends it. */
export function newViewerCookie(isSecure: boolean): string {
  const attributes = `Path=/; Max-Age=${YEAR_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  return `${NAME}=${randomBytes(16).toString('base64url')}; ${attributes}`
}
