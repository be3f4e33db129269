/** The HTTP routes of Low-Latency HLS; what is behind a path is looked up, never composed from it. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import { FOR_PLAYERS, PREFLIGHT } from '../media-response.ts'
import { type HeldRequest, parseFile, serveFile, serveMultivariant, servePlaylist } from './delivery.ts'
import { type Connection, serveAdmitted } from './serve-admitted.ts'
import type { HlsStream } from './stream.ts'

export interface HlsStreams {
  /** The newest stream of a channel. */
  findChannel(slug: string): HlsStream | undefined
  findStream(id: string): HlsStream | undefined
}

/** `SLUG/index.m3u8`, and the same of the sounds alone. */
const MULTIVARIANT = /^([a-z0-9_-]{1,64})\/(index|audio)\.m3u8$/
/** `SLUG/STREAM/RENDITION/FILE` */
const MEDIA = /^([a-z0-9_-]{1,64})\/([\w-]{1,64})\/([a-z0-9_-]{1,32})\/([\w.-]{1,64})$/
const PREFIX = '/hls/'

interface Context {
  readonly request: Request
  readonly server: Connection | null
  readonly set: { readonly headers: Record<string, unknown> }
}

/**
 * `/hls/:slug/index.m3u8`, `/hls/:slug/audio.m3u8` and everything that they lead to, which a token may stand before
 * (`/t/:token/hls/…`). GET and HEAD. A thousand players ask for seventeen thousand files a second: so there is one
 * route, that takes of Elysia's context only what it needs.
 */
export function hlsRoutes(streams: HlsStreams, admission: Admission) {
  const preflight = () => new Response(null, { status: 204, headers: PREFLIGHT })
  const get = async ({ request, server, set }: Context) => {
    try {
      return await answer(streams, admission, request, server)
    } catch (error) {
      // Rendered elsewhere; without FOR_PLAYERS a page's player could not see which one it is.
      Object.assign(set.headers, FOR_PLAYERS, { 'cache-control': 'no-store' })
      throw error
    }
  }
  return new Elysia({ name: 'hls' })
    .options('/hls/*', preflight)
    .options('/t/:token/hls/*', preflight)
    .get('/hls/*', get)
    .get('/t/:token/hls/*', get)
}

function answer(
  streams: HlsStreams,
  admission: Admission,
  request: Request,
  server: Connection | null,
): Promise<Response> {
  const { path, query } = splitUrl(request.url)
  const multivariant = MULTIVARIANT.exec(path)
  if (multivariant) {
    const stream = streams.findChannel(multivariant[1]!)
    if (!stream) throw notLive()
    const serve = (held: HeldRequest) => serveMultivariant(stream, held, multivariant[2] === 'audio')
    return serveAdmitted({ admission, stream, request, server, isPlaylist: true, serve })
  }
  const [, slug, id = '', name = '', file = ''] = MEDIA.exec(path) ?? []
  const stream = streams.findStream(id)
  if (stream?.identity.slug !== slug || !stream) throw notLive()
  const isPlaylist = file === 'playlist.m3u8'
  const serve = (held: HeldRequest) => serveMedia(stream, { name, file, query }, held)
  return serveAdmitted({ admission, stream, request, server, isPlaylist, serve })
}

async function serveMedia(
  stream: HlsStream,
  asked: { name: string; file: string; query: Record<string, string> },
  held: HeldRequest,
): Promise<Response> {
  const rendition = stream.findRendition(asked.name)
  if (!rendition) throw new AppError('NOT_FOUND', 'hls_file_not_found', 'There is no such rendition.')
  return asked.file === 'playlist.m3u8'
    ? servePlaylist(stream, rendition, asked.query, held)
    : serveFile(rendition, parseFile(asked.file), held)
}

/** What stands behind `/hls/`, as it was sent: nothing that is percent-encoded is looked up. */
function splitUrl(url: string): { path: string; query: Record<string, string> } {
  const start = url.indexOf(PREFIX, url.indexOf('//') + 2) + PREFIX.length
  const mark = url.indexOf('?', start)
  if (mark === -1) return { path: url.slice(start), query: {} }
  return { path: url.slice(start, mark), query: Object.fromEntries(new URLSearchParams(url.slice(mark + 1))) }
}

function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}
