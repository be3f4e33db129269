/** Mounts the tRPC router on Elysia through tRPC's own fetch adapter. */
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import type { ViewerDelays } from '../live/viewer-delays.ts'
import type { Log } from '../log.ts'
import { problem } from './problem.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { RequestFacts } from './request-facts.ts'
import { appRouter } from './router.ts'
import { createContext, type Limits, type Services } from './trpc.ts'

const MAX_BATCH = 20

export interface TrpcPluginOptions extends Services {
  readonly facts: (request: Request) => RequestFacts
  readonly viewerDelays: ViewerDelays
  readonly rtmpPort: number
  readonly rtmpsPort?: number | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly log: Log
}

/**
 * A frontend on another origin signs in by bearer token: without Access-Control-Allow-Credentials no browser sends the
 * session cookie along or lets a page read an answer to it (Fetch, section 3.2).
 */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type, Last-Event-ID',
  'access-control-expose-headers': 'Retry-After',
  'access-control-max-age': '86400',
}

/** `/trpc/*`. Bodies are left to tRPC; only JSON is taken, which no form of another site can send. */
export function trpcPlugin(options: TrpcPluginOptions) {
  const { facts, log, limits: given, rtmpsPort, ...rest } = options
  const limits = { ...defaultLimits(), ...given }
  const handle = (request: Request): Response | Promise<Response> => {
    const type = request.headers.get('content-type')
    if (request.method === 'POST' && type !== null && !/^application\/json\s*(;|$)/i.test(type))
      return problem(415, 'content_type_unsupported', 'Send application/json.')
    return fetchRequestHandler({
      endpoint: '/trpc',
      router: appRouter,
      req: request,
      maxBatchSize: MAX_BATCH,
      createContext: ({ resHeaders }) =>
        createContext(request, facts(request), { ...rest, rtmpsPort, limits, responseHeaders: resHeaders }),
      responseMeta: ({ ctx, paths, errors }) => {
        const isKept = errors.length === 0 && paths?.length === 1 && isCacheable(ctx?.responseHeaders)
        if (isKept) return {}
        ctx?.responseHeaders.delete('cache-control')
        return { headers: headersOf(errors) }
      },
      onError: ({ error, path }) => {
        if (error.code === 'INTERNAL_SERVER_ERROR')
          log.error({ err: error.cause ?? error, path }, 'a procedure failed')
      },
    })
  }
  const answer = async (request: Request) => {
    const response =
      request.method === 'OPTIONS' ? new Response(null, { status: 204 }) : await handle(request)
    for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value)
    return response
  }
  return new Elysia({ name: 'trpc' }).all('/trpc/*', ({ request }) => answer(request), {
    parse: 'none',
    detail: { hide: true },
  })
}

function defaultLimits(): Limits {
  return {
    signUp: new RateLimiter({ burst: 30, perMinute: 6 }),
    signIn: new RateLimiter({ burst: 60, perMinute: 30 }),
    password: new RateLimiter({ burst: 10, perMinute: 6 }),
    refresh: new RateLimiter({ burst: 60, perMinute: 30 }),
    change: new RateLimiter({ burst: 60, perMinute: 30 }),
    // Six a minute of each viewer: enough for an office behind one address.
    report: new RateLimiter({ burst: 200, perMinute: 1_200 }),
    // Of everybody in an office, a school or behind a mobile network's one address.
    send: new RateLimiter({ burst: 100, perMinute: 600 }),
    read: new RateLimiter({ burst: 300, perMinute: 1_200 }),
    react: new RateLimiter({ burst: 300, perMinute: 3_000 }),
    moderate: new RateLimiter({ burst: 60, perMinute: 240 }),
  }
}

/** A procedure said so, and it does not set a cookie. */
function isCacheable(headers: Headers | undefined): boolean {
  return headers?.has('cache-control') === true && !headers.has('set-cookie')
}

/** Nothing that concerns one person stays in a cache; who must wait is told how long. */
function headersOf(errors: readonly { cause?: unknown }[]): Headers {
  const headers = new Headers({ 'cache-control': 'no-store' })
  const waits = errors.map(({ cause }) => (cause instanceof AppError ? cause.retryAfterSeconds : undefined))
  const longest = Math.max(...waits.filter(wait => wait !== undefined))
  if (Number.isFinite(longest)) headers.set('retry-after', String(longest))
  return headers
}
