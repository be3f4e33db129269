/** Hides WHEP's layer extension: which qualities a WebRTC session can have, and which one it is held to. */
import type { PlayerEnvironment } from './environment.ts'
import { AUTO, type Quality } from './state.ts'

const RELATION = 'urn:ietf:params:whep:ext:core:layer'

interface LayersOptions {
  readonly env: Pick<PlayerEnvironment, 'fetch'>
  readonly url: string
  readonly headers: Record<string, string>
  /** Ends requests with the session. */
  readonly signal: AbortSignal
}

export class Layers {
  readonly #options: LayersOptions
  #qualities: readonly Quality[] = []

  constructor(options: LayersOptions) {
    this.#options = options
  }

  /** Best first; empty before the first `refresh`. */
  get qualities(): readonly Quality[] {
    return this.#qualities
  }

  /** Asks what there is now. A server that does not answer leaves it as it was. */
  async refresh(): Promise<void> {
    const { env, url, headers, signal } = this.#options
    const response = await env.fetch(url, { headers, signal }).catch(() => undefined)
    if (!response?.ok) return
    const qualities = readLayers(await response.json().catch(() => undefined))
    if (JSON.stringify(qualities) !== JSON.stringify(this.#qualities)) this.#qualities = qualities
  }

  /** Holds the session to one quality, or, with `auto` or a name it does not have, to none. */
  async choose(name: string): Promise<void> {
    const { env, url, headers, signal } = this.#options
    const isKnown = name !== AUTO && this.#qualities.some(quality => quality.name === name)
    const init = {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ encodingId: isKnown ? name : null }),
      signal,
    }
    await env.fetch(url, init).catch(() => undefined)
  }
}

/** The address of the extension out of a `Link` header (RFC 8288 3); undefined: this server has none. */
export function layersUrl(link: string | null, base: string): string | undefined {
  for (const [, target, parameters] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (parameters!.includes(`rel="${RELATION}"`) || parameters!.includes(`rel=${RELATION}`))
      return new URL(target!, base).href
  return undefined
}

function readLayers(body: unknown): Quality[] {
  const layers: unknown = (body as { layers?: unknown } | undefined)?.layers
  if (!Array.isArray(layers)) return []
  return layers
    .filter(layer => typeof layer?.encodingId === 'string' && typeof layer.height === 'number')
    .map(({ encodingId, height, bitrateBps }) => ({
      name: encodingId,
      height,
      bitrateBps: Number(bitrateBps) || 0,
    }))
    .sort((a, b) => b.height - a.height || b.bitrateBps - a.bitrateBps)
}
