/** One quality of a stream as viewers get it: its window, its rendered playlists, and the requests that wait for it. */
import type { Track } from '../../media/access-unit.ts'
import {
  renderMediaPlaylist,
  renderMultivariant,
  skippableSegments,
  type Variant,
} from '../../media/hls/playlist.ts'
import type { Sink } from '../live/broadcast.ts'
import { Gate, type GateResult } from './gate.ts'
import { Packager } from './packager.ts'
import { Window, type WindowLimits } from './window.ts'

/** A playlist's bytes, compressed once for all who accept it. */
export class RenderedPlaylist {
  readonly bytes: Uint8Array<ArrayBuffer>
  #gzipped: Uint8Array<ArrayBuffer> | undefined

  constructor(text: string) {
    this.bytes = new TextEncoder().encode(text)
  }

  get gzipped(): Uint8Array<ArrayBuffer> {
    this.#gzipped ??= Bun.gzipSync(this.bytes, { level: 4 })
    return this.#gzipped
  }
}

export class Rendition {
  /** Part of its URIs: `[a-z0-9_-]+`. */
  readonly name: string
  readonly window: Window
  readonly #gate: Gate
  #tracks: readonly Track[] = []
  #packager: Packager | undefined
  #rendered: { version: number; full: RenderedPlaylist; delta: RenderedPlaylist } | undefined

  /** `maxHeld`: how many requests may wait at once. */
  constructor(options: { name: string; limits: WindowLimits; maxHeld: number }) {
    this.name = options.name
    this.#gate = new Gate(options.maxHeld)
    this.window = new Window(options.limits, () => this.#gate.check())
  }

  /** Requests that wait now. */
  get heldRequests(): number {
    return this.#gate.size
  }

  /** Continues with another broadcast's `tracks`, the leading one first. */
  attach(tracks: readonly [Track, ...Track[]], clock: { wallTimeMs(mediaMs: number): number }): Sink {
    void this.#packager?.close()
    const isContinuation = this.#tracks.length > 0
    this.#tracks = tracks
    this.#packager = new Packager({
      tracks,
      clock,
      consumer: this.window,
      timing: this.window.timing,
      isContinuation,
    })
    return this.#packager
  }

  /** Waits until `isReady` or the end of the stream. */
  wait(isReady: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<GateResult> {
    return this.#gate.wait(() => isReady() || this.window.isEnded, timeoutMs, signal)
  }

  /** The playlist of now, or its delta update where there is something to skip. */
  playlist(isDelta: boolean): RenderedPlaylist {
    const { version } = this.window
    if (this.#rendered?.version !== version) {
      const playlist = this.window.playlist()
      const skipped = skippableSegments(playlist)
      const full = new RenderedPlaylist(renderMediaPlaylist(playlist))
      const delta = skipped > 0 ? new RenderedPlaylist(renderMediaPlaylist(playlist, skipped)) : full
      this.#rendered = { version, full, delta }
    }
    return isDelta ? this.#rendered.delta : this.#rendered.full
  }

  /** How the multivariant playlist announces it, at `uri`. */
  variant(uri: string): Variant {
    const { peakBps, averageBps, frameRate } = this.window.rates
    const video = this.#tracks.find(track => track.kind === 'video')
    return {
      uri,
      bandwidthBps: peakBps,
      averageBandwidthBps: averageBps,
      codecs: this.#tracks.map(track => track.codecString),
      ...(video && {
        resolution: { width: video.width, height: video.height },
        frameRate: video.frameRate ?? frameRate,
      }),
    }
  }

  /** No more will come: those who wait are answered. Idempotent. */
  end(): void {
    void this.#packager?.close()
    this.window.end()
  }
}

/** The multivariant playlist; `query` goes with each media playlist's URI. */
export function multivariant(renditions: readonly Rendition[], folder: string, query: string): string {
  const variants = renditions.map(rendition =>
    rendition.variant(`${folder}/${rendition.name}/playlist.m3u8?${query}`),
  )
  return renderMultivariant(
    variants,
    renditions.every(rendition => rendition.window.hasOnlyIndependent),
  )
}
