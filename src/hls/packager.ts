/**
 * Muxes one rendition's access units into parts and segments, once for everybody who wants them. It queues no more
 * than the open part and, before a stream's first, one segment; a segment that grows too big ends early.
 */
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { fragment, type Run, type Sample } from '../../media/mp4/fragment.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import type { Sink } from '../live/broadcast.ts'
import { Cutter, type Timing } from './cutter.ts'

export interface SegmentHeader {
  /** The init segment it decodes with: the same object for all of one broadcast. */
  readonly init: Uint8Array<ArrayBuffer>
  /** The time line or the tracks are not those of the segment before. */
  readonly isDiscontinuity: boolean
  /** Begins with a key frame. */
  readonly isIndependent: boolean
  /** Wall-clock time of its beginning, milliseconds since the epoch. */
  readonly startsAtMs: number
}

export interface Part {
  readonly durationSeconds: number
  /** Begins with a key frame. */
  readonly isIndependent: boolean
  /** moof and mdat. */
  readonly data: Uint8Array<ArrayBuffer>
}

export interface Segment extends SegmentHeader {
  readonly durationSeconds: number
  readonly parts: readonly Part[]
  /** The bytes of its parts, which share this memory. */
  readonly data: Uint8Array<ArrayBuffer>
  /** Frames of the leading track. */
  readonly frameCount: number
}

/** Takes what a packager makes, in the tick in which it is complete. It must not throw. */
export interface SegmentConsumer {
  /** Called once a stream, before everything else, by a packager that was given no timing. */
  fixTiming(timing: Timing): void
  beginSegment(header: SegmentHeader): void
  addPart(part: Part): void
  endSegment(segment: Segment): void
}

interface Lane {
  readonly track: Track
  readonly trackId: number
  /** Not yet in a part. */
  samples: Sample[]
  lastDts: number
}

const MAX_SEGMENT_BYTES = 48 * 1024 * 1024
const MAX_SEGMENT_UNITS = 10_000
/** A longer silence of the leading track is no long frame but a new time line. */
const LONGEST_GAP_SECONDS = 6
/** When only the other track goes on for so long, it carries the stream alone until the leading track is back. */
const STALLED_SECONDS = 1.5

export class Packager implements Sink {
  readonly #consumer: SegmentConsumer
  readonly #clock: { wallTimeMs(mediaMs: number): number }
  readonly #init: Uint8Array<ArrayBuffer>
  readonly #lanes: readonly Lane[]
  readonly #lead: Lane
  #timing: Timing | undefined
  #cutter: Cutter | undefined
  #isDiscontinuity: boolean
  #isClosed = false
  #sequence = 0
  /** All of the leading track before this is complete; in its ticks. */
  #leadTime = 0
  #leadInterval = 0
  #partStart = 0
  #open: { header: SegmentHeader; parts: Part[]; frameCount: number } | undefined
  #segmentBytes = 0
  #segmentUnits = 0
  #secondsWithoutLead = 0

  /**
   * `tracks`: the first one leads: it decides the cuts. `timing`: the stream's, when an earlier packager has fixed it.
   * `isContinuation`: the consumer has segments of another broadcast.
   */
  constructor(options: {
    tracks: readonly [Track, ...Track[]]
    clock: { wallTimeMs(mediaMs: number): number }
    consumer: SegmentConsumer
    timing?: Timing | undefined
    isContinuation?: boolean
  }) {
    this.#consumer = options.consumer
    this.#clock = options.clock
    this.#timing = options.timing
    this.#isDiscontinuity = options.isContinuation ?? false
    this.#init = new Uint8Array(initSegment(options.tracks))
    const lanes = options.tracks.map((track, index) => ({
      track,
      trackId: index + 1,
      samples: [],
      lastDts: Number.NEGATIVE_INFINITY,
    }))
    this.#lanes = lanes
    this.#lead = lanes[0]!
  }

  write(unit: AccessUnit): void {
    if (this.#isClosed) return
    const lane = this.#lanes.find(each => each.track.kind === unit.track.kind)
    // Each track's decoding times rise: without that no fragment can be written.
    if (!lane || unit.dts <= lane.lastDts || unit.dts < 0) return
    this.#segmentBytes += unit.data.byteLength
    this.#segmentUnits++
    if (lane === this.#lead) this.#writeLead(unit)
    else this.#writeOther(lane, unit)
    if (this.#segmentBytes > MAX_SEGMENT_BYTES || this.#segmentUnits > MAX_SEGMENT_UNITS) this.#overflow()
  }

  /** Ends the open segment. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#finish()
    for (const lane of this.#lanes) lane.samples = []
  }

  #writeLead(unit: AccessUnit): void {
    const { lastDts, track } = this.#lead
    if (this.#cutter && unit.dts - this.#leadTime > LONGEST_GAP_SECONDS * track.timescale)
      this.#restart(unit.dts)
    if (this.#cutter) this.#leadInterval = unit.dts - lastDts
    else this.#start(unit.dts)
    this.#lead.lastDts = unit.dts
    this.#secondsWithoutLead = 0
    this.#lead.samples.push(unit)
    if (unit.dts <= this.#leadTime) return
    this.#leadTime = unit.dts
    this.#cutter?.step(unit.dts, unit.isKey)
  }

  #writeOther(lane: Lane, unit: AccessUnit): void {
    lane.lastDts = unit.dts
    lane.samples.push(unit)
    if (!this.#cutter) return
    // Counted, not read from time stamps: the two tracks may be far apart.
    this.#secondsWithoutLead += unitTicks(lane.track) / lane.track.timescale
    if (this.#secondsWithoutLead <= STALLED_SECONDS) return
    const silence = Math.round(this.#secondsWithoutLead * this.#lead.track.timescale)
    this.#leadTime = this.#lead.lastDts + silence
    this.#cutter.step(this.#leadTime, false)
  }

  /** What follows begins at `dts` and has nothing to do with what was. */
  #restart(dts: number): void {
    this.#finish()
    this.#isDiscontinuity = true
    for (const lane of this.#lanes) {
      const start = (dts * lane.track.timescale) / this.#lead.track.timescale
      lane.samples = lane.samples.filter(sample => sample.dts >= start)
    }
  }

  #start(dts: number): void {
    this.#leadTime = this.#partStart = dts
    this.#cutter = new Cutter({
      timescale: this.#lead.track.timescale,
      start: dts,
      timing: this.#timing,
      listener: {
        timingFixed: timing => {
          this.#timing = timing
          this.#consumer.fixTiming(timing)
        },
        partEnded: end => this.#endPart(end),
        segmentEnded: () => this.#endSegment(),
      },
    })
  }

  /** Ends everything that is open, as if a frame like the last one followed. */
  #finish(): void {
    if (!this.#cutter) return
    this.#leadTime = Math.max(this.#leadTime, this.#lead.lastDts + this.#lastDuration())
    this.#cutter.finish(this.#leadTime)
    this.#cutter = undefined
  }

  #lastDuration(): number {
    return Math.max(1, Math.min(this.#leadInterval, this.#lead.track.timescale))
  }

  /** So much in one segment is a broken or a hostile publisher: it ends here, and nothing waits for a better place. */
  #overflow(): void {
    this.#segmentBytes = this.#segmentUnits = 0
    this.#cutter?.finish(this.#leadTime)
    for (const lane of this.#lanes) lane.samples = lane === this.#lead ? lane.samples.slice(-1) : []
  }

  #endPart(end: number): void {
    const lead = this.#lead.samples[0]
    const isIndependent = lead !== undefined && lead.dts < end && lead.isKey
    const runs = this.#lanes.map(lane => this.#takeRun(lane, end))
    if (!this.#open) this.#beginSegment(isIndependent)
    const open = this.#open!
    const part = {
      durationSeconds: (end - this.#partStart) / this.#lead.track.timescale,
      isIndependent,
      data: fragment(++this.#sequence, runs),
    }
    this.#partStart = end
    open.parts.push(part)
    open.frameCount += runs[0]!.samples.length
    this.#consumer.addPart(part)
  }

  /** The samples of a lane that begin before `end` (in ticks of the leading track). */
  #takeRun(lane: Lane, end: number): Run {
    const { timescale, kind } = lane.track
    const scale = timescale / this.#lead.track.timescale
    const limit = end * scale
    const count = lane.samples.findIndex(sample => sample.dts >= limit)
    const samples = lane.samples.splice(0, count === -1 ? lane.samples.length : count)
    const last = samples.at(-1)
    return {
      trackId: lane.trackId,
      kind,
      startDts: Math.round(this.#partStart * scale),
      endDts: last ? this.#endOf(last, lane) : 0,
      samples,
    }
  }

  #endOf(sample: Sample, { track, samples }: Lane): number {
    const next = samples[0]?.dts ?? Math.max(this.#leadTime, sample.dts + 1)
    return track.kind === 'audio' ? sample.dts + unitTicks(track) : next
  }

  #beginSegment(isIndependent: boolean): void {
    const startsAtMs = this.#clock.wallTimeMs((this.#partStart / this.#lead.track.timescale) * 1000)
    const header = { init: this.#init, isDiscontinuity: this.#isDiscontinuity, isIndependent, startsAtMs }
    this.#isDiscontinuity = false
    this.#open = { header, parts: [], frameCount: 0 }
    this.#consumer.beginSegment(header)
  }

  #endSegment(): void {
    if (!this.#open) return
    const { header, parts, frameCount } = this.#open
    this.#open = undefined
    this.#segmentBytes = this.#segmentUnits = 0
    this.#consumer.endSegment(joinParts(header, parts, frameCount))
  }
}

function unitTicks(track: Track): number {
  return track.kind === 'audio' ? track.samplesPerUnit : 0
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
  return { ...header, durationSeconds, parts: views, data, frameCount }
}
