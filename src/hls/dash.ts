/** What is asked of MPEG-DASH over HTTP: the manifest; what it leads to is served below `/hls/`. */
import type { Admission } from '../live/admission.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import type { AnswerMedia } from '../media-request.ts'
import { FOR_PLAYERS } from '../media-response.ts'
import { DashManifest } from './dash-manifest.ts'
import { type HeldRequest, notLive, playlistResponse, waitForStart } from './delivery.ts'
import type { HlsStreams } from './routes.ts'
import { serveAdmitted } from './serve-admitted.ts'
import type { HlsStream } from './stream.ts'

const MANIFEST_TYPE = 'application/dash+xml'

const MANIFEST = /^([a-z0-9_-]{1,64})\/manifest\.mpd$/

/**
 * `/dash/:slug/manifest.mpd`, and `/dash/clock` for players whose clock is wrong. The first manifest that a player gets
 * sends it to an address with the stream's and its own id, for its refreshes: so it is counted, learns of the stream's
 * end even when the channel is live again, and all who refresh share one text. Rejects with `AppError`s.
 */
export function dashRoute(streams: HlsStreams, admission: Admission, now: () => number): AnswerMedia {
  const manifests = new WeakMap<HlsStream, DashManifest>()
  const manifestOf = (stream: HlsStream): DashManifest => {
    const manifest = manifests.get(stream) ?? new DashManifest(stream, now)
    manifests.set(stream, manifest)
    return manifest
  }
  return async ({ path, query, ...from }) => {
    if (path === 'clock') return tellTime(now())
    const slug = MANIFEST.exec(path)?.[1] ?? ''
    const id = query.get('stream')
    const stream = id === null ? streams.findChannel(slug) : streams.findStream(id)
    if (stream?.identity.slug !== slug) throw notLive()
    const viewer = query.get('viewer') ?? undefined
    const serve = (held: HeldRequest) => serveManifest(stream, manifestOf(stream), viewer, held)
    return serveAdmitted({ admission, stream, ...from, isPlaylist: true, serve })
  }
}

function tellTime(now: number): Response {
  const headers = { ...FOR_PLAYERS, 'content-type': 'text/plain', 'cache-control': 'no-store' }
  return new Response(new Date(now).toISOString(), { headers })
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
