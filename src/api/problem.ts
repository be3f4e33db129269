/** How errors outside tRPC reach a client: problem details, RFC 9457. */
import { ProtocolError } from '../../media/protocol-error.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'

/** `reason` is the stable word for programs; `type` stays about:blank, so `title` is the status's name (4.2.1). */
export function problem(
  status: number,
  reason: string,
  detail: string,
  options: { retryAfterSeconds?: number | undefined } = {},
): Response {
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, detail, reason }
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  if (options.retryAfterSeconds !== undefined) headers.set('retry-after', String(options.retryAfterSeconds))
  return new Response(JSON.stringify(body), { status, headers })
}

/** The answer for whatever a handler threw; a bug is logged and its words stay here. */
export function problemOf(error: unknown, request: Request, log: Log): Response {
  if (error instanceof AppError)
    return problem(error.status, error.reason, error.message, { retryAfterSeconds: error.retryAfterSeconds })
  if (error instanceof ProtocolError) return problem(400, 'malformed', error.message)
  log.error({ err: error, method: request.method, path: new URL(request.url).pathname }, 'a request failed')
  return problem(500, 'internal', 'Something went wrong on the server.')
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
