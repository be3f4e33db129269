/** Hides which of a rendition's complete segments are listed, which are only kept, and whose media is in memory. */
import type { Track } from '../../media/access-unit.ts'
import type { Segment } from './segment.ts'

/** A complete segment. */
export interface StoredSegment {
  /** Without its media when that is in the archive alone. */
  readonly segment: Segment
  /** The media's, wherever it is. */
  readonly byteLength: number
  readonly isArchived: boolean
  /** Of the init segment it decodes with; undefined: a gap before any media. */
  readonly initIndex: number | undefined
  /** As a playlist lists it without parts, after the one before. */
  readonly text: string
}

const NO_DATA = new Uint8Array(0)

export class SegmentList {
  readonly #isHeld: (sequence: number) => boolean
  /** Oldest first: those that are not listed, then the listed ones. */
  readonly #stored: StoredSegment[] = []
  #unlisted = 0
  /** How many of the oldest have been looked at for leaving memory, and the seconds of the others. */
  #aged = 0
  #youngSeconds = 0
  #bytes = 0
  #listedBytes = 0
  #storedSeconds = 0
  readonly #totals = new Totals()

  /** `isHeld`: whether an archive has the segment for as long as this is used. */
  constructor(isHeld: (sequence: number) => boolean) {
    this.#isHeld = isHeld
  }

  get length(): number {
    return this.#stored.length
  }

  get last(): StoredSegment | undefined {
    return this.#stored.at(-1)
  }

  get oldest(): StoredSegment | undefined {
    return this.#stored[0]
  }

  get oldestListed(): StoredSegment | undefined {
    return this.#stored[this.#unlisted]
  }

  /** What playlists list, oldest first. */
  get listed(): readonly StoredSegment[] {
    return this.#stored.slice(this.#unlisted)
  }

  /** Sums over what is listed. */
  get totals(): Readonly<Totals> {
    return this.#totals
  }

  /** Of all, listed or not. */
  get storedSeconds(): number {
    return this.#storedSeconds
  }

  /** Bytes of media in memory: of what is listed, and of all. */
  get listedBytes(): number {
    return this.#listedBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Listed or not. */
  find(sequence: number): StoredSegment | undefined {
    return this.#stored[sequence - (this.oldest?.segment.sequence ?? 0)]
  }

  push(segment: Segment, initIndex: number | undefined, text: string): void {
    const { byteLength } = segment.data
    const stored = { segment, initIndex, text, byteLength, isArchived: false }
    this.#stored.push(stored)
    this.#totals.add(stored, 1)
    this.#bytes += byteLength
    this.#listedBytes += byteLength
    this.#youngSeconds += segment.durationSeconds
    this.#storedSeconds += segment.durationSeconds
  }

  /** Media that the archive has goes out of memory, but for the newest of `keptSeconds`; its segment stays listed. */
  archive(keptSeconds: number): void {
    while (this.#aged < this.#stored.length - 1) {
      const stored = this.#stored[this.#aged]!
      const { segment, byteLength } = stored
      if (this.#youngSeconds - segment.durationSeconds < keptSeconds) return
      this.#youngSeconds -= segment.durationSeconds
      const index = this.#aged++
      // What the archive has lost by now stays here.
      if (byteLength === 0 || !this.#isHeld(segment.sequence)) continue
      const light = { ...segment, parts: [], data: NO_DATA }
      this.#stored[index] = { ...stored, segment: light, isArchived: true }
      this.#bytes -= byteLength
      if (index >= this.#unlisted) this.#listedBytes -= byteLength
    }
  }

  /** Segments before `sequence` are no longer listed, but for the newest; they stay. */
  unlistBefore(sequence: number): void {
    while (this.#unlisted < this.#stored.length - 1) {
      const stored = this.#stored[this.#unlisted]!
      if (stored.segment.sequence >= sequence) return
      this.#unlisted++
      this.#totals.add(stored, -1)
      if (!stored.isArchived) this.#listedBytes -= stored.byteLength
    }
  }

  /** Segments before `sequence` are no longer listed and not kept, but for the newest. */
  dropBefore(sequence: number): void {
    this.unlistBefore(sequence)
    while (this.#unlisted > 0 && this.oldest!.segment.sequence < sequence) {
      const { segment, byteLength, isArchived } = this.#stored.shift()!
      this.#unlisted--
      if (this.#aged > 0) this.#aged--
      else this.#youngSeconds -= segment.durationSeconds
      if (!isArchived) this.#bytes -= byteLength
      this.#storedSeconds -= segment.durationSeconds
    }
  }
}

/** Sums over the listed segments, kept instead of counted anew: there may be thousands. */
class Totals {
  bytes = 0
  seconds = 0
  mediaSeconds = 0
  frames = 0
  /** How many segments are of each. */
  readonly tracks = new Map<Track, number>()

  add({ segment, byteLength }: StoredSegment, sign: 1 | -1): void {
    this.bytes += sign * byteLength
    this.seconds += sign * segment.durationSeconds
    this.mediaSeconds += sign * (segment.isGap ? 0 : segment.durationSeconds)
    this.frames += sign * segment.frameCount
    if (segment.track && !segment.isGap) this.#count(segment.track, sign)
  }

  #count(track: Track, sign: 1 | -1): void {
    const count = (this.tracks.get(track) ?? 0) + sign
    if (count > 0) this.tracks.set(track, count)
    else this.tracks.delete(track)
  }
}
