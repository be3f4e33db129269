/**
 * Brings one rendition along the plan that the source's picture makes: its sound, another sound, a picture of the
 * ladder. It holds no more than what it is behind; one that lags too far, or is not fed at all, goes on without: sound
 * with silence, because players wait for ever where it has a gap; pictures with gaps, where players change to another.
 */
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { Cutter, type Timing } from './cutter.ts'
import { Lane } from './lane.ts'
import { PLAN_TIMESCALE, type Plan, type PlannedSegment } from './plan.ts'
import type { SegmentConsumer } from './segment.ts'
import { silentUnit } from './silence.ts'

/** Further behind the source than this there is a gap: twice what an encoder needs. */
const LONGEST_LAG_SECONDS = 3
/** Of a target duration; the rest is for the part that is cut then. */
const LAG_SHARE = 0.85
/** Time stamps that went through an encoder may be rounded. */
const TOLERANCE_SECONDS = 0.004
/** The first unit of a time line may begin so much later than the source. */
const LATE_START_SECONDS = 0.1
/** Sound that lacks a unit is not only a rounding apart. */
const HOLE_UNITS = 0.9
const MAX_QUEUED_UNITS = 3_000
const MAX_QUEUED_BYTES = 32 * 1024 * 1024
const MAX_SEGMENT_BYTES = 48 * 1024 * 1024

export class Follower {
  readonly #lane: Lane
  readonly #consumer: SegmentConsumer
  readonly #plan: Plan
  readonly #longestLagSeconds: number
  #cutter: Cutter | undefined
  /** The segment that it is in. */
  #sequence: number
  /** All before this is cut or given up; in ticks of the track. */
  #position = 0
  /** Not yet given to the lane. */
  #queue: AccessUnit[] = []
  #queuedBytes = 0
  #lastDts = Number.NEGATIVE_INFINITY
  #isWaitingForKey = true
  #isWaitingForSegment = false
  /** Beginning of the segment with which the cutter began. */
  #begunAt = Number.NaN
  /** The segment has a part. */
  #hasParts = false

  /** `sequence`: its first segment. `isUnfed`: no unit will come. */
  constructor(options: {
    consumer: SegmentConsumer
    plan: Plan
    sequence: number
    track?: Track
    isUnfed?: boolean
  }) {
    this.#consumer = options.consumer
    this.#plan = options.plan
    this.#sequence = options.sequence
    this.#longestLagSeconds = options.isUnfed ? 0 : LONGEST_LAG_SECONDS
    this.#lane = new Lane(options.consumer)
    if (options.track) this.#lane.track = options.track
  }

  get track(): Track | undefined {
    return this.#lane.track
  }

  /** An encoder made this track anew: what it sends begins with a key frame, in a segment of its own. */
  changeTrack(track: Track): void {
    this.#clear()
    this.#isWaitingForSegment = this.#hasParts
    this.#lane.track = track
    this.#lastDts = Number.NEGATIVE_INFINITY
  }

  write(unit: AccessUnit): void {
    // Decoding times rise: without that no fragment can be written.
    if (unit.dts <= this.#lastDts || unit.dts < 0) return
    this.#lastDts = unit.dts
    this.#queue.push(unit)
    this.#queuedBytes += unit.data.byteLength
    if (this.#queue.length > MAX_QUEUED_UNITS || this.#queuedBytes > MAX_QUEUED_BYTES) this.#clear()
  }

  /**
   * Goes on as far as its media reaches. `limit`: the source's newest time, before which no cut will be made any more;
   * `lagSeconds`: how far behind that it may stay.
   */
  advance(limit: number, timing: Timing, lagSeconds = this.#longestLagSeconds): void {
    // 6.2.4: no playlist is further behind another than a target duration.
    const forced = limit - Math.min(lagSeconds, timing.targetDurationSeconds * LAG_SHARE) * PLAN_TIMESCALE
    for (;;) {
      const segment = this.#plan.find(this.#sequence)
      if (!segment || !this.#isBegun(segment, forced, timing)) return
      const unit = this.#queue[0]
      if (unit && this.#isHoleBefore(unit, Math.min(limit, segment.end ?? limit)) && this.#addSilence())
        continue
      if (this.#hasReached(segment.end)) this.#finish(segment)
      else if (unit && this.#lane.timeOf(unit) < this.#ticks(limit)) this.#take(this.#shift()!)
      else if (unit || this.#ticks(forced) <= this.#position) return
      else if (!this.#addSilence()) {
        // What is given up may have had pictures that later ones need.
        this.#isWaitingForKey = true
        if (segment.end !== undefined && segment.end <= forced) this.#finish(segment)
        else this.#step(this.#ticks(forced), false)
      }
    }
  }

  /** Sound is missing between what it has and `unit`, before `limit`. */
  #isHoleBefore({ track, pts }: AccessUnit, limit: number): boolean {
    if (track.kind !== 'audio' || this.#position >= this.#ticks(limit)) return false
    return pts - this.#position > HOLE_UNITS * track.samplesPerUnit
  }

  /** Returns false for a picture, and where silence cannot be made or taken. */
  #addSilence(): boolean {
    const { track } = this.#lane
    const data = track?.kind === 'audio' ? silentUnit(track) : undefined
    if (!track || !data) return false
    const before = this.#position
    const dts = Math.ceil(before)
    this.#lastDts = Math.max(this.#lastDts, dts)
    this.#take({ track, dts, pts: dts, isKey: true, data })
    return this.#position > before
  }

  /** Whether a cutter runs on the segment's time line; it begins with the first unit, or without when that is late. */
  #isBegun(segment: PlannedSegment, forced: number, timing: Timing): boolean {
    if (this.#cutter && (!segment.isDiscontinuity || this.#begunAt === segment.start)) return true
    const start = this.#ticks(segment.start)
    while (this.#queue[0] && this.#isBefore(this.#queue[0], start)) this.#shift()
    const first = this.#queue[0]
    if (!first && (segment.end ?? segment.start) > forced) return false
    const late = first ? first.pts - start : 0
    this.#position = late < LATE_START_SECONDS * this.#lane.timescale ? start + late : start
    this.#begunAt = segment.start
    this.#lane.begin(this.#position)
    this.#consumer.fixTiming(timing)
    this.#cutter = new Cutter({
      timescale: this.#lane.timescale,
      start: this.#position,
      timing,
      isFollower: true,
      listener: {
        timingFixed: () => {},
        partEnded: end => {
          this.#hasParts = true
          this.#lane.endPart(end, this.#position, this.#plan.find(this.#sequence)!)
        },
        segmentEnded: () => this.#lane.endSegment(),
      },
    })
    return true
  }

  #isBefore(unit: AccessUnit, start: number): boolean {
    return unit.pts < start - this.#tolerance(unit.track) || !unit.isKey
  }

  /** The next unit belongs to a later segment, or nothing is missing in this one. */
  #hasReached(end: number | undefined): boolean {
    if (end === undefined) return false
    const unit = this.#queue[0]
    if (unit) return this.#lane.timeOf(unit) >= this.#ticks(end) - this.#tolerance(unit.track)
    return this.#lane.track?.kind === 'audio' && this.#position >= this.#ticks(end)
  }

  #take(unit: AccessUnit): void {
    const { track, isKey } = unit
    const time = this.#lane.timeOf(unit)
    const slack = track.kind === 'audio' ? track.samplesPerUnit : this.#tolerance(track)
    const isLate = time < this.#position - slack
    if (isLate || this.#isWaitingForSegment || this.#lane.segmentBytes > MAX_SEGMENT_BYTES)
      this.#isWaitingForKey = true
    else if (isKey) this.#isWaitingForKey = false
    if (this.#isWaitingForKey) return
    this.#lane.push(unit)
    // How long sound lasts is known, so that a part need not wait for the unit after it.
    if (track.kind === 'audio') this.#step(time + track.samplesPerUnit, false)
    else this.#step(time, isKey)
  }

  #step(time: number, isKey: boolean): void {
    if (time <= this.#position) return
    this.#position = time
    this.#cutter!.step(time, isKey)
  }

  #finish(segment: PlannedSegment): void {
    let end = this.#ticks(segment.end!)
    const next = this.#queue[0]
    // The picture that begins the next segment also ends the last one of this, a rounding beside the cut or not.
    if (next && Math.abs(this.#lane.timeOf(next) - end) <= this.#tolerance(next.track))
      end = this.#lane.timeOf(next)
    this.#position = Math.max(end, this.#position)
    this.#cutter!.finish(this.#position)
    if (!this.#hasParts) this.#lane.addEmptySegment(segment)
    this.#hasParts = this.#isWaitingForSegment = false
    this.#sequence++
  }

  #shift(): AccessUnit | undefined {
    const unit = this.#queue.shift()
    this.#queuedBytes -= unit?.data.byteLength ?? 0
    return unit
  }

  #clear(): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#isWaitingForKey = true
  }

  #ticks(time: number): number {
    return (time / PLAN_TIMESCALE) * this.#lane.timescale
  }

  #tolerance(track: Track): number {
    return track.kind === 'video' ? TOLERANCE_SECONDS * track.timescale : 0
  }
}
