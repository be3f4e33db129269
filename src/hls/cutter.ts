/** Decides where parts and segments end, so that the promises of the playlist's header hold whatever the encoder does. */

/** What a playlist promises for the whole life of a stream, draft-pantos-hls-rfc8216bis 4.4.3.1 and 4.4.3.7. */
export interface Timing {
  /** No segment's duration, rounded to whole seconds, is above it. */
  readonly targetDurationSeconds: number
  /** No part is longer, and none but the last of a segment is shorter than 85 % of it. */
  readonly partTargetSeconds: number
}

export interface CutListener {
  /** Called once, before the first part, when the cutter was not given a timing. */
  timingFixed(timing: Timing): void
  /** A part reaches from the last part's end to `end`, in ticks. */
  partEnded(end: number): void
  /** The last part was the last of its segment. */
  segmentEnded(): void
}

interface Frame {
  readonly time: number
  readonly isKey: boolean
}

/** Six frames at 30 a second: three parts of hold-back, and what a player adds to them, stay below a second. */
const PART_SECONDS = 0.2
const LONGEST_PART_SECONDS = 1
/** Time stamps in whole milliseconds make a part of equal frames this much longer, at most. */
const PART_JITTER_SECONDS = 0.0015
const PART_STEP_SECONDS = 0.005
/**
 * hls.js (1.7) takes a segment for loaded where no more than this is missing at its beginning. One whose first part it
 * has left out, as whoever joins there does, it then waits for, until that part is no longer listed: a stall of seconds.
 */
const HLS_JS_PADDING_SECONDS = 0.2
/** So much longer a part may be made for the sake of the other lanes' frames. */
const PART_STEPS = 12
/** 85 % is what iOS asks for; a little more, as durations are rounded. */
const LEAST_PART_FILL = 0.851
/** Two seconds, less the jitter of time stamps. */
const SHORTEST_SEGMENT_SECONDS = 1.9
const LONGEST_FIRST_SEGMENT_SECONDS = 6
/** EXTINF is rounded before it is compared with the target duration. */
const ROUNDING_SECONDS = 0.45
/** A group of pictures may get this much longer than a target duration made for it. */
const TARGET_SLACK_SECONDS = 0.3

/**
 * It is told the time of each frame of one track. Until the timing is known, that is until the first segment can end,
 * frames are only noted; then they are cut all at once. A part ends at a frame where it can and inside a frame's time
 * where frames are too long for that; a segment ends at a key frame where one comes in time. Nothing before the newest
 * frame's time is ever cut afterwards, so what lies before it can be handed out. The cutter of a track that follows
 * another's segments ends parts by the same rules, and a segment only where `finish` says.
 */
export class Cutter {
  readonly #timescale: number
  readonly #listener: CutListener
  readonly #isFollower: boolean
  readonly #otherIntervals: readonly number[]
  readonly #renditionFrames: number
  #timing: Timing | undefined
  #partTarget = 0
  #longestSegment = 0
  /** Frames that wait for the timing. */
  #waiting: Frame[] = []
  /** Frame times inside the open part. */
  #boundaries: number[] = []
  #partStart: number
  #segmentStart: number
  #lastTime: number
  #lastKeyTime: number
  #framesSinceKey = 0
  /** From the last but one key frame to the last; 0 before there are two. */
  #lastGroup = 0

  /**
   * `start`: the first frame's time in ticks of `timescale`; it is taken for a key frame. `otherIntervals`: seconds of
   * a frame of each track that follows, for which parts of the timing must be possible too. `renditionFrames`: a picture
   * that follows has a key frame each so many frames after one of this track.
   */
  constructor(options: {
    timescale: number
    start: number
    timing?: Timing | undefined
    isFollower?: boolean
    otherIntervals?: readonly number[]
    renditionFrames?: number
    listener: CutListener
  }) {
    this.#timescale = options.timescale
    this.#listener = options.listener
    this.#isFollower = options.isFollower ?? false
    this.#otherIntervals = options.otherIntervals ?? []
    this.#renditionFrames = options.renditionFrames ?? Number.POSITIVE_INFINITY
    this.#partStart = this.#segmentStart = this.#lastTime = this.#lastKeyTime = options.start
    if (options.timing) this.#useTiming(options.timing)
  }

  /** A frame begins at `time`, so that all before it is complete. Times rise. */
  step(time: number, isKey: boolean): void {
    if (!this.#timing) {
      const length = time - this.#segmentStart
      const isEnough = isKey && length >= SHORTEST_SEGMENT_SECONDS * this.#timescale
      if (!isEnough && length <= LONGEST_FIRST_SEGMENT_SECONDS * this.#timescale) {
        this.#waiting.push({ time, isKey })
        return
      }
      this.#fixTiming(time)
    }
    this.#cut({ time, isKey })
  }

  /** Ends the open part and segment at `time`, which is not before the last frame's; what follows begins there. */
  finish(time: number): void {
    if (!this.#timing) this.#fixTiming(time)
    this.#endFullParts(time)
    this.#endSegment(time)
  }

  /** Where the open part begins. */
  get partStart(): number {
    return this.#partStart
  }

  #fixTiming(time: number): void {
    const length = Math.min(LONGEST_FIRST_SEGMENT_SECONDS, (time - this.#segmentStart) / this.#timescale)
    const timing = {
      targetDurationSeconds: Math.max(2, Math.ceil(length - TARGET_SLACK_SECONDS)),
      partTargetSeconds: partTargetFor(this.#usualInterval(time) / this.#timescale, this.#otherIntervals),
    }
    this.#useTiming(timing)
    this.#listener.timingFixed(timing)
    const frames = this.#waiting
    this.#waiting = []
    for (const frame of frames) this.#cut(frame)
  }

  #useTiming(timing: Timing): void {
    this.#timing = timing
    // A tick less: playlists tell a nanosecond more than a part has.
    this.#partTarget = Math.floor(timing.partTargetSeconds * this.#timescale) - 1
    this.#longestSegment = this.#isFollower
      ? Number.POSITIVE_INFINITY
      : Math.floor((timing.targetDurationSeconds + ROUNDING_SECONDS) * this.#timescale)
  }

  /** Between most frames: dropped ones do not count, and what time stamps in whole milliseconds add or lack evens out. */
  #usualInterval(end: number): number {
    const times = [this.#segmentStart, ...this.#waiting.map(frame => frame.time), end]
    const intervals = times.slice(1).map((time, index) => time - times[index]!)
    const median = intervals.toSorted((left, right) => left - right)[intervals.length >> 1]!
    const usual = intervals.filter(each => Math.abs(each - median) <= PART_JITTER_SECONDS * this.#timescale)
    return Math.max(1, usual.reduce((sum, each) => sum + each, 0) / usual.length)
  }

  #cut({ time, isKey }: Frame): void {
    this.#endFullParts(time)
    this.#framesSinceKey++
    const length = time - this.#partStart
    if (isKey ? this.#isSegmentDue(time) : this.#isLastToJoinAt(time)) {
      this.#endSegment(time)
    } else if (length >= this.#partTarget * LEAST_PART_FILL) {
      // Not waiting for the frame that will not fit saves its time; a key frame makes a part to join at.
      if (isKey || length + (time - this.#lastTime) > this.#partTarget) this.#endPart(time)
    }
    this.#boundaries.push(time)
    this.#lastTime = time
    if (!isKey) return
    this.#lastGroup = time - this.#lastKeyTime
    this.#lastKeyTime = time
    this.#framesSinceKey = 0
  }

  /**
   * A segment that will have to end without a key frame ends where the renditions have their last one in time, so that
   * a player can begin with the next segment of any but this.
   */
  #isLastToJoinAt(time: number): boolean {
    if (this.#isFollower || this.#framesSinceKey % this.#renditionFrames !== 0) return false
    const latest = this.#segmentStart + this.#longestSegment
    const next = time + ((time - this.#lastKeyTime) / this.#framesSinceKey) * this.#renditionFrames
    const isKeyExpected = this.#lastGroup > 0 && this.#lastKeyTime + this.#lastGroup <= latest
    return next > latest && time <= latest && !isKeyExpected
  }

  /** At a key frame: long enough, or too long with one more group of pictures like the last. */
  #isSegmentDue(time: number): boolean {
    if (this.#isFollower) return false
    const length = time - this.#segmentStart
    const lastGroup = time - this.#lastKeyTime
    return (
      length >= SHORTEST_SEGMENT_SECONDS * this.#timescale ||
      (length > 0 && length + lastGroup > this.#longestSegment)
    )
  }

  #endFullParts(time: number): void {
    for (;;) {
      const partLatest = this.#partStart + this.#partTarget
      const segmentLatest = this.#segmentStart + this.#longestSegment
      if (time <= Math.min(partLatest, segmentLatest)) return
      // No key frame came in time: the segment ends here rather than break the target duration.
      if (segmentLatest <= partLatest) this.#endSegment(this.#boundaryBefore(segmentLatest) ?? segmentLatest)
      else this.#endPart(this.#boundaryBefore(partLatest, LEAST_PART_FILL) ?? partLatest)
    }
  }

  /** The last beginning of a frame up to `latest` that leaves so much of a part. */
  #boundaryBefore(latest: number, leastFill = 0): number | undefined {
    const boundary = this.#boundaries.findLast(each => each <= latest)
    const isLongEnough = boundary && boundary - this.#partStart >= this.#partTarget * leastFill
    return isLongEnough ? boundary : undefined
  }

  #endPart(end: number): void {
    this.#listener.partEnded(end)
    this.#partStart = end
    this.#boundaries = this.#boundaries.filter(each => each > end)
  }

  #endSegment(time: number): void {
    if (time > this.#partStart) this.#endPart(time)
    if (this.#partStart > this.#segmentStart) this.#listener.segmentEnded()
    this.#segmentStart = this.#partStart
  }
}

/**
 * The part target, in seconds, for pictures of this interval: whole frames of about `PART_SECONDS`, with room for
 * jitter, in steps of 5 ms; whole frames of the others, which are sounds, fit too, and are longer than hls.js pads.
 */
export function partTargetFor(intervalSeconds: number, otherIntervals: readonly number[]): number {
  const frames = Math.max(1, Math.round(PART_SECONDS / intervalSeconds))
  const seconds = Math.min(LONGEST_PART_SECONDS, frames * intervalSeconds) + PART_JITTER_SECONDS
  const steps = Math.ceil(seconds / PART_STEP_SECONDS)
  const candidates = Array.from({ length: PART_STEPS }, (_, index) => (steps + index) * PART_STEP_SECONDS)
  const soundsOf = (target: number) => otherIntervals.map(each => Math.floor(target / each) * each)
  const hasRoom = (target: number) =>
    [seconds - PART_JITTER_SECONDS, ...soundsOf(target)].every(length => length >= LEAST_PART_FILL * target)
  const isPadded = (target: number) => soundsOf(target).every(length => length > HLS_JS_PADDING_SECONDS)
  const best = candidates.find(target => hasRoom(target) && isPadded(target)) ?? candidates.find(hasRoom)
  return Number((best ?? candidates[0]!).toFixed(3))
}
