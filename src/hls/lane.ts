/** Muxes one track's access units into the parts and segments of its rendition, and cuts where it is told to. */
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { isSameColour } from '../../media/colour.ts'
import { fragment } from '../../media/mp4/fragment.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { PLAN_TIMESCALE, type PlannedSegment } from './plan.ts'
import { joinParts, type Part, type SegmentConsumer, type SegmentHeader } from './segment.ts'

const NO_DATA = new Uint8Array(0)

/** All times are in ticks of the track, by presentation: those of a key frame are its `pts`. */
export class Lane {
  readonly #consumer: SegmentConsumer
  #track: Track | undefined
  #init: Uint8Array<ArrayBuffer> | undefined
  /** Of the open part and what comes after it. */
  #units: AccessUnit[] = []
  #partStart = 0
  /** Presentation less decoding time of the first key frame. */
  #shift: number | undefined
  /** Where the last sample that was muxed ends. */
  #coveredUntil = Number.NEGATIVE_INFINITY
  #fragments = 0
  #open: { header: SegmentHeader; parts: Part[]; frameCount: number } | undefined
  #segmentBytes = 0
  #segmentUnits = 0

  constructor(consumer: SegmentConsumer) {
    this.#consumer = consumer
  }

  get track(): Track | undefined {
    return this.#track
  }

  /** What follows is of this track; another decoder configuration takes effect with the next segment. */
  set track(track: Track) {
    const config = this.#track?.decoderConfig
    const isSame =
      config && Buffer.compare(config, track.decoderConfig) === 0 && isSameShape(this.#track!, track)
    this.#track = track
    if (!isSame) this.#init = new Uint8Array(initSegment([track]))
  }

  get timescale(): number {
    return this.#track?.timescale ?? PLAN_TIMESCALE
  }

  get segmentBytes(): number {
    return this.#segmentBytes
  }

  get segmentUnits(): number {
    return this.#segmentUnits
  }

  timeOf(unit: AccessUnit): number {
    return this.#shift === undefined ? unit.pts : unit.dts + this.#shift
  }

  /** A new time line begins; what is not muxed and lies before it is left out. */
  begin(time: number): void {
    this.#partStart = time
    this.#shift = undefined
    this.#coveredUntil = Number.NEGATIVE_INFINITY
    this.#units = this.#units.filter(unit => unit.pts >= time)
  }

  push(unit: AccessUnit): void {
    this.#shift ??= unit.pts - unit.dts
    this.#units.push(unit)
    this.#segmentBytes += unit.data.byteLength
    this.#segmentUnits++
  }

  /** Leaves out what is not muxed, but for the last `kept` units. */
  drop(kept: number): void {
    this.#units = kept === 0 ? [] : this.#units.slice(-kept)
  }

  /** The part of `segment` that ends at `end`. `silentUntil`: no unit but those pushed begins before it. */
  endPart(end: number, silentUntil: number, segment: PlannedSegment): void {
    const next = this.#units.findIndex(unit => this.timeOf(unit) >= end)
    const units = this.#units.splice(0, next === -1 ? this.#units.length : next)
    const isGap = units.length === 0 && this.#coveredUntil <= this.#partStart
    const data = isGap ? NO_DATA : this.#mux(units, Math.max(end, silentUntil))
    const isIndependent = units[0]?.isKey ?? false
    const durationSeconds = (end - this.#partStart) / this.timescale
    const start = this.#partStart
    this.#partStart = end
    this.#addPart({ durationSeconds, isIndependent, isGap, data }, units.length, start, segment)
  }

  endSegment(): void {
    if (!this.#open) return
    const { header, parts, frameCount } = this.#open
    this.#open = undefined
    this.#segmentBytes = this.#segmentUnits = 0
    this.#consumer.endSegment(joinParts(header, parts, frameCount))
  }

  /** A whole segment without media, where no part of it could be made. */
  addEmptySegment(segment: PlannedSegment): void {
    const durationSeconds = Math.max(1, (segment.end ?? segment.start) - segment.start) / PLAN_TIMESCALE
    const start = (segment.start / PLAN_TIMESCALE) * this.timescale
    this.#addPart({ durationSeconds, isIndependent: false, isGap: true, data: NO_DATA }, 0, start, segment)
    this.endSegment()
  }

  #mux(units: readonly AccessUnit[], until: number): Uint8Array<ArrayBuffer> {
    const { kind } = this.#track!
    const shift = this.#shift ?? 0
    const last = units.at(-1)
    const endDts = last ? this.#endOf(last, until - shift) : 0
    if (last) this.#coveredUntil = endDts + shift
    const startDts = Math.max(0, Math.round(this.#partStart - shift))
    return fragment(++this.#fragments, [{ trackId: 1, kind, startDts, endDts, samples: units }])
  }

  #endOf(unit: AccessUnit, untilDts: number): number {
    const track = this.#track!
    if (track.kind === 'audio') return unit.dts + track.samplesPerUnit
    return this.#units[0]?.dts ?? Math.max(Math.round(untilDts), unit.dts + 1)
  }

  #addPart(part: Part, frames: number, start: number, segment: PlannedSegment): void {
    this.#open ??= this.#beginSegment(part, start, segment)
    this.#open.parts.push(part)
    this.#open.frameCount += frames
    this.#consumer.addPart(part)
  }

  #beginSegment(part: Part, start: number, segment: PlannedSegment) {
    const { sequence, discontinuity, isDiscontinuity } = segment
    const startSeconds = start / this.timescale
    const header: SegmentHeader = {
      sequence,
      discontinuity,
      isDiscontinuity,
      track: this.#track,
      init: this.#init,
      isIndependent: part.isIndependent,
      startSeconds,
      startsAtMs: segment.startsAtMs + (startSeconds - segment.start / PLAN_TIMESCALE) * 1000,
    }
    this.#consumer.beginSegment(header)
    return { header, parts: [], frameCount: 0 }
  }
}

function isSameShape(left: Track, right: Track): boolean {
  if (left.kind === 'video' && right.kind === 'video')
    return (
      left.width === right.width &&
      left.height === right.height &&
      left.codec === right.codec &&
      isSameColour(left.colour, right.colour)
    )
  return left.kind === right.kind && left.timescale === right.timescale
}
