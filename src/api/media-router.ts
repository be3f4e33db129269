/**
 * Finds who answers a request for media. A thousand players ask for seventeen thousand files a second, and of what a
 * small one costs the router of everything else was a fifth.
 */

import type { AnswerMedia, Connection, MediaRoutes } from '../media-request.ts'
import { FOR_PLAYERS, PREFLIGHT } from '../media-response.ts'

const NO_QUERY = new URLSearchParams()
const TOKEN = '/t/'

export class MediaRouter {
  readonly #routes: ReadonlyMap<string, AnswerMedia>
  readonly #renderError: (error: unknown, request: Request) => Response

  constructor(routes: MediaRoutes, renderError: (error: unknown, request: Request) => Response) {
    this.#routes = new Map(Object.entries(routes))
    this.#renderError = renderError
  }

  /** Undefined: it is not for media. */
  answer(request: Request, connection: Connection | null): Response | Promise<Response> | undefined {
    const { url, method } = request
    let start = url.indexOf('/', url.indexOf('//') + 2)
    if (url.startsWith(TOKEN, start)) start = url.indexOf('/', start + TOKEN.length)
    const end = start < 0 ? start : url.indexOf('/', start + 1)
    const route = end < 0 ? undefined : this.#routes.get(url.slice(start + 1, end))
    if (!route) return undefined
    if (method !== 'GET' && method !== 'HEAD') return answerOther(method)
    const mark = url.indexOf('?', end)
    const path = mark < 0 ? url.slice(end + 1) : url.slice(end + 1, mark)
    const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1))
    try {
      const answered = route({ request, connection, path, query })
      if (answered instanceof Response) return answered
      return answered.catch(error => this.#answerError(error, request))
    } catch (error) {
      return this.#answerError(error, request)
    }
  }

  /** Without FOR_PLAYERS a page's player could not see which error it is. */
  #answerError(error: unknown, request: Request): Response {
    const response = this.#renderError(error, request)
    for (const [name, value] of Object.entries(FOR_PLAYERS)) response.headers.set(name, value)
    response.headers.set('cache-control', 'no-store')
    return response
  }
}

function answerOther(method: string): Response {
  return method === 'OPTIONS'
    ? new Response(null, { status: 204, headers: PREFLIGHT })
    : new Response(null, { status: 405, headers: { ...FOR_PLAYERS, allow: 'GET, HEAD, OPTIONS' } })
}
