/**
 * Answers with playlists and manifests, written and compressed once for all: their addresses are relative, so that a
 * viewer's token goes on in the path.
 */
import { CompressedText, FOR_PLAYERS, textResponse } from '../media-response.ts'
import type { Manifest } from '../vod/manifest.ts'
import { BoundedCache } from './bounded-cache.ts'
import { writeManifest } from './dash-manifest.ts'
import type { ServedRendition, ServedVod } from './library.ts'
import { writeMediaPlaylist, writeMultivariant } from './playlists.ts'
import { keeper } from './segments.ts'

const MAX_BYTES = 64 * 1024 * 1024
const HLS_TYPE = 'application/vnd.apple.mpegurl'
const DASH_TYPE = 'application/dash+xml'
/** A VOD never changes but when an object is lost or it is deleted. */
const KEPT_SECONDS = 60

/** A written text with its compressed form, as it counts in the cache. */
class Written {
  readonly compressed: CompressedText

  constructor(text: string) {
    this.compressed = new CompressedText(text)
  }

  get bytes(): number {
    // With what they are when compressed.
    return this.compressed.bytes.byteLength * 1.5 + 1_000
  }
}

export class Texts {
  readonly #manifest: Pick<Manifest, 'entries'>
  readonly #written = new BoundedCache<Written>({ maxBytes: MAX_BYTES, sizeOf: written => written.bytes })

  constructor(manifest: Pick<Manifest, 'entries'>) {
    this.#manifest = manifest
  }

  async multivariant(served: ServedVod, request: Request): Promise<Response> {
    const written = await this.#written.get(`${served.version} index`, async () => {
      return new Written(writeMultivariant(served))
    })
    return answer(served, request, written, HLS_TYPE)
  }

  async playlist(served: ServedVod, rendition: ServedRendition, request: Request): Promise<Response> {
    const key = `${served.version} ${rendition.name}`
    const written = await this.#written.get(key, async () => {
      return new Written(await writeMediaPlaylist(this.#manifest, served, rendition))
    })
    return answer(served, request, written, HLS_TYPE)
  }

  async manifest(served: ServedVod, request: Request): Promise<Response> {
    const written = await this.#written.get(`${served.version} dash`, async () => {
      return new Written(await writeManifest(this.#manifest, served))
    })
    return answer(served, request, written, DASH_TYPE)
  }
}

function answer(
  { vod, version }: ServedVod,
  request: Request,
  { compressed }: Written,
  type: string,
): Response {
  const etag = `W/"${Bun.hash(version).toString(36)}"`
  const headers = {
    'content-type': type,
    'cache-control': `${keeper(vod)}, max-age=${KEPT_SECONDS}`,
    etag,
  }
  if (request.headers.get('if-none-match') === etag)
    return new Response(null, { status: 304, headers: { ...FOR_PLAYERS, ...headers } })
  return textResponse(request, compressed, headers)
}
