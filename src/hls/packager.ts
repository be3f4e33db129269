/**
 * Muxes one broadcast into the parts and segments of all its renditions, once for everybody who wants them. The source's
 * picture leads: it decides every cut, and is never delayed by another track. It queues no more than the open part and,
 * before a stream's first, one segment; a segment that grows too big ends early. What follows: follower.ts.
 */
import type { AccessUnit, AudioTrack, Track, VideoTrack } from '../../media/access-unit.ts'
import type { Sink } from '../live/broadcast.ts'
import { renditionGroupFrames } from '../live/picture-pipe.ts'
import { Cutter, type Timing } from './cutter.ts'
import { Follower } from './follower.ts'
import { Lane } from './lane.ts'
import { Plan, type PlanPosition } from './plan.ts'
import type { SegmentConsumer } from './segment.ts'

/** A sound, and the name of its rendition. */
export interface NamedSound {
  readonly name: string
  readonly track: AudioTrack
}

export interface PackagerOptions {
  readonly picture: VideoTrack
  /** The default one first; a track may be the sound of several renditions. */
  readonly sounds: readonly NamedSound[]
  readonly clock: { wallTimeMs(mediaMs: number): number }
  /** Who takes a rendition's segments; asked when its first media comes. Undefined: there are too many. */
  readonly consumerOf: (rendition: string) => SegmentConsumer | undefined
  /** Sounds of an earlier broadcast that this one has not: they go on with silence. */
  readonly silent?: readonly NamedSound[]
  /** Pictures of an earlier broadcast: those that this one does not feed go on with gaps. */
  readonly earlier?: readonly string[]
  /** The stream's, when an earlier packager has fixed it. */
  readonly timing?: Timing | undefined
  /** Where the stream's numbering goes on; undefined: it begins. */
  readonly position?: PlanPosition | undefined
}

/** The rendition that the publisher's own picture makes. */
export const SOURCE = 'source'
const MAX_SEGMENT_BYTES = 48 * 1024 * 1024
const MAX_SEGMENT_UNITS = 10_000
/** A longer silence of the picture is no long frame but a new time line. */
const LONGEST_GAP_SECONDS = 6
/** When only the sound goes on for so long, it carries the stream alone until the picture is back. */
const STALLED_SECONDS = 1.5

export class Packager implements Sink {
  readonly #options: PackagerOptions
  readonly #track: VideoTrack
  readonly #lead: Lane
  readonly #leadConsumer: SegmentConsumer
  readonly #plan: Plan
  readonly #followers = new Map<string, Follower>()
  readonly #byTrack = new Map<Track, Follower[]>()
  #timing: Timing | undefined
  #cutter: Cutter | undefined
  #isDiscontinuity: boolean
  #isClosed = false
  #lastDts = Number.NEGATIVE_INFINITY
  #lastTime = 0
  /** The newest picture's time, or where sound has brought the stream without one. */
  #leadTime = 0
  #leadInterval = 0
  #secondsWithoutLead = 0

  /** The options' `consumerOf` must know `SOURCE`. */
  constructor(options: PackagerOptions) {
    this.#options = options
    this.#track = options.picture
    this.#timing = options.timing
    const position = options.position ?? { sequence: 0, discontinuity: 0 }
    this.#isDiscontinuity = position.sequence > 0
    this.#plan = new Plan(position, mediaMs => options.clock.wallTimeMs(mediaMs))
    this.#leadConsumer = options.consumerOf(SOURCE)!
    this.#lead = new Lane(this.#leadConsumer)
    this.#lead.track = options.picture
    for (const { name, track } of options.sounds) this.#feed(track, this.#follow(name, { track }))
    for (const { name, track } of options.silent ?? []) this.#follow(name, { track, isUnfed: true })
    for (const name of options.earlier ?? [])
      if (name !== SOURCE && !this.#followers.has(name)) this.#follow(name)
  }

  get timing(): Timing | undefined {
    return this.#timing
  }

  /** Where the next packager of the stream goes on. */
  get position(): PlanPosition {
    return this.#plan.position
  }

  write(unit: AccessUnit): void {
    if (this.#isClosed) return
    if (unit.track === this.#track) {
      this.#writeLead(unit)
      return
    }
    const followers = this.#byTrack.get(unit.track) ?? this.#adopt(unit)
    for (const follower of followers) follower.write(unit)
    if (unit.track === this.#options.sounds[0]?.track) this.#heard(unit.track)
    if (!this.#cutter || !this.#timing) return
    for (const follower of followers) follower.advance(this.#leadTime, this.#timing)
  }

  /** Ends the open segment of every rendition. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#finish()
    this.#lead.drop(0)
    this.#followers.clear()
  }

  /** A picture of the ladder is known with its first unit, and may be made anew by another encoder. */
  #adopt({ track, pts }: AccessUnit): readonly Follower[] {
    if (track.kind !== 'video' || track.rendition === undefined) return []
    const known = this.#followers.get(track.rendition)
    if (known) known.changeTrack(track)
    const sequence = this.#plan.firstFrom(pts - this.#leadInterval / 2)
    return this.#feed(track, known ?? this.#follow(track.rendition, { track, sequence }))
  }

  #feed(track: Track, follower: Follower | undefined): readonly Follower[] {
    const followers = [...(this.#byTrack.get(track) ?? []), ...(follower ? [follower] : [])]
    this.#byTrack.set(track, followers)
    return followers
  }

  /** `sequence`: its first segment; the next one, if it is left out. */
  #follow(
    name: string,
    {
      sequence = this.#plan.position.sequence,
      ...feed
    }: { track?: Track; sequence?: number; isUnfed?: boolean } = {},
  ): Follower | undefined {
    const consumer = this.#options.consumerOf(name)
    if (!consumer) return undefined
    const follower = new Follower({ consumer, plan: this.#plan, sequence, ...feed })
    this.#followers.set(name, follower)
    return follower
  }

  #writeLead(unit: AccessUnit): void {
    // Decoding times rise: without that no fragment can be written.
    if (unit.dts <= this.#lastDts || unit.dts < 0) return
    if (this.#cutter && this.#isJump(unit)) {
      this.#finish()
      this.#isDiscontinuity = true
    }
    if (this.#cutter) this.#leadInterval = unit.dts - this.#lastDts
    else this.#start(unit.pts)
    this.#lastDts = unit.dts
    this.#lastTime = this.#lead.timeOf(unit)
    this.#secondsWithoutLead = 0
    this.#lead.push(unit)
    this.#step(this.#lastTime, unit.isKey)
    if (this.#lead.segmentBytes > MAX_SEGMENT_BYTES || this.#lead.segmentUnits > MAX_SEGMENT_UNITS)
      this.#overflow()
  }

  #isJump(unit: AccessUnit): boolean {
    return this.#lead.timeOf(unit) - this.#leadTime > LONGEST_GAP_SECONDS * this.#track.timescale
  }

  /** Counted, not read from time stamps: sound and picture may be far apart. */
  #heard({ samplesPerUnit, timescale }: AudioTrack): void {
    if (!this.#cutter) return
    this.#secondsWithoutLead += samplesPerUnit / timescale
    if (this.#secondsWithoutLead > STALLED_SECONDS)
      this.#step(this.#lastTime + Math.round(this.#secondsWithoutLead * this.#track.timescale), false)
  }

  #step(time: number, isKey: boolean): void {
    if (time <= this.#leadTime) return
    this.#leadTime = time
    this.#cutter?.step(time, isKey)
    this.#bringFollowers()
  }

  #bringFollowers(lagSeconds?: number): void {
    if (!this.#timing) return
    for (const follower of this.#followers.values())
      follower.advance(this.#leadTime, this.#timing, lagSeconds)
  }

  /** What follows begins at `time` and has nothing to do with what was. */
  #start(time: number): void {
    this.#leadTime = time
    this.#plan.begin(time, this.#isDiscontinuity)
    this.#isDiscontinuity = false
    this.#lead.begin(time)
    const cutter = new Cutter({
      timescale: this.#track.timescale,
      start: time,
      timing: this.#timing,
      renditionFrames: renditionGroupFrames(this.#track),
      otherIntervals: this.#options.sounds.map(({ track }) => track.samplesPerUnit / track.timescale),
      listener: {
        timingFixed: timing => {
          this.#timing = timing
          this.#leadConsumer.fixTiming(timing)
        },
        partEnded: end => this.#lead.endPart(end, this.#leadTime, this.#plan.open),
        segmentEnded: () => {
          this.#lead.endSegment()
          this.#plan.end(cutter.partStart)
          this.#plan.begin(cutter.partStart, false)
        },
      },
    })
    this.#cutter = cutter
  }

  /** Ends everything that is open, as if a frame like the last one followed. */
  #finish(): void {
    if (!this.#cutter) return
    const lastDuration = Math.max(1, Math.min(this.#leadInterval, this.#track.timescale))
    this.#leadTime = Math.max(this.#leadTime, this.#lastTime + lastDuration)
    this.#cutter.finish(this.#leadTime)
    this.#cutter = undefined
    this.#bringFollowers(0)
  }

  /** So much in one segment is a broken or a hostile publisher: it ends here, and nothing waits for a better place. */
  #overflow(): void {
    this.#cutter?.finish(this.#leadTime)
    this.#lead.drop(1)
  }
}
