/**
 * Decides where a clip begins and ends, and of which pieces of its source it is made. Without re-encoding it begins with
 * the last key frame before what was asked for and ends before the first one after it; an exact one has the frames that
 * were asked for, and what lies between its ends and the next key frames is encoded again.
 */
import { AppError } from '../errors.ts'

/** A segment of the source rendition. */
export interface SourceSegment {
  readonly sequence: number
  /** Where it begins on the time line of the VOD. */
  readonly offsetSeconds: number
  /** The same on its own time line, which begins anew at discontinuities. */
  readonly startSeconds: number
  readonly durationSeconds: number
  readonly isGap: boolean
  readonly isDiscontinuity: boolean
  /** In decoding order; none in a gap. */
  readonly frames: readonly SourceFrame[]
}

export interface SourceFrame {
  /** Presentation time on the segment's time line. */
  readonly seconds: number
  readonly isKey: boolean
}

/** A segment of the clip, or several of the source made into one. */
export interface Piece {
  /** Of the source's segments. */
  readonly firstSequence: number
  readonly lastSequence: number
  /** Presentation times on their time line; undefined: their beginning and their end. */
  readonly fromSeconds: number | undefined
  readonly toSeconds: number | undefined
  /** It is encoded again, and decoded from this key frame on; undefined: it is taken as it is. */
  readonly decodeFrom: Position | undefined
  /** It does not go on where the piece before ended, or does not decode with the same. */
  readonly isDiscontinuity: boolean
}

/** A presentation time in a segment. */
export interface Position {
  readonly sequence: number
  readonly seconds: number
}

export interface CutRequest {
  /** On the time line of the VOD. */
  readonly fromSeconds: number
  readonly toSeconds: number
  readonly isExact: boolean
}

/** Times that went through an encoder may be rounded. */
export const TIME_TOLERANCE_SECONDS = 0.005

interface Place {
  /** In the list of segments. */
  readonly index: number
  /** Infinity: its end. */
  readonly seconds: number
}

/**
 * `segments`: one after the other, from a key frame before the beginning up to the end. Throws `AppError` CONFLICT
 * (`clip_not_recorded`) where nothing of the time can be shown.
 */
export function planCut(segments: readonly SourceSegment[], request: CutRequest): readonly Piece[] {
  return new Planner(segments).plan(request)
}

class Planner {
  readonly #segments: readonly SourceSegment[]

  constructor(segments: readonly SourceSegment[]) {
    this.#segments = segments
  }

  plan({ fromSeconds, toSeconds, isExact }: CutRequest): readonly Piece[] {
    const begin = this.#placeAfter(fromSeconds)
    const end = this.#placeBefore(toSeconds)
    if (!begin || !end || compare(begin, end) >= 0) throw notRecorded()
    const key = this.#keyUpTo(begin) ?? this.#keyFrom(begin)
    if (!key || compare(key, end) >= 0) throw notRecorded()
    const pieces = isExact ? this.#exact(begin, key, end) : this.#copied(key, this.#keyEnd(end))
    return pieces.map((piece, index) => ({ ...piece, isDiscontinuity: this.#isCutBefore(pieces, index) }))
  }

  /** The first frame that is shown from a time on. */
  #placeAfter(offset: number): Place | undefined {
    for (const [index, { offsetSeconds, startSeconds, frames }] of this.#segments.entries()) {
      const from = startSeconds + offset - offsetSeconds - TIME_TOLERANCE_SECONDS
      const times = frames.map(frame => frame.seconds).filter(seconds => seconds >= from)
      if (times.length > 0) return { index, seconds: Math.min(...times) }
    }
    return undefined
  }

  /** Before which frame a time lies, or the end of the last segment before it that is no gap. */
  #placeBefore(offset: number): Place | undefined {
    const index = this.#segments.findLastIndex(
      segment => !segment.isGap && segment.offsetSeconds < offset - TIME_TOLERANCE_SECONDS,
    )
    const segment = this.#segments[index]
    if (!segment) return undefined
    const seconds = segment.startSeconds + offset - segment.offsetSeconds
    const isLast = segment.frames.every(frame => frame.seconds < seconds - TIME_TOLERANCE_SECONDS)
    return { index, seconds: isLast ? Number.POSITIVE_INFINITY : seconds }
  }

  /** The last key frame up to a place from which everything up to there follows. */
  #keyUpTo({ index, seconds }: Place): Place | undefined {
    for (let at = index; at >= 0; at--) {
      const limit = at === index ? seconds : Number.POSITIVE_INFINITY
      const key = this.#segments[at]!.frames.findLast(frame => frame.isKey && isUpTo(frame, limit))
      if (key) return { index: at, seconds: key.seconds }
      if (!this.#goesOn(at)) return undefined
    }
    return undefined
  }

  /** The first key frame from a place on, before the time line or what is stored breaks off. */
  #keyFrom({ index, seconds }: Place): Place | undefined {
    for (let at = index; at < this.#segments.length; at++) {
      if (at > index && !this.#goesOn(at)) return undefined
      const limit = at === index ? seconds - TIME_TOLERANCE_SECONDS : Number.NEGATIVE_INFINITY
      const key = this.#segments[at]!.frames.find(frame => frame.isKey && frame.seconds >= limit)
      if (key) return { index: at, seconds: key.seconds }
    }
    return undefined
  }

  /** The segment goes on where the one before it in the list ended. */
  #goesOn(index: number): boolean {
    const [before, segment] = [this.#segments[index - 1], this.#segments[index]!]
    return before !== undefined && !before.isGap && !segment.isGap && !segment.isDiscontinuity
  }

  /** The first key frame from the end on that is in its segment, else the end of that. */
  #keyEnd(end: Place): Place {
    const { frames } = this.#segments[end.index]!
    const key = frames.find(frame => frame.isKey && frame.seconds >= end.seconds - TIME_TOLERANCE_SECONDS)
    return { index: end.index, seconds: key?.seconds ?? Number.POSITIVE_INFINITY }
  }

  #exact(begin: Place, key: Place, end: Place): Piece[] {
    // Without a key frame before it, it begins with the first one after it.
    const first = compare(key, begin) > 0 ? key : begin
    const isCleanStart = isSame(first, key)
    const next = isCleanStart ? key : (this.#keyFrom(first) ?? this.#endOfTimeLine(first))
    if (compare(next, end) >= 0) return [this.#encoded(key, first, end)]
    const head = isCleanStart ? [] : [this.#encoded(key, first, next)]
    const last = end.seconds === Number.POSITIVE_INFINITY ? end : this.#keyUpTo(end)
    // Where what the last frames need is not stored, the clip ends with the segment before.
    const until = last ?? { index: end.index - 1, seconds: Number.POSITIVE_INFINITY }
    const tail = last && !isSame(last, end) ? [this.#encoded(last, last, end)] : []
    return [...head, ...this.#copied(next, until), ...tail]
  }

  #endOfTimeLine({ index }: Place): Place {
    let last = index
    while (last + 1 < this.#segments.length && this.#goesOn(last + 1)) last++
    return { index: last, seconds: Number.POSITIVE_INFINITY }
  }

  #encoded(key: Place, from: Place, to: Place): Piece {
    const isAtStart = this.#isStart(to)
    return {
      firstSequence: this.#segments[from.index]!.sequence,
      lastSequence: this.#segments[isAtStart ? to.index - 1 : to.index]!.sequence,
      fromSeconds: this.#isStart(from) ? undefined : from.seconds,
      toSeconds: isAtStart || this.#isEnd(to) ? undefined : to.seconds,
      decodeFrom: { sequence: this.#segments[key.index]!.sequence, seconds: key.seconds },
      isDiscontinuity: false,
    }
  }

  /** A piece for every segment from one key frame up to another, or to the end of a segment. */
  #copied(from: Place, to: Place): Piece[] {
    const first = this.#isEnd(from) ? from.index + 1 : from.index
    const last = this.#isStart(to) ? to.index - 1 : to.index
    return this.#segments.slice(first, last + 1).map(({ sequence }, at) => ({
      firstSequence: sequence,
      lastSequence: sequence,
      fromSeconds: first + at === from.index && !this.#isStart(from) ? from.seconds : undefined,
      toSeconds: first + at === to.index && !this.#isEnd(to) ? to.seconds : undefined,
      decodeFrom: undefined,
      isDiscontinuity: false,
    }))
  }

  #isCutBefore(pieces: readonly Piece[], index: number): boolean {
    const [before, piece] = [pieces[index - 1], pieces[index]!]
    if (!before) return false
    const source = this.#segments.find(segment => segment.sequence === piece.firstSequence)
    const isNewTimeLine = piece.fromSeconds === undefined && source?.isDiscontinuity
    return Boolean(before.decodeFrom || piece.decodeFrom || isNewTimeLine)
  }

  #isStart({ index, seconds }: Place): boolean {
    return seconds <= this.#segments[index]!.startSeconds + TIME_TOLERANCE_SECONDS
  }

  #isEnd({ index, seconds }: Place): boolean {
    const { startSeconds, durationSeconds } = this.#segments[index]!
    return seconds >= startSeconds + durationSeconds - TIME_TOLERANCE_SECONDS
  }
}

function isUpTo(frame: SourceFrame, seconds: number): boolean {
  return frame.seconds <= seconds + TIME_TOLERANCE_SECONDS
}

function compare(left: Place, right: Place): number {
  if (left.index !== right.index) return left.index - right.index
  return isSame(left, right) ? 0 : left.seconds - right.seconds
}

function isSame(left: Place, right: Place): boolean {
  if (left.index !== right.index) return false
  // Two ends: the difference of infinities is not a number.
  return left.seconds === right.seconds || Math.abs(left.seconds - right.seconds) <= TIME_TOLERANCE_SECONDS
}

function notRecorded(): AppError {
  return new AppError('CONFLICT', 'clip_not_recorded', 'Nothing is recorded of that time.')
}
