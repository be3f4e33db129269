/**
 * Holds one rendition's newest segments in memory: those the playlist lists, and those a client may still ask for.
 * Over its limit of bytes it forgets the oldest, listed or not.
 */
import type { MediaPlaylist, PlaylistSegment } from '../../media/hls/playlist.ts'
import type { Timing } from './cutter.ts'
import { joinParts, type Part, type Segment, type SegmentConsumer, type SegmentHeader } from './packager.ts'

export interface WindowLimits {
  /** How much the playlist lists, unless six target durations and a bit are more. */
  readonly listedSeconds: number
  readonly maxBytes: number
}

/** Where a part is or will be. */
export interface PartPosition {
  readonly sequence: number
  readonly index: number
}

interface Stored {
  readonly sequence: number
  readonly initIndex: number
  readonly segment: Segment
}

/** A delta update may skip what is older, 4.4.3.8: at least six target durations. */
const SKIP_TARGET_DURATIONS = 6
/** Delta updates pay when some segments lie before the skip boundary. */
const LISTED_TARGET_DURATIONS = 8
/** Parts of segments that begin earlier are not listed: 6.2.2 wants them gone after three target durations. */
const PARTS_TARGET_DURATIONS = 2.5

export class Window implements SegmentConsumer {
  readonly #limits: WindowLimits
  readonly #onChange: () => void
  #timing: Timing | undefined
  /** Oldest first; the unlisted ones lead. */
  #stored: Stored[] = []
  #unlisted = 0
  #bytes = 0
  #nextSequence = 0
  #discontinuitySequence = 0
  #inits: { index: number; data: Uint8Array<ArrayBuffer> }[] = []
  #initCount = 0
  #open: { header: SegmentHeader; parts: Part[]; initIndex: number } | undefined
  #isEnded = false
  #version = 0
  #peakBps = 0
  #hasOnlyIndependent = true

  /** `onChange`: called after each new part or segment and at the end. */
  constructor(limits: WindowLimits, onChange: () => void) {
    this.#limits = limits
    this.#onChange = onChange
  }

  get timing(): Timing | undefined {
    return this.#timing
  }

  /** Grows with each change of the playlist. */
  get version(): number {
    return this.#version
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** There is a playlist to show: a segment is complete. */
  get isReady(): boolean {
    return this.#stored.length > 0
  }

  /** Every segment of the stream so far began with a key frame. */
  get hasOnlyIndependent(): boolean {
    return this.#hasOnlyIndependent
  }

  /** The next part to come. */
  get nextPart(): PartPosition {
    return { sequence: this.#nextSequence, index: this.#open?.parts.length ?? 0 }
  }

  fixTiming(timing: Timing): void {
    this.#timing ??= timing
  }

  beginSegment(header: SegmentHeader): void {
    // A packager that failed left its segment open: what it made stays as it is.
    if (this.#open) this.endSegment(joinParts(this.#open.header, this.#open.parts, 0))
    this.#open = { header, parts: [], initIndex: this.#initIndexOf(header.init) }
    this.#hasOnlyIndependent &&= header.isIndependent
  }

  addPart(part: Part): void {
    this.#open?.parts.push(part)
    this.#bytes += part.data.byteLength
    this.#changed()
  }

  endSegment(segment: Segment): void {
    if (!this.#open) return
    this.#stored.push({ sequence: this.#nextSequence++, initIndex: this.#open.initIndex, segment })
    this.#open = undefined
    if (segment.durationSeconds >= this.#targetDuration / 2 || this.#peakBps === 0)
      this.#peakBps = Math.max(this.#peakBps, bitrateOf([segment]))
    this.#forget()
    this.#changed()
  }

  /** No more will come. Idempotent. */
  end(): void {
    if (this.#isEnded) return
    if (this.#open) this.endSegment(joinParts(this.#open.header, this.#open.parts, 0))
    this.#isEnded = true
    this.#changed()
  }

  /** Peak and average over the stream's segments, as 4.4.6.2 defines them, and the measured frame rate. */
  get rates(): { peakBps: number; averageBps: number; frameRate: number } {
    const segments = this.#stored.map(stored => stored.segment)
    const seconds = segments.reduce((sum, segment) => sum + segment.durationSeconds, 0)
    const frames = segments.reduce((sum, segment) => sum + segment.frameCount, 0)
    return { peakBps: this.#peakBps, averageBps: bitrateOf(segments), frameRate: frames / (seconds || 1) }
  }

  findInit(index: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#inits.find(init => init.index === index)?.data
  }

  /** A complete segment, listed or not. */
  findSegment(sequence: number): Segment | undefined {
    return this.#stored[sequence - (this.#stored[0]?.sequence ?? 0)]?.segment
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

  /** The playlist of now; `timing` is fixed once `isReady`. */
  playlist(): MediaPlaylist {
    const { targetDurationSeconds, partTargetSeconds } = this.#timing!
    const listed = this.#stored.slice(this.#unlisted)
    const { sequence, index } = this.nextPart
    return {
      targetDurationSeconds,
      partTargetSeconds,
      canSkipUntilSeconds: SKIP_TARGET_DURATIONS * targetDurationSeconds,
      mediaSequence: listed[0]?.sequence ?? this.#nextSequence,
      discontinuitySequence: this.#discontinuitySequence,
      hasIndependentSegments: listed.every(stored => stored.segment.isIndependent),
      segments: this.#playlistSegments(listed),
      preloadHintUri: this.#isEnded ? undefined : partUri(sequence, index),
      isEnded: this.#isEnded,
    }
  }

  get #targetDuration(): number {
    return this.#timing?.targetDurationSeconds ?? 0
  }

  #playlistSegments(listed: readonly Stored[]): PlaylistSegment[] {
    const open = this.#open && this.#open.parts.length > 0 ? this.#open : undefined
    let untilEnd = open ? durationOf(open.parts) : 0
    const segments: PlaylistSegment[] = open
      ? [playlistSegment(open.header, this.#nextSequence, open.initIndex, open.parts)]
      : []
    for (const { segment, sequence, initIndex } of listed.toReversed()) {
      const { durationSeconds } = segment
      untilEnd += durationSeconds
      // Parts of an ended playlist help nobody, and make hls.js wait for the last one's sound to be as long as it.
      const isRecent = !this.#isEnded && untilEnd < PARTS_TARGET_DURATIONS * this.#targetDuration
      const complete = { uri: `${sequence}.m4s`, durationSeconds }
      segments.push(playlistSegment(segment, sequence, initIndex, isRecent ? segment.parts : [], complete))
    }
    return segments.reverse()
  }

  /**
   * A segment leaves the playlist when enough newer ones are listed, and memory when it has been unlisted for its
   * duration and the longest playlist's, 6.2.2: measured in media, which is time while the stream is live.
   */
  #forget(): void {
    const wanted = Math.max(this.#limits.listedSeconds, LISTED_TARGET_DURATIONS * this.#targetDuration)
    let stored = durationOf(this.#stored.map(each => each.segment))
    let listed = durationOf(this.#stored.slice(this.#unlisted).map(each => each.segment))
    for (;;) {
      const { durationSeconds } = this.#stored[this.#unlisted]!.segment
      if (listed - durationSeconds < wanted) break
      listed -= durationSeconds
      this.#unlist()
    }
    while (this.#stored.length > 1) {
      const { durationSeconds } = this.#stored[0]!.segment
      const isExpired = this.#unlisted > 0 && stored - durationSeconds >= 2 * listed + durationSeconds
      if (!isExpired && this.#bytes <= this.#limits.maxBytes) break
      stored -= durationSeconds
      this.#drop()
    }
    const kept = new Set(this.#stored.map(each => each.initIndex))
    this.#inits = this.#inits.filter(init => kept.has(init.index))
  }

  #unlist(): void {
    if (this.#stored[this.#unlisted]!.segment.isDiscontinuity) this.#discontinuitySequence++
    this.#unlisted++
  }

  #drop(): void {
    if (this.#unlisted === 0) this.#unlist()
    this.#unlisted--
    this.#bytes -= this.#stored.shift()!.segment.data.byteLength
  }

  #initIndexOf(data: Uint8Array<ArrayBuffer>): number {
    const known = this.#inits.find(init => init.data === data)
    if (known) return known.index
    const index = this.#initCount++
    this.#inits.push({ index, data })
    return index
  }

  #changed(): void {
    this.#version++
    this.#onChange()
  }
}

function partUri(sequence: number, index: number): string {
  return `${sequence}.${index}.m4s`
}

function playlistSegment(
  header: SegmentHeader,
  sequence: number,
  initIndex: number,
  parts: readonly Part[],
  complete?: PlaylistSegment['complete'],
): PlaylistSegment {
  const { startsAtMs, isDiscontinuity } = header
  const listed = parts.map(({ durationSeconds, isIndependent }, index) => ({
    uri: partUri(sequence, index),
    durationSeconds,
    isIndependent,
  }))
  return { initUri: `init-${initIndex}.mp4`, startsAtMs, isDiscontinuity, parts: listed, complete }
}

function durationOf(media: readonly { durationSeconds: number }[]): number {
  return media.reduce((sum, each) => sum + each.durationSeconds, 0)
}

function bitrateOf(segments: readonly Segment[]): number {
  const bytes = segments.reduce((sum, segment) => sum + segment.data.byteLength, 0)
  return Math.ceil((bytes * 8) / (durationOf(segments) || 1))
}
