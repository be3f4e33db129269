/**
 * Holds one rendition's segments as its playlists list them, and those that a client may still ask for: the media of the
 * newest in memory, that of older ones in an archive where there is one. What is listed, kept and in memory is decided
 * for all renditions of a stream at once: retention.ts.
 */
import type { Track } from '../../media/access-unit.ts'
import { bitrateOf, countsAsPeak, type Rates } from '../../media/track-facts.ts'
import type { Timing } from './cutter.ts'
import { joinParts, type Part, type Segment, type SegmentConsumer, type SegmentHeader } from './segment.ts'
import { renderStored } from './segment-lines.ts'
import { SegmentList, type StoredSegment } from './segment-list.ts'

/** Where a part is or will be. */
export interface PartPosition {
  readonly sequence: number
  readonly index: number
}

/** The segment that is growing. */
export interface OpenSegment {
  readonly header: SegmentHeader
  readonly parts: readonly Part[]
  readonly initIndex: number | undefined
}

export class Window implements SegmentConsumer {
  readonly #onChange: () => void
  readonly #onSegment: () => void
  readonly #isHeld: (sequence: number) => boolean
  #timing: Timing | undefined
  #segments: SegmentList
  /** Of the open segment. */
  #openBytes = 0
  #nextSequence = 0
  #inits: { index: number; data: Uint8Array<ArrayBuffer> }[] = []
  #open: (OpenSegment & { readonly parts: Part[] }) | undefined
  #isEnded = false
  #peakBps = 0
  #hasOnlyIndependent = true
  #secondsWithoutMedia = 0
  #track: Track | undefined

  /**
   * `onChange`: called after each new part or segment and at the end; `onSegment`: before it, when one is complete.
   * `isHeld`: whether an archive has the segment.
   */
  constructor(options: {
    onChange: () => void
    onSegment: () => void
    isHeld?: (sequence: number) => boolean
  }) {
    this.#onChange = options.onChange
    this.#onSegment = options.onSegment
    this.#isHeld = options.isHeld ?? (() => false)
    this.#segments = new SegmentList(this.#isHeld)
  }

  get timing(): Timing | undefined {
    return this.#timing
  }

  /** Of the newest media. */
  get track(): Track | undefined {
    return this.#track
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** There is a playlist to show: a segment is complete. */
  get isReady(): boolean {
    return this.#segments.length > 0
  }

  /** Every segment of the stream so far began with a key frame. */
  get hasOnlyIndependent(): boolean {
    return this.#hasOnlyIndependent
  }

  /** Media has come within the last two target durations of it. */
  get isFed(): boolean {
    return this.#secondsWithoutMedia < 2 * (this.#timing?.targetDurationSeconds ?? 1)
  }

  /** The next part to come. */
  get nextPart(): PartPosition {
    return { sequence: this.#nextSequence, index: this.#open?.parts.length ?? 0 }
  }

  /** The newest part. Only when `isReady`. */
  get lastPart(): PartPosition {
    const { sequence, index } = this.nextPart
    if (index > 0) return { sequence, index: index - 1 }
    return { sequence: sequence - 1, index: this.#segments.last!.segment.parts.length - 1 }
  }

  /** What playlists list, oldest first. */
  get listed(): readonly StoredSegment[] {
    return this.#segments.listed
  }

  /** The segment after those, with at least one part; undefined between segments. */
  get open(): OpenSegment | undefined {
    return this.#open && this.#open.parts.length > 0 ? this.#open : undefined
  }

  /** The complete segments; `push` and `dropBefore` are this window's. */
  get segments(): Omit<SegmentList, 'push' | 'dropBefore'> {
    return this.#segments
  }

  /** Bytes of media in memory, the open segment's among them. */
  get bytes(): number {
    return this.#segments.bytes + this.#openBytes
  }

  /** Those of all listed media, the newest first. */
  get listedTracks(): readonly Track[] {
    return [...new Set([...(this.#track ? [this.#track] : []), ...this.#segments.totals.tracks.keys()])]
  }

  get rates(): Rates {
    const { bytes, mediaSeconds, frames } = this.#segments.totals
    const seconds = mediaSeconds || 1
    return {
      peakBps: this.#peakBps,
      averageBps: bitrateOf(bytes, seconds),
      frameRate: frames / seconds,
    }
  }

  fixTiming(timing: Timing): void {
    this.#timing ??= timing
  }

  beginSegment(header: SegmentHeader): void {
    // A packager that failed left its segment open, or left some out: what it made stays as it is where it can.
    if (this.#open) this.endSegment(joinParts(this.#open.header, this.#open.parts, 0))
    if (header.sequence !== this.#nextSequence) this.#beginAt(header.sequence)
    this.#track = header.track ?? this.#track
    // A gap without its own names the last one: 4.4.4.5 has it that no EXT-X-MAP means no init segment.
    const initIndex = header.init ? this.#initIndexOf(header.init) : this.#inits.at(-1)?.index
    this.#open = { header, parts: [], initIndex }
  }

  addPart(part: Part): void {
    this.#open?.parts.push(part)
    this.#openBytes += part.data.byteLength
    this.#secondsWithoutMedia = part.isGap ? this.#secondsWithoutMedia + part.durationSeconds : 0
    this.#onChange()
  }

  endSegment(segment: Segment): void {
    if (!this.#open) return
    const { initIndex } = this.#open
    const text = renderStored(segment, initIndex, this.#segments.last?.initIndex)
    this.#segments.push(segment, initIndex, text)
    this.#openBytes = 0
    this.#nextSequence++
    this.#open = undefined
    this.#hasOnlyIndependent &&= isIndependent(segment)
    const targetDuration = this.#timing?.targetDurationSeconds ?? 0
    const { data, durationSeconds } = segment
    if (countsAsPeak(durationSeconds, targetDuration) || this.#peakBps === 0)
      this.#peakBps = Math.max(this.#peakBps, bitrateOf(data.byteLength, durationSeconds))
    this.#onSegment()
    this.#onChange()
  }

  /** No more will come. Idempotent. */
  end(): void {
    if (this.#isEnded) return
    if (this.#open) this.endSegment(joinParts(this.#open.header, this.#open.parts, 0))
    this.#isEnded = true
    this.#onChange()
  }

  findInit(index: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#inits.find(init => init.index === index)?.data
  }

  /** A complete segment, listed or not. */
  findSegment(sequence: number): Segment | undefined {
    return this.#segments.find(sequence)?.segment
  }

  findPart({ sequence, index }: PartPosition): Part | undefined {
    const parts = sequence === this.#nextSequence ? this.#open?.parts : this.findSegment(sequence)?.parts
    return parts?.[index]
  }

  /**
   * Whether a playlist of now contains the segment or, with `index`, the part. A part beyond the last of a complete
   * segment is the first of the next, 6.2.5.2.
   */
  has(sequence: number, index?: number): boolean {
    if (index === undefined || sequence > this.#nextSequence) return sequence < this.#nextSequence
    const openParts = this.#open?.parts.length ?? 0
    if (sequence === this.#nextSequence) return index < openParts
    const isLast = sequence === this.#nextSequence - 1
    return !isLast || index < (this.findSegment(sequence)?.parts.length ?? 0) || openParts > 0
  }

  /** Segments before `sequence` are no longer listed and not kept, but for the newest. */
  dropBefore(sequence: number): void {
    this.#segments.dropBefore(sequence)
    const first = this.#segments.oldest?.initIndex
    if (first !== undefined && this.#inits[0]!.index < first)
      this.#inits = this.#inits.filter(init => init.index >= first)
  }

  #beginAt(sequence: number): void {
    this.#segments = new SegmentList(this.#isHeld)
    this.#nextSequence = sequence
  }

  /** Rising: an init segment is never used again after another. */
  #initIndexOf(data: Uint8Array<ArrayBuffer>): number {
    const last = this.#inits.at(-1)
    if (last?.data === data) return last.index
    const index = (last?.index ?? -1) + 1
    this.#inits.push({ index, data })
    return index
  }
}

function isIndependent(segment: Segment): boolean {
  return segment.parts.find(part => !part.isGap)?.isIndependent ?? true
}
