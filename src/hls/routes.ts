/** The HTTP routes of Low-Latency HLS; what is behind a path is looked up, never composed from it. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import { parseFile, serveFile, serveMultivariant, servePlaylist } from './delivery.ts'
import type { HlsStream } from './stream.ts'

export interface HlsStreams {
  /** The newest stream of a channel. */
  findChannel(slug: string): HlsStream | undefined
  findStream(id: string): HlsStream | undefined
}

const SLUG = /^[a-z0-9_-]{1,64}$/
const STREAM_ID = /^[\w-]{1,64}$/
const RENDITION = /^[a-z0-9_-]{1,32}$/

/** Anyone's player may read the media and what it needs of the headers; credentials are never used. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Age, Content-Length, Content-Range, Date, Retry-After',
}
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
}

/** What Bun offers a handler to outlive the idle timeout with. */
interface Connection {
  timeout(request: Request, seconds: number): void
}

interface Context {
  readonly request: Request
  readonly server: Connection | null
  readonly query: Record<string, unknown>
  readonly set: { headers: Record<string, string | number> }
}

/** `/hls/:slug/index.m3u8` and everything that it leads to. GET and HEAD. */
export function hlsRoutes(streams: HlsStreams) {
  return new Elysia({ name: 'hls' })
    .options('/hls/*', () => new Response(null, { status: 204, headers: PREFLIGHT }))
    .get('/hls/:slug/index.m3u8', context =>
      answer(context, () => {
        const { slug } = context.params
        const stream = SLUG.test(slug) ? streams.findChannel(slug) : undefined
        if (!stream) throw notLive()
        return serveMultivariant(stream, holdable(context))
      }),
    )
    .get('/hls/:slug/:streamId/:rendition/:file', context =>
      answer(context, () => {
        const { params, query } = context
        const { stream, rendition } = findRendition(streams, params)
        const held = holdable(context)
        return params.file === 'playlist.m3u8'
          ? servePlaylist(stream, rendition, query, held)
          : serveFile(rendition, parseFile(params.file), held)
      }),
    )
}

function findRendition(
  streams: HlsStreams,
  { slug, streamId, rendition: name }: { slug: string; streamId: string; rendition: string },
) {
  const isValid = SLUG.test(slug) && STREAM_ID.test(streamId) && RENDITION.test(name)
  const stream = isValid ? streams.findStream(streamId) : undefined
  if (stream?.identity.slug !== slug) throw notLive()
  const rendition = stream.renditions.find(each => each.name === name)
  if (!rendition) throw new AppError('NOT_FOUND', 'hls_file_not_found', 'There is no such rendition.')
  return { stream, rendition }
}

/** Errors are answered elsewhere: they carry CORS too, or a page's player could not see which one it is. */
async function answer(context: Context, serve: () => Promise<Response>): Promise<Response> {
  Object.assign(context.set.headers, CORS)
  try {
    return await serve()
  } catch (error) {
    context.set.headers['cache-control'] = 'no-store'
    throw error
  }
}

function holdable({ request, server }: Context) {
  return { request, keepOpen: (seconds: number) => server?.timeout(request, Math.ceil(seconds)) }
}

function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}
