/** Answers those who may watch a stream, and keeps what is not for everybody out of shared caches. */
import { type Admission, sendOn, tokensOf } from '../live/admission.ts'
import type { Connection } from '../media-request.ts'
import type { HeldRequest } from './delivery.ts'
import type { HlsStream } from './stream.ts'

export interface Asked {
  readonly admission: Admission
  readonly stream: HlsStream
  readonly request: Request
  readonly connection: Connection | null
  /** It lists addresses, by which a token has to be carried on. */
  readonly isPlaylist: boolean
  readonly serve: (held: HeldRequest) => Promise<Response>
}

/** Throws `AppError` UNAUTHENTICATED, FORBIDDEN, and what `serve` throws. */
export async function serveAdmitted(asked: Asked): Promise<Response> {
  const { admission, stream, request, connection, serve } = asked
  const { channelId } = stream.identity
  if (!admission.isOpen(channelId)) return servePrivately(asked)
  const response = await serve({
    request,
    keepOpen: seconds => connection?.timeout(request, Math.ceil(seconds)),
  })
  // It may have been held until after the channel was closed to all.
  return admission.isOpen(channelId) ? response : servePrivately(asked)
}

async function servePrivately(asked: Asked): Promise<Response> {
  const { admission, stream, request, connection, isPlaylist, serve } = asked
  const admitted = await admission.admit(stream.identity.channelId, tokensOf(request))
  const sentOn = isPlaylist ? sendOn(request, admitted) : undefined
  if (sentOn) return sentOn
  const response = await serve({
    request,
    keepOpen: seconds => connection?.timeout(request, Math.ceil(seconds)),
  })
  if (!admission.isOpen(stream.identity.channelId)) keepPrivate(response.headers)
  return response
}

/** RFC 9111 5.2.2.7: the viewer's own cache alone. */
function keepPrivate(headers: Headers): void {
  const kept = headers.get('cache-control')
  if (!kept?.startsWith('public')) return
  headers.set('cache-control', kept.replace('public', 'private').replace(/, s-maxage=\d+/, ''))
}
