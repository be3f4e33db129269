/** Whether somebody may watch a channel's stream, as whatever shows it asks at every request; and what a request says for itself. */
import { AppError } from '../errors.ts'
import { FOR_PLAYERS } from '../media-response.ts'

export interface Admission {
  /** Everybody may: a look-up, since players ask seventeen thousand times a second. */
  isOpen(channelId: string): boolean
  /**
   * Answers which of `tokens` lets in, or undefined when none is needed. Throws `AppError` UNAUTHENTICATED
   * (`playback_token_missing`), FORBIDDEN (`playback_token_invalid`).
   */
  admit(channelId: string, tokens: readonly string[]): Promise<string | undefined>
  /**
   * For somebody who was admitted and stays. `onRefused` is called once, when they may watch no longer. Answers how to
   * stop, which is idempotent.
   */
  stay(channelId: string, tokens: readonly string[], onRefused: (reason: AppError) => void): () => void
}

/** Where nothing is shown. */
export const NOBODY: Admission = {
  isOpen: () => false,
  admit: async () => {
    throw new AppError('FORBIDDEN', 'playback_token_invalid', 'Nothing can be watched here.')
  },
  stay: () => () => {},
}

/** A token is three parts in base64url, RFC 7515 7.1. */
const TOKEN = '[\\w-]{1,400}(?:[.][\\w-]{1,400}){2}'
const IN_PATH = new RegExp(`^[a-z]+://[^/]+/t/(${TOKEN})/`)
const IN_COOKIE = new RegExp(`(?:^|;) *sluice_playback=(${TOKEN}) *(?:;|$)`)

/** In its path (`/t/TOKEN/hls/…`), its query (`?token=`) and its cookie `sluice_playback`. Something malformed is a token too. */
export function tokensOf(request: Request): string[] {
  const { url } = request
  const inPath = IN_PATH.exec(url)?.[1]
  const inQuery = queryTokenOf(url)
  const inCookie = IN_COOKIE.exec(request.headers.get('cookie') ?? '')?.[1]
  return [inPath, inQuery, inCookie].filter(token => token !== undefined)
}

/**
 * Sends whoever asks for a playlist on to where its token, `admitted`, is in the path: relative addresses carry it on from
 * there, and not from the query. Undefined: they may have it here.
 */
export function sendOn(request: Request, admitted: string | undefined): Response | undefined {
  const { url } = request
  if (admitted === undefined || queryTokenOf(url) !== admitted || IN_PATH.exec(url)?.[1] === admitted)
    return undefined
  const { pathname, searchParams } = new URL(url)
  searchParams.delete('token')
  const query = searchParams.size > 0 ? `?${searchParams}` : ''
  const location = `/t/${admitted}${pathname.replace(/^\/t\/[^/]*/, '')}${query}`
  return new Response(null, {
    status: 307,
    headers: { ...FOR_PLAYERS, location, 'cache-control': 'no-store' },
  })
}

function queryTokenOf(url: string): string | undefined {
  const mark = url.indexOf('?')
  if (mark < 0) return undefined
  return new URLSearchParams(url.slice(mark + 1)).get('token') ?? undefined
}
