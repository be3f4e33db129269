/**
 * Finds the Periods of a live stream's MPEG-DASH manifest: a segment is taken in when every rendition that should have it
 * has it. What was once decided stays: a player that refreshes finds every Period where it was.
 */
import { type CutMember, type CutPeriod, PeriodCutter, playablePeriods } from '../../media/dash/periods.ts'
import type { Rendition } from './rendition.ts'
import type { StoredSegment } from './segment-list.ts'

/** A rendition of the Period that is further behind is not waited for; one that may join, only so much. */
const LONGEST_LAG_SEGMENTS = 3
const LONGEST_JOINING_LAG_SEGMENTS = 1

export type DashPeriod = CutPeriod<Rendition>

export class DashPeriods {
  /** A new time line begins when it was captured. */
  readonly #cutter = new PeriodCutter<Rendition>(
    (first, veryFirst) => (first.startsAtMs - Math.round(veryFirst.startsAtMs)) / 1000,
  )
  /** The first sequence number that is not decided. */
  #next = 0

  /** Wall-clock time of the presentation's zero, milliseconds since the epoch. */
  get availabilityStartMs(): number {
    return this.#cutter.zeroMs
  }

  /** Those with listed segments, oldest first, that a player can play in a row: with the kinds of media of the newest. */
  get playable(): readonly DashPeriod[] {
    const { last, periods } = this.#cutter
    const hasSound = ({ members }: DashPeriod) => members.some(({ rendition }) => rendition.kind === 'sound')
    return last ? playablePeriods(periods, hasSound, hasSound(last)) : []
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
      if (found.some(({ rendition }) => rendition.kind !== 'sound')) this.#cutter.add(found)
    }
    this.#cutter.dropBefore(oldest)
  }

  /** It will have the next segment soon: none joins a Period that was published without it. */
  #isAwaited(rendition: Rendition, newest: number, discontinuity: number): boolean {
    const end = rendition.window.nextPart.sequence
    const { last } = this.#cutter
    const isMember = last?.members.some(member => member.rendition === rendition) ?? false
    const isSameTimeLine = last?.discontinuity === discontinuity
    const longest = isMember && isSameTimeLine ? LONGEST_LAG_SEGMENTS : LONGEST_JOINING_LAG_SEGMENTS
    return end <= this.#next && newest - end <= longest
  }
}

/** A segment that begins with a gap would not begin where the manifest says: it is left out like one that is all gap. */
function find(
  rendition: Rendition,
  stored: readonly StoredSegment[],
  sequence: number,
): CutMember<Rendition>[] {
  const each = stored[sequence - (stored[0]?.segment.sequence ?? 0)]
  const initIndex = each?.initIndex
  const isPlayable = each && initIndex !== undefined && !each.segment.parts[0]!.isGap
  return isPlayable ? [{ rendition, name: rendition.name, initIndex, segment: each.segment }] : []
}
