/** What is asked of Low-Latency HLS over HTTP; what is behind a path is looked up, never composed from it. */
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import type { AnswerMedia, MediaRequest } from '../media-request.ts'
import {
  type HeldRequest,
  notLive,
  parseFile,
  serveFile,
  serveMultivariant,
  servePlaylist,
} from './delivery.ts'
import { serveAdmitted } from './serve-admitted.ts'
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

/**
 * `/hls/:slug/index.m3u8`, `/hls/:slug/audio.m3u8` and everything that they lead to. Rejects with `AppError`s.
 */
export function hlsRoute(streams: HlsStreams, admission: Admission): AnswerMedia {
  return async ({ path, query, ...from }: MediaRequest) => {
    const multivariant = MULTIVARIANT.exec(path)
    if (multivariant) {
      const stream = streams.findChannel(multivariant[1]!)
      if (!stream) throw notLive()
      const serve = (held: HeldRequest) => serveMultivariant(stream, held, multivariant[2] === 'audio')
      return serveAdmitted({ admission, stream, ...from, isPlaylist: true, serve })
    }
    const [, slug, id = '', name = '', file = ''] = MEDIA.exec(path) ?? []
    const stream = streams.findStream(id)
    if (stream?.identity.slug !== slug || !stream) throw notLive()
    const isPlaylist = file === 'playlist.m3u8'
    const serve = (held: HeldRequest) => serveMedia(stream, { name, file, query }, held)
    return serveAdmitted({ admission, stream, ...from, isPlaylist, serve })
  }
}

async function serveMedia(
  stream: HlsStream,
  asked: { name: string; file: string; query: URLSearchParams },
  held: HeldRequest,
): Promise<Response> {
  const rendition = stream.findRendition(asked.name)
  if (!rendition) throw new AppError('NOT_FOUND', 'hls_file_not_found', 'There is no such rendition.')
  return asked.file === 'playlist.m3u8'
    ? servePlaylist(stream, rendition, Object.fromEntries(asked.query), held)
    : serveFile(rendition, parseFile(asked.file), held)
}
