/** The HTTP routes of MPEG-DASH: the manifest; what it leads to is served below `/hls/`. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import { CORS, PREFLIGHT } from '../media-response.ts'
import { DashManifest } from './dash-manifest.ts'
import { type HeldRequest, playlistResponse, waitForStart } from './delivery.ts'
import type { HlsStreams } from './routes.ts'
import type { HlsStream } from './stream.ts'

const MANIFEST_TYPE = 'application/dash+xml'

/**
 * `/dash/:slug/manifest.mpd`, and `/dash/clock` for players whose clock is wrong. The first manifest that a player gets
 * sends it to an address with the stream's and its own id, for its refreshes: so it is counted, learns of the stream's
 * end even when the channel is live again, and all who refresh share one text.
 */
export function dashRoutes(streams: HlsStreams, now: () => number) {
  const manifests = new WeakMap<HlsStream, DashManifest>()
  const manifestOf = (stream: HlsStream): DashManifest => {
    const manifest = manifests.get(stream) ?? new DashManifest(stream, now)
    manifests.set(stream, manifest)
    return manifest
  }
  return new Elysia({ name: 'dash' })
    .options('/dash/*', () => new Response(null, { status: 204, headers: PREFLIGHT }))
    .get('/dash/clock', () => {
      const headers = { ...CORS, 'content-type': 'text/plain', 'cache-control': 'no-store' }
      return new Response(new Date(now()).toISOString(), { headers })
    })
    .get('/dash/:slug/manifest.mpd', async ({ request, server, params: { slug }, query, set }) => {
      try {
        const { stream: id, viewer } = query
        const stream = id === undefined ? streams.findChannel(slug) : streams.findStream(id)
        if (stream?.identity.slug !== slug) throw notLive()
        const held = { request, keepOpen: (seconds: number) => server?.timeout(request, Math.ceil(seconds)) }
        return await serveManifest(stream, manifestOf(stream), viewer, held)
      } catch (error) {
        // Rendered elsewhere; without CORS a page's player could not see which one it is.
        Object.assign(set.headers, CORS, { 'cache-control': 'no-store' })
        throw error
      }
    })
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
