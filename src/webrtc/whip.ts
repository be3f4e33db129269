/** WHIP over HTTP (RFC 9725): encoders publish by their own offer, with the stream key as bearer token. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import type { Announced } from './session.ts'
import { CORS, changeIce, contentType, FRAGMENT, problem, readBody, reply, SDP, slugOf } from './whep.ts'
import { parseWhipOffer } from './whip-offer.ts'
import { WhipSession } from './whip-session.ts'
import type { WorkerPool } from './worker-pool.ts'

export interface WhipOptions {
  readonly live: Pick<Live, 'publish'>
  readonly pool: Pick<WorkerPool, 'acquire'>
  /** Where this request's publisher reaches the WebRTC ports. */
  readonly announced: (request: Request) => Promise<Announced>
  /** Counts a request that starts or changes a session; throws `AppError` LIMIT. */
  readonly limit: (request: Request) => void
  readonly log: Log
  /** How long a session may be without media; default 10 s. */
  readonly idleMs?: number
}

const MAX_SOFTWARE_CHARACTERS = 200

/** The running sessions by id, and with each the channel it belongs to. */
type Sessions = Map<string, { readonly slug: string; readonly session: WhipSession }>

/** The routes; a page on any site may publish, as the key is in no cookie. */
export function whipRoutes(options: WhipOptions) {
  const endpoint = '/whip/:slug'
  const resource = '/whip/:slug/:session'
  const sessions: Sessions = new Map()
  const counted = (request: Request) => options.limit(request)
  return (
    new Elysia({ name: 'whip' })
      .onRequest(({ request, set }) => {
        if (new URL(request.url).pathname.startsWith('/whip/')) Object.assign(set.headers, CORS)
      })
      // RFC 9725 4.2: 200, unlike most preflights.
      .options(endpoint, () => reply(200, { 'accept-post': SDP }))
      .options(resource, () => reply(200, { 'accept-patch': FRAGMENT }))
      // RFC 9725 4.1: a 2xx with no content, as there is nothing to show.
      .get(endpoint, ({ params }) => {
        slugOf(params)
        return reply(204, { 'accept-post': SDP })
      })
      .post(
        endpoint,
        ({ params, request }) => start(options, sessions, slugOf(params), request).catch(refusal),
        { parse: 'none' },
      )
      .get(resource, ({ params }) => reply(204, { etag: find(sessions, params).etag }))
      .patch(
        resource,
        ({ params, request }) => {
          counted(request)
          return change(find(sessions, params), request)
        },
        { parse: 'none' },
      )
      // RFC 9725 4.3.1: whatever its If-Match says.
      .delete(resource, ({ params }) => {
        find(sessions, params).close()
        return reply(200)
      })
  )
}

async function start(
  options: WhipOptions,
  sessions: Sessions,
  slug: string,
  request: Request,
): Promise<Response> {
  const { live, pool, log, idleMs } = options
  options.limit(request)
  const streamKey = bearerToken(request)
  if (contentType(request) !== SDP) return problem(415, 'content_type_invalid', `Send the offer as ${SDP}.`)
  const offer = parseWhipOffer(await readBody(request))
  const { session, sdp } = await WhipSession.open({
    request: { slug, streamKey, isBackup: new URL(request.url).searchParams.get('backup') === '1' },
    offer,
    announced: await options.announced(request),
    software: (request.headers.get('user-agent') ?? 'unknown').slice(0, MAX_SOFTWARE_CHARACTERS),
    live,
    pool,
    log,
    idleMs,
  })
  sessions.set(session.id, { slug, session })
  void session.closed.then(() => sessions.delete(session.id))
  const headers = {
    'content-type': SDP,
    location: `/whip/${slug}/${session.id}`,
    etag: session.etag,
    'accept-patch': FRAGMENT,
    'cache-control': 'no-store',
  }
  return reply(201, headers, sdp)
}

/** RFC 6750 2.1. */
function bearerToken(request: Request): string {
  const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (token !== undefined) return token
  throw new AppError('UNAUTHENTICATED', 'stream_key_missing', 'Send the stream key as bearer token.')
}

/** The statuses that RFC 9725 and RFC 6750 3.1 give what elsewhere has another. */
function refusal(error: unknown): Response {
  if (!(error instanceof AppError)) throw error
  const { reason, message } = error
  if (reason === 'offer_unsupported') return problem(422, reason, message)
  if (reason !== 'stream_key_missing' && reason !== 'stream_key_invalid') throw error
  const response = problem(401, reason, message)
  const challenge = reason === 'stream_key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  response.headers.set('www-authenticate', challenge)
  return response
}

/** Candidates, or an ICE restart (RFC 9725 4.3). */
async function change(session: WhipSession, request: Request): Promise<Response> {
  if (contentType(request) !== FRAGMENT)
    return problem(415, 'content_type_invalid', `Send ${FRAGMENT} (candidates).`)
  return changeIce(session, request, await readBody(request))
}

function find(sessions: Sessions, params: { slug: string; session: string }): WhipSession {
  const found = sessions.get(params.session)
  if (found?.slug === slugOf(params) && !found.session.isClosed) return found.session
  throw new AppError('NOT_FOUND', 'session_not_found', 'This session is over. Start a new one.')
}
