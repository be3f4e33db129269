/** What a packager makes of a stream: parts and segments of one track each, as HLS, DASH and recordings share them. */
import type { Track } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import type { Timing } from './cutter.ts'

export interface SegmentHeader {
  /** Media sequence number: the segments of all renditions with the same one cover the same time. */
  readonly sequence: number
  /** Discontinuity sequence number, the same in all renditions. */
  readonly discontinuity: number
  /** The time line or the tracks are not those of the segment before. */
  readonly isDiscontinuity: boolean
  /** Undefined: a gap of a rendition that its broadcast does not feed. */
  readonly track: Track | undefined
  /** The init segment it decodes with: the same object for as long as it does. Undefined with `track`. */
  readonly init: Uint8Array<ArrayBuffer> | undefined
  /** Begins with a key frame. */
  readonly isIndependent: boolean
  /** Presentation time of its beginning, seconds on its broadcast's time line. */
  readonly startSeconds: number
  /** The same as wall-clock time, milliseconds since the epoch. */
  readonly startsAtMs: number
}

export interface Part {
  readonly durationSeconds: number
  /** Begins with a key frame. */
  readonly isIndependent: boolean
  /** There is no media for its time. */
  readonly isGap: boolean
  /** moof and mdat; empty for a gap. */
  readonly data: Uint8Array<ArrayBuffer>
}

export interface Segment extends SegmentHeader {
  readonly durationSeconds: number
  /** At least one. */
  readonly parts: readonly Part[]
  /** There is no media for all of its time. */
  readonly isGap: boolean
  /** The bytes of its parts, which share this memory. */
  readonly data: Uint8Array<ArrayBuffer>
  readonly frameCount: number
}

/** Takes what is made of one rendition, in the tick in which it is complete. It must not throw. */
export interface SegmentConsumer {
  /** Called before everything else; the same for all renditions and the whole stream. */
  fixTiming(timing: Timing): void
  beginSegment(header: SegmentHeader): void
  addPart(part: Part): void
  endSegment(segment: Segment): void
}

/** The segment made of `parts`, whose memory it takes over. */
export function joinParts(header: SegmentHeader, parts: readonly Part[], frameCount: number): Segment {
  const data = concatBytes(parts.map(part => part.data)) as Uint8Array<ArrayBuffer>
  let at = 0
  const views = parts.map(part => {
    const view = data.subarray(at, at + part.data.byteLength)
    at += part.data.byteLength
    return { ...part, data: view }
  })
  const durationSeconds = parts.reduce((sum, part) => sum + part.durationSeconds, 0)
  const isGap = parts.every(part => part.isGap)
  return { ...header, durationSeconds, parts: views, isGap, data, frameCount }
}
