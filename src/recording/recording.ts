/**
 * One VOD while media comes: its segments on their way from the spool to the object store and, when they are there, into
 * the manifest. The row is written after the object, and the spool keeps the segment until both are done: whatever dies
 * in between, nothing is lost and no row lies.
 */
import type { StreamArchive } from '../hls/archive.ts'
import type { SegmentConsumer } from '../hls/segment.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { VodSegment } from '../vod/manifest.ts'
import { segmentKey } from '../vod/object-keys.ts'
import { asGap, type CompleteFacts, segmentRow } from '../vod/segment-row.ts'
import type { ManifestWriter } from './manifest-writer.ts'
import { RecordedRendition, type RecordedSegment } from './recorded-rendition.ts'
import type { SegmentUploads } from './segment-uploads.ts'
import { removeSegment, type Spool, type SpooledInit } from './spool.ts'

export interface RecordingOptions {
  readonly vodId: string
  readonly spool: Spool
  readonly store: Pick<ObjectStore, 'get'>
  readonly uploads: SegmentUploads
  readonly rows: ManifestWriter
  /** A segment is lost, for a reason that may go on. */
  readonly onProblem: (error: Error) => void
  /** Every part is on disk; called once. */
  readonly onSpooled: () => void
}

export class Recording implements StreamArchive {
  readonly vodId: string
  readonly #options: RecordingOptions
  readonly #renditions = new Map<string, RecordedRendition>()
  /** Init segments by rendition and index, and when their rows are written. */
  readonly #inits = new Map<string, { readonly data: Uint8Array; readonly written: Promise<void> }>()
  /** What can be read, by rendition. */
  readonly #held = new Map<string, Set<number>>()
  /** Segments on their way. */
  readonly #moving = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(options: RecordingOptions) {
    this.vodId = options.vodId
    this.#options = options
  }

  consumerOf(rendition: string, kind: SpooledInit['kind']): SegmentConsumer {
    const known = this.#renditions.get(rendition)
    if (known) return known
    const { vodId, spool, onProblem } = this.#options
    const opened = new RecordedRendition({
      ...{ vodId, spool, kind, onProblem },
      name: rendition,
      onInit: init => this.addInit(init),
      onSegment: segment => this.#completed(segment),
    })
    this.#renditions.set(rendition, opened)
    return opened
  }

  holds(rendition: string, sequence: number): boolean {
    return this.#held.get(rendition)?.has(sequence) ?? false
  }

  async read(rendition: string, sequence: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { vodId, spool, store } = this.#options
    const file = Bun.file(spool.pathOf(vodId, rendition, sequence))
    // Between the look and the reading it may have gone into the store.
    const spooled = (await file.exists()) ? await file.bytes().catch(() => undefined) : undefined
    return spooled ?? (await store.get(segmentKey({ vodId, rendition, sequence })))?.bytes()
  }

  /** Before the first segment that decodes with it. */
  addInit({ rendition, index, kind, track, data }: SpooledInit): void {
    const written = this.#options.rows.addInit(this.vodId, { rendition, index, kind, track, data })
    this.#inits.set(initKey(rendition, index), { data, written })
  }

  /** A segment whose parts are all in the file at `path`; without it, a gap. Throws when it is no media. */
  add(facts: CompleteFacts, media?: { readonly data: Uint8Array; readonly path: string }): void {
    const init = this.#inits.get(initKey(facts.rendition, facts.initIndex))
    if (media && !init) throw new Error(`segment ${facts.sequence} of ${facts.rendition} has no init segment`)
    const row = segmentRow(this.vodId, facts, media && { data: media.data, init: init!.data })
    if (media) this.#hold(facts.rendition, facts.sequence)
    const moving = this.#move(row, media?.path, init?.written).finally(() => this.#moving.delete(moving))
    this.#moving.add(moving)
  }

  /** No more will come; resolves when every part is on disk. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#renditions.values()].map(each => each.close())).then(() =>
      this.#options.onSpooled(),
    )
    return this.#closing
  }

  /** After `close`: everything is stored and in the manifest. Not before the store and the database take it. */
  async stored(): Promise<void> {
    while (this.#moving.size > 0) await Promise.all(this.#moving)
  }

  #completed({ facts, media }: RecordedSegment): void {
    try {
      this.add(facts, media && { data: media.data, path: media.file.path })
    } catch (error) {
      this.#options.onProblem(error as Error)
    }
  }

  #hold(rendition: string, sequence: number): void {
    const held = this.#held.get(rendition)
    if (held) held.add(sequence)
    else this.#held.set(rendition, new Set([sequence]))
  }

  async #move(row: VodSegment, path: string | undefined, init: Promise<void> | undefined): Promise<void> {
    const { uploads, rows, onProblem } = this.#options
    await init
    const outcome = path && (await uploads.add({ key: segmentKey(row), path, checksum: row.checksum }))
    if (outcome === 'lost') {
      this.#held.get(row.rendition)?.delete(row.sequence)
      onProblem(new Error('a file is gone from the disk'))
    }
    await rows.add(outcome === 'lost' ? asGap(row) : row)
    if (path) await removeSegment(path)
  }
}

function initKey(rendition: string, index: number): string {
  return `${rendition} ${index}`
}
