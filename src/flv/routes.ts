/** The HTTP route of HTTP-FLV: a response that lasts as long as the stream. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import { type Admission, tokensOf } from '../live/admission.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import type { FlvStream } from './flv-stream.ts'
import { HttpViewer } from './http-viewer.ts'

export interface FlvRouteOptions {
  /** The running stream of a channel. */
  readonly find: (slug: string) => FlvStream | undefined
  /** How long to wait for the first key picture of a stream that is starting. */
  readonly startMs: number
  readonly admission: Admission
}

const FILE = /^([a-z0-9_-]{1,64})[.]flv$/
/** How long a connection may rest when its body has ended, and what is left of one whose client takes nothing. */
const REST_SECONDS = 60
const CUT_SECONDS = 5

/** Anyone's player may read the media; credentials are never used. */
const CORS = { 'access-control-allow-origin': '*' }
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
}
const HEADERS = {
  ...CORS,
  'content-type': 'video/x-flv',
  'cache-control': 'no-store',
  // A proxy must hand on each frame as it comes.
  'x-accel-buffering': 'no',
}

interface Context {
  readonly request: Request
  readonly server: { timeout(request: Request, seconds: number): void } | null
  readonly params: { readonly file: string }
  readonly query: Record<string, unknown>
  readonly set: { readonly headers: Record<string, unknown> }
}

/**
 * `/flv/:slug.flv`, which a token may stand before (`/t/:token/flv/…`); GET and HEAD. `?gop=0` starts with the next key
 * picture instead of the last one.
 */
export function flvRoutes(options: FlvRouteOptions) {
  const preflight = () => new Response(null, { status: 204, headers: PREFLIGHT })
  const get = async (context: Context) => {
    const { request, params, set } = context
    // Errors are answered elsewhere: they carry CORS too, or a page's player could not see which one it is.
    Object.assign(set.headers, CORS, { 'cache-control': 'no-store' })
    const slug = FILE.exec(params.file)?.[1]
    const stream = slug === undefined ? undefined : options.find(slug)
    if (!stream) throw notLive()
    const { channelId } = stream.identity
    const tokens = tokensOf(request)
    if (!options.admission.isOpen(channelId)) await options.admission.admit(channelId, tokens)
    if (request.method === 'HEAD') return new Response(null, { headers: HEADERS })
    return serve(stream, tokens, context, options)
  }
  return new Elysia({ name: 'flv' })
    .options('/flv/*', preflight)
    .options('/t/:token/flv/*', preflight)
    .get('/flv/:file', get)
    .get('/t/:token/flv/:file', get)
}

async function serve(
  stream: FlvStream,
  tokens: readonly string[],
  { request, server, query }: Context,
  { startMs, admission }: FlvRouteOptions,
): Promise<Response> {
  const viewer = new HttpViewer({
    stream,
    skipsCache: query['gop'] === '0',
    viewerKey: viewerKeyOf(request),
    onEnd: isGivenUp => server?.timeout(request, isGivenUp ? CUT_SECONDS : REST_SECONDS),
    onClosed: () => leave(),
  })
  const leave = admission.stay(stream.identity.channelId, tokens, () => viewer.refuse())
  request.signal.addEventListener('abort', () => viewer.close(), { once: true })
  if (!(await viewer.ready(startMs))) {
    viewer.close()
    throw notLive()
  }
  // While the publisher is away nothing is sent; whoever takes nothing is found by what is queued.
  server?.timeout(request, 0)
  return new Response(viewer.body, { headers: HEADERS })
}

function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}
