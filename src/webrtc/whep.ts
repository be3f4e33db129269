/**
 * WHEP over HTTP (draft-ietf-wish-whep, with RFC 9725 for what the two share): any client by its own offer, and
 * Sluice's player by ours. All errors are `AppError`s.
 */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import { type Admission, tokensOf } from '../live/admission.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import type { Announced, Session } from './session.ts'
import type { Webrtc } from './webrtc.ts'
import type { WebrtcOutput } from './webrtc-output.ts'

export interface WhepOptions {
  readonly webrtc: Pick<Webrtc, 'get' | 'getSession'>
  readonly admission: Admission
  /** Where this request's viewer reaches the WebRTC ports. */
  readonly announced: (request: Request) => Promise<Announced>
  /** Counts a new session; throws `AppError` LIMIT. */
  readonly limit: (request: Request) => void
}

const MAX_SDP_BYTES = 64 * 1024
export const SDP = 'application/sdp'
export const FRAGMENT = 'application/trickle-ice-sdpfrag'
const JSON_TYPE = 'application/json'
const SLUG = /^[a-z0-9_-]{1,64}$/

/** Any page may play: no cookie is involved, so every origin is allowed (without credentials). */
export const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, GET, HEAD, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
  'access-control-expose-headers': 'Location, ETag, Link, Retry-After, Accept-Patch',
  'access-control-max-age': '86400',
}

/** The routes; an error leaves with the CORS headers too, so that a page on another site can read it. */
export function whepRoutes(options: WhepOptions) {
  const endpoint = '/whep/:slug'
  const session = '/whep/:slug/:session'
  const layer = '/whep/:slug/:session/layer'
  return new Elysia({ name: 'whep' })
    .onRequest(({ request, set }) => {
      if (new URL(request.url).pathname.startsWith('/whep/')) Object.assign(set.headers, CORS)
    })
    .options(endpoint, () => reply(204, { 'accept-post': SDP }))
    .options(session, () => reply(204, { 'accept-patch': `${SDP}, ${FRAGMENT}` }))
    .get(endpoint, async ({ params, request }) => {
      await admit(options, options.webrtc.get(slugOf(params)), request)
      return reply(200, { 'content-type': SDP })
    })
    .post(endpoint, ({ params, request }) => start(options, slugOf(params), request), { parse: 'none' })
    .get(session, async ({ params, request }) => {
      const { etag } = await find(options, params, request)
      return reply(204, { etag })
    })
    .patch(session, async ({ params, request }) => change(await find(options, params, request), request), {
      parse: 'none',
    })
    .delete(session, async ({ params, request }) => {
      ;(await find(options, params, request)).close()
      return reply(200)
    })
    .options(layer, () => reply(204, { 'accept-post': JSON_TYPE }))
    .get(layer, async ({ params, request }) => replyLayers(await find(options, params, request)))
    .post(layer, async ({ params, request }) => pinLayer(await find(options, params, request), request), {
      parse: 'none',
    })
}

/** `POST`: with an offer, 201 and the answer; without a body, 201 and our offer, to be answered by `PATCH`. */
async function start(options: WhepOptions, slug: string, request: Request): Promise<Response> {
  const { webrtc, announced, limit, admission } = options
  limit(request)
  const offer = await readSdp(request)
  const output = webrtc.get(slug)
  const admitted = await admit(options, output, request)
  const query = new URL(request.url).searchParams
  const kinds = query.get('media') === 'video' ? (['video'] as const) : undefined
  const key = viewerKeyOf(request)
  const { session, sdp } = await output.openSession(offer, await announced(request), kinds, key)
  session.token = admitted
  const leave = admission.stay(output.identity.channelId, tokensIn(request), () => session.close())
  session.closed.then(leave)
  // A client that knows nothing of tokens sends its further requests to where it is told.
  const carried = admitted === undefined ? '' : `?token=${admitted}`
  return reply(
    201,
    {
      'content-type': SDP,
      location: `/whep/${slug}/${session.id}${carried}`,
      link: `</whep/${slug}/${session.id}/layer${carried}>; rel="urn:ietf:params:whep:ext:core:layer"`,
      etag: session.etag,
      'accept-patch': offer === undefined ? SDP : FRAGMENT,
      'cache-control': 'no-store',
    },
    sdp,
  )
}

/** Answers which token lets in; undefined: none is needed. */
async function admit(
  { admission }: WhepOptions,
  { identity: { channelId } }: Pick<WebrtcOutput, 'identity'>,
  request: Request,
): Promise<string | undefined> {
  return admission.isOpen(channelId) ? undefined : admission.admit(channelId, tokensIn(request))
}

/** As on every route, or as the draft has it (4.6): `Authorization: Bearer`. */
function tokensIn(request: Request): string[] {
  const bearer = /^Bearer +([^ ]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  return [...tokensOf(request), ...(bearer === undefined ? [] : [bearer])]
}

async function readSdp(request: Request): Promise<string | undefined> {
  const type = contentType(request)
  const body = await readBody(request)
  if (body === '') return undefined
  if (type !== SDP) throw new AppError('INVALID', 'content_type_invalid', `Send the offer as ${SDP}.`)
  return body
}

/** What there is to choose, what is playing, and what was chosen. */
function replyLayers(session: Session): Response {
  const headers = { 'content-type': JSON_TYPE, 'cache-control': 'no-store' }
  return reply(200, headers, JSON.stringify(session.layers))
}

/** `{ encodingId }`: a layer's name, or null for the best that fits; in the spirit of WHEP's layer extension. */
async function pinLayer(session: Session, request: Request): Promise<Response> {
  session.pinLayer(readEncodingId(await readBody(request)))
  return replyLayers(session)
}

function readEncodingId(body: string): string | null {
  try {
    const { encodingId } = JSON.parse(body)
    if (encodingId === null || typeof encodingId === 'string') return encodingId
  } catch {
    // Told below.
  }
  throw new AppError('INVALID', 'layer_unknown', 'Send JSON: { "encodingId": "480p" }, or null for the best.')
}

/** `PATCH`: an answer to our offer, trickled candidates, or an ICE restart (RFC 9725 4.3). */
async function change(session: Session, request: Request): Promise<Response> {
  const type = contentType(request)
  const body = await readBody(request)
  if (type === SDP) {
    await session.accept(body)
    return reply(204)
  }
  if (type !== FRAGMENT)
    return problem(415, 'content_type_invalid', `Send ${SDP} (an answer) or ${FRAGMENT} (candidates).`)
  return changeIce(session, request, body)
}

/** A `PATCH` with a fragment: candidates, or an ICE restart (RFC 9725 4.3). */
export async function changeIce(
  session: Pick<Session, 'etag' | 'isRestartedBy' | 'restartIce'>,
  request: Request,
  body: string,
): Promise<Response> {
  const match = request.headers.get('if-match')
  if (match === null) return problem(428, 'if_match_missing', 'Send If-Match with the session’s ETag.')
  if (match !== session.etag && match !== '*' && match !== '"*"')
    return problem(412, 'etag_stale', 'The session has been restarted since this ETag.')
  if (!isFragment(body)) return problem(400, 'fragment_invalid', 'The body is not an SDP fragment.')
  // RFC 9725 4.3.3. Some clients send `If-Match: *` with plain candidates too, under the credentials in use.
  const iceUfrag = match === session.etag ? undefined : /^a=ice-ufrag:(\S+)/m.exec(body)?.[1]
  const isRestart = iceUfrag !== undefined && /^a=ice-pwd:\S/m.test(body) && session.isRestartedBy(iceUfrag)
  // We are ICE-lite: the client finds us by our candidates, so its own need no keeping (RFC 8445 2.5).
  if (!isRestart) return reply(204)
  const fragment = await session.restartIce(iceUfrag)
  return reply(200, { 'content-type': FRAGMENT, etag: session.etag }, fragment)
}

/** RFC 8840 9: attribute and media lines only. */
function isFragment(body: string): boolean {
  const lines = body.split(/\r?\n/).filter(line => line !== '')
  return lines.length > 0 && lines.every(line => /^[am]=./.test(line))
}

/** The token that the session was opened with is good for as long as the session is, though it may have expired. */
async function find(
  options: WhepOptions,
  params: { slug: string; session: string },
  request: Request,
): Promise<Session> {
  const slug = slugOf(params)
  const session = options.webrtc.getSession(slug, params.session)
  const isItsOwn = session.token !== undefined && tokensIn(request).includes(session.token)
  if (!isItsOwn) await admit(options, options.webrtc.get(slug), request)
  return session
}

export function slugOf({ slug }: { slug: string }): string {
  if (!SLUG.test(slug)) throw new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
  return slug
}

export function contentType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
}

export async function readBody(request: Request): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  const body = declared > MAX_SDP_BYTES ? undefined : await request.text()
  if (body === undefined || body.length > MAX_SDP_BYTES)
    throw new AppError('INVALID', 'body_too_long', `The body is longer than ${MAX_SDP_BYTES} bytes.`)
  return body
}

export function reply(
  status: number,
  headers: Record<string, string> = {},
  body: string | null = null,
): Response {
  return new Response(body, { status, headers: { ...CORS, ...headers } })
}

/** RFC 9457, for the statuses that only this protocol uses. */
export function problem(status: number, reason: string, detail: string): Response {
  const body = JSON.stringify({ type: 'about:blank', status, detail, reason })
  return reply(status, { 'content-type': 'application/problem+json' }, body)
}
