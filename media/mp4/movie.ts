/**
 * Makes one MP4 file of stored segments without touching their media: a header that a player can begin with, then the
 * segment objects as they are, one behind the other in one mdat. Their own headers lie among the samples as bytes that
 * nobody points to. Where what the pictures decode with changes, their parameter sets stand before key frames, too.
 */
import { concatBytes } from '../bytes.ts'
import { parseInit } from './init-reader.ts'
import { mediaHeader, movieBoxes } from './movie-boxes.ts'
import { type Alignment, MovieTrack } from './movie-track.ts'
import { decodeSampleTable } from './sample-table.ts'

/** A stored segment. `Key`: whatever names its object for the caller. */
export interface MovieSegment<Key> {
  readonly key: Key
  readonly sizeBytes: number
  /** Of the init segment it decodes with, among those of its track. */
  readonly initIndex: number
  /** As media/mp4/sample-table.ts writes it. */
  readonly samples: Uint8Array
}

/** The segments of all tracks with one sequence number, which cover the same time. */
export interface MovieSlice<Key> {
  /** Presentation time of its beginning on the segments' time line (that of the picture). */
  readonly startSeconds: number
  readonly durationSeconds: number
  /** Its time line is not that of the slice before. */
  readonly isDiscontinuity: boolean
  /** One for each track, in their order; undefined: a gap. */
  readonly segments: readonly (MovieSegment<Key> | undefined)[]
}

/** Bytes of a file that are the same somewhere else: in an object from `offset` on, or in memory. */
export interface MoviePart<Key> {
  /** Of its first byte in the file. */
  readonly start: number
  readonly sizeBytes: number
  readonly content: { readonly key: Key; readonly offset: number } | { readonly bytes: Uint8Array }
}

export interface MovieFile<Key> {
  /** All that comes before the first part. */
  readonly header: Uint8Array
  /** In the order of the file, one behind the other. */
  readonly parts: readonly MoviePart<Key>[]
  readonly sizeBytes: number
}

/** Bytes of a file, or `start` up to `end` of an object. */
export type MoviePiece<Key> =
  | { readonly bytes: Uint8Array }
  | { readonly key: Key; readonly start: number; readonly end: number }

const TWO_TO_32 = 0x1_0000_0000

/** Slices are added one by one, so that a caller with thousands of them can do something else between. */
export class Movie<Key> {
  readonly #tracks: readonly MovieTrack[]
  readonly #parts: MoviePart<Key>[] = []
  /** Tracks that have to be aligned with their next segment. */
  readonly #unaligned = new Set<MovieTrack>()
  #alignment: Alignment = { mediaSeconds: 0, movieSeconds: 0 }
  #seconds = 0
  #payloadBytes = 0
  #hasBegun = false

  /** `inits`: for each track its init segments, all that its segments decode with. Throws `ProtocolError`. */
  constructor(inits: readonly (readonly Uint8Array[])[]) {
    this.#tracks = inits.map(each => new MovieTrack(each.map(parseInit)))
  }

  /** The next slice, in the order of time. Throws `ProtocolError` for a broken table. */
  add(slice: MovieSlice<Key>): void {
    if (!this.#hasBegun || slice.isDiscontinuity) {
      this.#hasBegun = true
      this.#alignment = { mediaSeconds: slice.startSeconds, movieSeconds: this.#seconds }
      for (const track of this.#tracks) this.#unaligned.add(track)
    }
    for (const [index, segment] of slice.segments.entries())
      if (segment) this.#addSegment(this.#tracks[index]!, segment)
    this.#seconds += slice.durationSeconds
  }

  /** The file; nothing is added afterwards. */
  finish(): MovieFile<Key> {
    for (const track of this.#tracks) track.finish()
    const tracks = this.#tracks.filter(track => track.sampleCount > 0)
    const mdat = mediaHeader(this.#payloadBytes)
    const boxes = movieBoxes(tracks, 0, false)
    const size = boxes.reduce((sum, each) => sum + each.byteLength, mdat.byteLength)
    const isWide = size + this.#payloadBytes >= TWO_TO_32
    const chunks = tracks.reduce((sum, track) => sum + track.chunkOffsets.length, 0)
    const mediaAt = size + (isWide ? 4 * chunks : 0)
    const header = concatBytes([...movieBoxes(tracks, mediaAt, isWide), mdat])
    const parts = this.#parts.map(part => ({ ...part, start: mediaAt + part.start }))
    return { header, parts, sizeBytes: mediaAt + this.#payloadBytes }
  }

  #addSegment(track: MovieTrack, { key, sizeBytes, initIndex, samples }: MovieSegment<Key>): void {
    const decoded = decodeSampleTable(samples)
    const alignment = decoded.length > 0 && this.#unaligned.delete(track) ? this.#alignment : undefined
    let offset = 0
    for (const insertion of track.add(decoded, initIndex, this.#payloadBytes, alignment)) {
      this.#addPart(insertion.offset - offset, { key, offset })
      this.#addPart(insertion.bytes.byteLength, { bytes: insertion.bytes })
      offset = insertion.offset
    }
    this.#addPart(sizeBytes - offset, { key, offset })
  }

  #addPart(sizeBytes: number, content: MoviePart<Key>['content']): void {
    if (sizeBytes <= 0) return
    this.#parts.push({ start: this.#payloadBytes, sizeBytes, content })
    this.#payloadBytes += sizeBytes
  }
}

/** What the bytes of the file from `start` up to `end` are, in order. */
export function* piecesOf<Key>(file: MovieFile<Key>, start: number, end: number): Generator<MoviePiece<Key>> {
  const headerBytes = file.header.byteLength
  if (start < headerBytes) yield { bytes: file.header.subarray(start, Math.min(end, headerBytes)) }
  for (let index = firstEndingAfter(file.parts, start); index < file.parts.length; index++) {
    const { start: at, sizeBytes, content } = file.parts[index]!
    if (at >= end) return
    const [from, to] = [Math.max(0, start - at), Math.min(sizeBytes, end - at)]
    if ('bytes' in content) yield { bytes: content.bytes.subarray(from, to) }
    else yield { key: content.key, start: content.offset + from, end: content.offset + to }
  }
}

/** By halves: a long recording has thousands of parts. */
function firstEndingAfter(parts: readonly MoviePart<unknown>[], position: number): number {
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const { start, sizeBytes } = parts[middle]!
    if (start + sizeBytes > position) high = middle
    else low = middle + 1
  }
  return low
}
