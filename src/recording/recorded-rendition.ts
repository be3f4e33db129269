/**
 * Takes what the packager makes of one rendition and has it on disk part by part. It never holds up the packager: what
 * the disk cannot take in time is a gap in the recording, and the next segment is tried anew.
 */
import type { Part, Segment, SegmentConsumer, SegmentHeader } from '../hls/segment.ts'
import { type CompleteFacts, describeTrack, type SegmentFacts } from '../vod/segment-row.ts'
import type { SegmentFile, Spool, SpooledInit } from './spool.ts'

/** What may wait for the disk: half a minute of a big stream. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024

/** A segment as it has become. */
export interface RecordedSegment {
  readonly facts: CompleteFacts
  /** Undefined: a gap. */
  readonly media: { readonly data: Uint8Array<ArrayBuffer>; readonly file: SegmentFile } | undefined
}

interface OpenSegment {
  readonly header: SegmentHeader
  readonly facts: SegmentFacts
  readonly parts: Part[]
  file?: SegmentFile
  /** The disk did not take all of it. */
  isLost: boolean
}

export interface RecordedRenditionOptions {
  readonly vodId: string
  readonly name: string
  readonly kind: SpooledInit['kind']
  readonly spool: Pick<Spool, 'addInit' | 'begin'>
  /** With the first segment that decodes with it, and before that one. */
  readonly onInit: (init: SpooledInit) => void
  /** In their order. */
  readonly onSegment: (segment: RecordedSegment) => void
  /** The disk did not take something. */
  readonly onProblem: (error: Error) => void
}

export class RecordedRendition implements SegmentConsumer {
  readonly #options: RecordedRenditionOptions
  #open: OpenSegment | undefined
  #init: { readonly data: Uint8Array; readonly index: number } | undefined
  /** What is done with files, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #queuedBytes = 0

  constructor(options: RecordedRenditionOptions) {
    this.#options = options
  }

  fixTiming(): void {}

  beginSegment(header: SegmentHeader): void {
    // A packager that failed leaves its segment open: what it made of it stays.
    this.#finish()
    const initIndex = this.#initIndexOf(header)
    const { sequence, discontinuity, isDiscontinuity, isIndependent, startSeconds, startsAtMs } = header
    const facts: SegmentFacts = {
      ...{ rendition: this.#options.name, sequence, initIndex, discontinuity },
      ...{ isDiscontinuity, isIndependent, startSeconds, startsAtMs },
    }
    this.#open = { header, facts, parts: [], isLost: false }
  }

  addPart(part: Part): void {
    const open = this.#open
    if (!open) return
    open.parts.push(part)
    const { byteLength } = part.data
    if (byteLength === 0 || open.isLost) return
    if (this.#queuedBytes + byteLength > MAX_QUEUED_BYTES) {
      this.#lose(open, new Error('the disk is too slow'))
      return
    }
    this.#queuedBytes += byteLength
    this.#enqueue(open, async () => {
      try {
        const { vodId, spool } = this.#options
        open.file ??= await spool.begin(vodId, open.facts)
        await open.file.append(part.data)
      } finally {
        this.#queuedBytes -= byteLength
      }
    })
  }

  endSegment(segment: Segment): void {
    this.#finish(segment)
  }

  /** Resolves when all that was given is on disk or known to be lost. The open segment ends with its last part. */
  async close(): Promise<void> {
    this.#finish()
    await this.#work
  }

  #finish(segment?: Pick<Segment, 'data' | 'durationSeconds' | 'frameCount'>): void {
    const open = this.#open
    this.#open = undefined
    if (!open || open.parts.length === 0) return
    const data = segment?.data ?? Buffer.concat(open.parts.map(part => part.data))
    const durationSeconds = open.parts.reduce((sum, part) => sum + part.durationSeconds, 0)
    const complete = { durationSeconds, frameCount: segment?.frameCount ?? 0 }
    const facts = { ...open.facts, complete }
    this.#enqueue(open, () => open.file?.complete(complete))
    this.#work = this.#work.then(async () => {
      const { file } = open
      if (open.isLost) await file?.remove().catch(() => {})
      this.#options.onSegment({ facts, media: file && !open.isLost ? { data, file } : undefined })
    })
  }

  #enqueue(open: OpenSegment, work: () => Promise<void> | undefined): void {
    this.#work = this.#work
      .then(() => (open.isLost ? undefined : work()))
      .catch((error: Error) => this.#lose(open, error))
  }

  #lose(open: OpenSegment, error: Error): void {
    open.isLost = true
    this.#options.onProblem(error)
  }

  /** A gap of a rendition that has no media yet has none: -1. */
  #initIndexOf({ init, track }: SegmentHeader): number {
    if (!init || !track || this.#init?.data === init) return this.#init?.index ?? -1
    const index = (this.#init?.index ?? -1) + 1
    this.#init = { data: init, index }
    const { vodId, name, kind, spool, onInit, onProblem } = this.#options
    const stored: SpooledInit = { rendition: name, index, kind, track: describeTrack(track), data: init }
    onInit(stored)
    this.#work = this.#work.then(() => spool.addInit(vodId, stored)).catch(onProblem)
    return index
  }
}
