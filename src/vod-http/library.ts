/**
 * What is known of the VODs that are being watched, kept in memory: requests for segments, thousands a second, ask no
 * database. A row is read again after a moment; what was made of it holds as long as its version does.
 */
import { bitrateOf, countsAsPeak, type Rates, type TrackFacts } from '../../media/track-facts.ts'
import { AppError } from '../errors.ts'
import { type Manifest, SOURCE, type VodEntry, type VodInit } from '../vod/manifest.ts'
import type { Vod, VodService } from '../vod/service.ts'
import { BoundedCache } from './bounded-cache.ts'
import { trackFacts } from './track-facts.ts'

export interface ServedRendition {
  readonly name: string
  readonly kind: VodInit['kind']
  /** By their index. */
  readonly inits: ReadonlyMap<number, Uint8Array<ArrayBuffer>>
  /** By the index of their init segment; the one that is there for longest first. */
  readonly tracks: ReadonlyMap<number, TrackFacts>
  readonly rates: Rates
  /** Every segment begins with a key frame. */
  readonly hasOnlyIndependent: boolean
  /** Bytes of the object with this sequence; 0: there is none. */
  sizeOf(sequence: number): number
}

/** A VOD that can be played. */
export interface ServedVod {
  readonly vod: Vod
  /** Another one means that what was made of its rows is old. */
  readonly version: string
  /** When its row has to be read again, on the library's clock. */
  readonly staleAt: number
  /** What players may choose from: the source first, then the others as their names sort. */
  readonly renditions: readonly ServedRendition[]
}

export interface LibraryOptions {
  readonly vods: Pick<VodService, 'find'>
  readonly manifest: Pick<Manifest, 'inits' | 'entries'>
  /** How long a row that was read holds, in milliseconds. */
  readonly freshMs?: number
  /** Milliseconds, never going back. */
  readonly now?: () => number
}

const FRESH_MS = 2_000
const MAX_ROWS = 5_000
const MAX_INDEX_BYTES = 64 * 1024 * 1024
/** A picture of the ladder that has less of the time only makes players change back and forth. */
const LEAST_COVERED = 0.8
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface KnownRow {
  readonly vod: Promise<Vod | undefined>
  readonly readAt: number
}

export class Library {
  readonly #options: LibraryOptions
  readonly #freshMs: number
  readonly #now: () => number
  /** In the order of reading. */
  readonly #rows = new Map<string, KnownRow>()
  readonly #readAt = new WeakMap<Vod, number>()
  readonly #indexes = new BoundedCache<readonly ServedRendition[]>({
    maxBytes: MAX_INDEX_BYTES,
    sizeOf: renditions => renditions.reduce((sum, each) => sum + (each as IndexedRendition).bytes, 0),
  })

  constructor(options: LibraryOptions) {
    this.#options = options
    this.#freshMs = options.freshMs ?? FRESH_MS
    this.#now = options.now ?? (() => performance.now())
  }

  /** In any status but `deleted`. Throws `AppError` NOT_FOUND (`vod_not_found`). */
  async get(id: string): Promise<Vod> {
    const vod = ID.test(id) ? await this.#row(id) : undefined
    if (!vod) throw new AppError('NOT_FOUND', 'vod_not_found', 'There is no such video.')
    return vod
  }

  /** Throws `AppError` NOT_FOUND (`vod_not_ready`) for one that cannot be played, or not yet. */
  async open(vod: Vod): Promise<ServedVod> {
    if (vod.status !== 'ready')
      throw new AppError('NOT_FOUND', 'vod_not_ready', 'This video cannot be watched, or not yet.')
    const version = versionOf(vod)
    const renditions = await this.#indexes.get(version, () => this.#index(vod))
    return { vod, version, staleAt: (this.#readAt.get(vod) ?? 0) + this.#freshMs, renditions }
  }

  #row(id: string): Promise<Vod | undefined> {
    const known = this.#rows.get(id)
    if (known && this.#now() - known.readAt < this.#freshMs) return known.vod
    const row = { vod: this.#read(id), readAt: this.#now() }
    row.vod.catch(() => this.#rows.delete(id))
    this.#rows.delete(id)
    this.#rows.set(id, row)
    const [oldest] = this.#rows.keys()
    if (this.#rows.size > MAX_ROWS && oldest !== undefined) this.#rows.delete(oldest)
    return row.vod
  }

  async #read(id: string): Promise<Vod | undefined> {
    const readAt = this.#now()
    const vod = await this.#options.vods.find(id)
    if (vod) this.#readAt.set(vod, readAt)
    return vod
  }

  /** One rendition after the other: a long recording has many thousands of segments in each. */
  async #index({ id, targetDurationSeconds }: Vod): Promise<readonly ServedRendition[]> {
    const { manifest } = this.#options
    const inits = Map.groupBy(await manifest.inits(id), init => init.rendition)
    const names = [...inits.keys()].sort((left, right) => Number(right === SOURCE) - Number(left === SOURCE))
    const renditions: IndexedRendition[] = []
    for (const name of names) {
      const entries = await manifest.entries(id, { rendition: name })
      renditions.push(new IndexedRendition(inits.get(name)!, entries, targetDurationSeconds ?? 1))
    }
    const whole = renditions[0]?.mediaSeconds ?? 0
    return renditions.filter(
      each => each.mediaSeconds > 0 && (each.kind !== 'rung' || each.mediaSeconds >= whole * LEAST_COVERED),
    )
  }
}

/** Changes with all that changes what is stored: a VOD that is ready changes only when an object is lost. */
function versionOf({ id, sizeBytes, durationMs, publishedAt }: Vod): string {
  return `${id}.${sizeBytes}.${durationMs}.${publishedAt?.getTime()}`
}

class IndexedRendition implements ServedRendition {
  readonly name: string
  readonly kind: VodInit['kind']
  readonly inits: ReadonlyMap<number, Uint8Array<ArrayBuffer>>
  readonly tracks: ReadonlyMap<number, TrackFacts>
  readonly rates: Rates
  readonly hasOnlyIndependent: boolean
  readonly mediaSeconds: number
  readonly #firstSequence: number
  readonly #sizes: Uint32Array

  /** `entries`: in their order; `inits`: at least one. */
  constructor(inits: readonly VodInit[], entries: readonly VodEntry[], targetDurationSeconds: number) {
    this.name = inits[0]!.rendition
    this.kind = inits[0]!.kind
    this.inits = new Map(inits.map(({ index, data }) => [index, new Uint8Array(data)]))
    const stored = entries.filter(entry => !entry.isGap)
    this.tracks = new Map(longestFirst(inits, stored).map(({ index, track }) => [index, trackFacts(track)]))
    this.mediaSeconds = stored.reduce((sum, entry) => sum + entry.durationSeconds, 0)
    this.rates = ratesOf(stored, this.mediaSeconds, targetDurationSeconds)
    this.hasOnlyIndependent = stored.every(entry => entry.isIndependent)
    this.#firstSequence = entries[0]?.sequence ?? 0
    this.#sizes = new Uint32Array((entries.at(-1)?.sequence ?? -1) + 1 - this.#firstSequence)
    for (const { sequence, sizeBytes } of stored) this.#sizes[sequence - this.#firstSequence] = sizeBytes
  }

  get bytes(): number {
    const data = this.inits.values().reduce((sum, init) => sum + init.byteLength, 0)
    return this.#sizes.byteLength + data + 2_000
  }

  sizeOf(sequence: number): number {
    return this.#sizes[sequence - this.#firstSequence] ?? 0
  }
}

function longestFirst(inits: readonly VodInit[], stored: readonly VodEntry[]): readonly VodInit[] {
  const seconds = new Map<number | null, number>()
  for (const { initIndex, durationSeconds } of stored)
    seconds.set(initIndex, (seconds.get(initIndex) ?? 0) + durationSeconds)
  const lasts = ({ index }: VodInit) => seconds.get(index) ?? 0
  return inits.toSorted((left, right) => lasts(right) - lasts(left))
}

function ratesOf(stored: readonly VodEntry[], seconds: number, targetDurationSeconds: number): Rates {
  const measured = stored.filter(entry => countsAsPeak(entry.durationSeconds, targetDurationSeconds))
  const bytes = stored.reduce((sum, entry) => sum + entry.sizeBytes, 0)
  const frames = stored.reduce((sum, entry) => sum + entry.frameCount, 0)
  let peakBps = 0
  for (const { sizeBytes, durationSeconds } of measured.length > 0 ? measured : stored)
    peakBps = Math.max(peakBps, bitrateOf(sizeBytes, durationSeconds))
  return { peakBps, averageBps: bitrateOf(bytes, seconds), frameRate: frames / (seconds || 1) }
}
