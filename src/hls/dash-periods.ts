/**
 * Cuts a stream's segments into the Periods of MPEG-DASH. One holds what has the same time line, the same renditions and
 * the same init segments, because a Period can tell each of these once; a segment that a rendition lacks, a gap, ends it
 * too. What was once decided stays: a player that refreshes finds every Period where it was.
 */
import type { Rendition } from './rendition.ts'
import type { StoredSegment } from './window.ts'

/** A rendition of the Period that is further behind is not waited for; one that may join, only so much. */
const LONGEST_LAG_SEGMENTS = 3
const LONGEST_JOINING_LAG_SEGMENTS = 1

/** A rendition's part in a Period. */
export interface PeriodMember {
  readonly rendition: Rendition
  readonly initIndex: number
}

export interface DashPeriod {
  /** Media sequence numbers of its first segment, and of the first after it. */
  readonly from: number
  readonly until: number
  /** On the presentation's time line, and on the broadcast's. */
  readonly startSeconds: number
  readonly mediaStartSeconds: number
  /** On the presentation's time line. */
  readonly endSeconds: number
  readonly members: readonly PeriodMember[]
}

interface GrowingPeriod extends DashPeriod {
  readonly shape: string
  readonly discontinuity: number
  until: number
  endSeconds: number
}

interface Found extends StoredSegment, PeriodMember {
  readonly initIndex: number
}

export class DashPeriods {
  #periods: GrowingPeriod[] = []
  #last: GrowingPeriod | undefined
  /** The first sequence number that is not decided. */
  #next = 0
  #availabilityStartMs = 0

  /** Wall-clock time of the presentation's zero, milliseconds since the epoch. */
  get availabilityStartMs(): number {
    return this.#availabilityStartMs
  }

  /**
   * Those with listed segments, oldest first, that a player can play in a row: with the kinds of media of the newest.
   * Players refuse a presentation of which only some Periods have sound.
   */
  get playable(): readonly DashPeriod[] {
    const hasSound = ({ members }: DashPeriod) => members.some(({ rendition }) => rendition.kind === 'sound')
    return this.#periods.filter(period => hasSound(period) === hasSound(this.#last!))
  }

  /** Takes in what has come since the last call. `renditions`: of one stream, the source first; it has a segment. */
  update(renditions: readonly Rendition[], isEnded: boolean): void {
    const ready = renditions.filter(({ window }) => window.isReady)
    const listed = ready.map(rendition => ({ rendition, stored: rendition.window.listed }))
    const oldest = listed[0]!.stored[0]!.segment.sequence
    const until = ready[0]!.window.nextPart.sequence
    for (this.#next = Math.max(this.#next, oldest); this.#next < until; this.#next++) {
      const discontinuity = ready[0]!.window.findSegment(this.#next)!.discontinuity
      if (!isEnded && ready.some(each => this.#isAwaited(each, until, discontinuity))) break
      const found = listed.flatMap(({ rendition, stored }) => find(rendition, stored, this.#next))
      if (found.some(({ rendition }) => rendition.kind !== 'sound')) this.#add(found)
    }
    this.#periods = this.#periods.filter(period => period.until > oldest)
  }

  /** It will have the next segment soon: none joins a Period that was published without it. */
  #isAwaited(rendition: Rendition, newest: number, discontinuity: number): boolean {
    const end = rendition.window.nextPart.sequence
    const isMember = this.#last?.members.some(member => member.rendition === rendition) ?? false
    const isSameTimeLine = this.#last?.discontinuity === discontinuity
    const longest = isMember && isSameTimeLine ? LONGEST_LAG_SEGMENTS : LONGEST_JOINING_LAG_SEGMENTS
    return end <= this.#next && newest - end <= longest
  }

  #add(found: readonly Found[]): void {
    const { discontinuity, sequence } = found[0]!.segment
    const names = found.map(({ rendition, initIndex }) => `${rendition.name}:${initIndex}`)
    const shape = [discontinuity, ...names].join()
    const isSame = this.#last?.shape === shape && this.#last.until === sequence
    const period = isSame ? this.#last! : this.#begin(found, shape)
    const mediaEndSeconds = Math.max(
      ...found.map(({ segment }) => segment.startSeconds + segment.durationSeconds),
    )
    period.until = sequence + 1
    period.endSeconds = period.startSeconds + mediaEndSeconds - period.mediaStartSeconds
  }

  #begin(found: readonly Found[], shape: string): GrowingPeriod {
    const first = found.map(({ segment }) => segment).sort((a, b) => a.startSeconds - b.startSeconds)[0]!
    const { sequence, discontinuity, startSeconds: mediaStartSeconds } = first
    if (!this.#last) this.#availabilityStartMs = Math.round(first.startsAtMs)
    const startSeconds = this.#startOf(discontinuity, mediaStartSeconds, first.startsAtMs)
    const period = {
      from: sequence,
      until: sequence,
      startSeconds,
      mediaStartSeconds,
      endSeconds: startSeconds,
      members: found.map(({ rendition, initIndex }) => ({ rendition, initIndex })),
      shape,
      discontinuity,
    }
    this.#periods.push(period)
    this.#last = period
    return period
  }

  /** Where the time line goes on, or when it was captured: never before what came earlier has ended. */
  #startOf(discontinuity: number, mediaStartSeconds: number, startsAtMs: number): number {
    const last = this.#last
    if (!last) return 0
    if (last.discontinuity === discontinuity)
      return last.startSeconds + mediaStartSeconds - last.mediaStartSeconds
    return Math.max(last.endSeconds, (startsAtMs - this.#availabilityStartMs) / 1000)
  }
}

/** A segment that begins with a gap would not begin where the manifest says: it is left out like one that is all gap. */
function find(rendition: Rendition, stored: readonly StoredSegment[], sequence: number): Found[] {
  const each = stored[sequence - (stored[0]?.segment.sequence ?? 0)]
  const initIndex = each?.initIndex
  const isPlayable = each && initIndex !== undefined && !each.segment.parts[0]!.isGap
  return isPlayable ? [{ ...each, rendition, initIndex }] : []
}
