/** The HTTP routes of MPEG-DASH: the manifest; what it leads to is served below `/hls/`. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import type { Admission } from '../live/admission.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import { FOR_PLAYERS, PREFLIGHT } from '../media-response.ts'
import { DashManifest } from './dash-manifest.ts'
import { type HeldRequest, playlistResponse, waitForStart } from './delivery.ts'
import type { HlsStreams } from './routes.ts'
import { type Connection, serveAdmitted } from './serve-admitted.ts'
import type { HlsStream } from './stream.ts'

const MANIFEST_TYPE = 'application/dash+xml'

interface Context {
  readonly request: Request
  readonly server: Connection | null
  readonly params: { readonly slug: string }
  readonly query: Record<string, string | undefined>
  readonly set: { readonly headers: Record<string, unknown> }
}

/**
 * `/dash/:slug/manifest.mpd`, and `/dash/clock` for players whose clock is wrong; a token may stand before both
 * (`/t/:token/dash/…`). The first manifest that a player gets sends it to an address with the stream's and its own id,
 * for its refreshes: so it is counted, learns of the stream's end even when the channel is live again, and all who
 * refresh share one text.
 */
export function dashRoutes(streams: HlsStreams, admission: Admission, now: () => number) {
  const manifests = new WeakMap<HlsStream, DashManifest>()
  const manifestOf = (stream: HlsStream): DashManifest => {
    const manifest = manifests.get(stream) ?? new DashManifest(stream, now)
    manifests.set(stream, manifest)
    return manifest
  }
  const preflight = () => new Response(null, { status: 204, headers: PREFLIGHT })
  const clock = () => {
    const headers = { ...FOR_PLAYERS, 'content-type': 'text/plain', 'cache-control': 'no-store' }
    return new Response(new Date(now()).toISOString(), { headers })
  }
  const get = async ({ request, server, params: { slug }, query, set }: Context) => {
    try {
      const { stream: id, viewer } = query
      const stream = id === undefined ? streams.findChannel(slug) : streams.findStream(id)
      if (stream?.identity.slug !== slug) throw notLive()
      const serve = (held: HeldRequest) => serveManifest(stream, manifestOf(stream), viewer, held)
      return await serveAdmitted({ admission, stream, request, server, isPlaylist: true, serve })
    } catch (error) {
      // Rendered elsewhere; without FOR_PLAYERS a page's player could not see which one it is.
      Object.assign(set.headers, FOR_PLAYERS, { 'cache-control': 'no-store' })
      throw error
    }
  }
  return new Elysia({ name: 'dash' })
    .options('/dash/*', preflight)
    .options('/t/:token/dash/*', preflight)
    .get('/dash/clock', clock)
    .get('/t/:token/dash/clock', clock)
    .get('/dash/:slug/manifest.mpd', get)
    .get('/t/:token/dash/:slug/manifest.mpd', get)
}

/** Held like the multivariant playlist until there is something to play. */
async function serveManifest(
  stream: HlsStream,
  manifest: DashManifest,
  viewer: string | undefined,
  held: HeldRequest,
): Promise<Response> {
  const refusal = await waitForStart(stream.source, held, () => stream.isComplete)
  if (refusal) return refusal
  if (viewer !== undefined) {
    stream.viewers.touch(viewer, viewerKeyOf(held.request))
    return playlistResponse(held, manifest.shared(), 'no-cache', MANIFEST_TYPE)
  }
  const location = `manifest.mpd?stream=${stream.identity.id}&viewer=${stream.viewers.issue()}`
  return playlistResponse(held, manifest.withLocation(location), 'no-store', MANIFEST_TYPE)
}

function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}
