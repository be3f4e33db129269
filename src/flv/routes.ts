/** What is asked of HTTP-FLV: a response that lasts as long as the stream. */
import { AppError } from '../errors.ts'
import { type Admission, tokensOf } from '../live/admission.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import type { AnswerMedia, MediaRequest } from '../media-request.ts'
import { FOR_PLAYERS } from '../media-response.ts'
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

const HEADERS = {
  ...FOR_PLAYERS,
  'content-type': 'video/x-flv',
  'cache-control': 'no-store',
  // A proxy must hand on each frame as it comes.
  'x-accel-buffering': 'no',
}

/**
 * `/flv/:slug.flv`; `?gop=0` starts with the next key picture instead of the last one. Rejects with `AppError`s.
 */
export function flvRoute(options: FlvRouteOptions): AnswerMedia {
  return async asked => {
    const { request, path } = asked
    const slug = FILE.exec(path)?.[1]
    const stream = slug === undefined ? undefined : options.find(slug)
    if (!stream) throw notLive()
    const { channelId } = stream.identity
    const tokens = tokensOf(request)
    if (!options.admission.isOpen(channelId)) await options.admission.admit(channelId, tokens)
    if (request.method === 'HEAD') return new Response(null, { headers: HEADERS })
    return serve(stream, tokens, asked, options)
  }
}

async function serve(
  stream: FlvStream,
  tokens: readonly string[],
  { request, connection, query }: MediaRequest,
  { startMs, admission }: FlvRouteOptions,
): Promise<Response> {
  const viewer = new HttpViewer({
    stream,
    skipsCache: query.get('gop') === '0',
    viewerKey: viewerKeyOf(request),
    onEnd: isGivenUp => connection?.timeout(request, isGivenUp ? CUT_SECONDS : REST_SECONDS),
    onClosed: () => leave(),
  })
  const leave = admission.stay(stream.identity.channelId, tokens, () => viewer.refuse())
  request.signal.addEventListener('abort', () => viewer.close(), { once: true })
  if (!(await viewer.ready(startMs))) {
    viewer.close()
    throw notLive()
  }
  // While the publisher is away nothing is sent; whoever takes nothing is found by what is queued.
  connection?.timeout(request, 0)
  return new Response(viewer.body, { headers: HEADERS })
}

function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}
