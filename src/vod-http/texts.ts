/** Answers with playlists and manifests: written and compressed once, with a viewer's token where one is needed. */
import { CORS, CompressedText, textResponse } from '../media-response.ts'
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
/** Every address in what is written here ends so. */
const ADDRESSES = /\.(?:m3u8|m4s|mp4)(?=["\n])/g

/** A written text with its compressed form, as it counts in the cache. */
class Written {
  readonly text: string
  readonly compressed: CompressedText

  constructor(text: string) {
    this.text = text
    this.compressed = new CompressedText(text)
  }

  get bytes(): number {
    // The text, its bytes, and what they are when compressed.
    return this.compressed.bytes.byteLength * 2.5 + 1_000
  }
}

export class Texts {
  readonly #manifest: Pick<Manifest, 'entries'>
  readonly #written = new BoundedCache<Written>({ maxBytes: MAX_BYTES, sizeOf: written => written.bytes })

  constructor(manifest: Pick<Manifest, 'entries'>) {
    this.#manifest = manifest
  }

  /** `token`: carried on into every address that is listed. */
  async multivariant(served: ServedVod, request: Request, token?: string): Promise<Response> {
    const written = await this.#written.get(`${served.version} index`, async () => {
      return new Written(writeMultivariant(served))
    })
    return answer(served, request, written, HLS_TYPE, token)
  }

  async playlist(
    served: ServedVod,
    rendition: ServedRendition,
    request: Request,
    token?: string,
  ): Promise<Response> {
    const key = `${served.version} ${rendition.name}`
    const written = await this.#written.get(key, async () => {
      return new Written(await writeMediaPlaylist(this.#manifest, served, rendition))
    })
    return answer(served, request, written, HLS_TYPE, token)
  }

  async manifest(served: ServedVod, request: Request, token?: string): Promise<Response> {
    const written = await this.#written.get(`${served.version} dash`, async () => {
      return new Written(await writeManifest(this.#manifest, served))
    })
    return answer(served, request, written, DASH_TYPE, token)
  }
}

function answer(
  { vod, version }: ServedVod,
  request: Request,
  { text, compressed }: Written,
  type: string,
  token: string | undefined,
): Response {
  const etag = `W/"${Bun.hash(version).toString(36)}"`
  const headers = {
    'content-type': type,
    'cache-control': `${keeper(vod)}, max-age=${KEPT_SECONDS}`,
    etag,
  }
  if (request.headers.get('if-none-match') === etag)
    return new Response(null, { status: 304, headers: { ...CORS, ...headers } })
  if (token === undefined) return textResponse(request, compressed, headers)
  const query = `?token=${encodeURIComponent(token)}`
  return textResponse(request, new CompressedText(text.replaceAll(ADDRESSES, each => each + query)), headers)
}
