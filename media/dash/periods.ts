/**
 * Cuts segments into the Periods of MPEG-DASH. One holds what has the same time line, the same renditions and the same init
 * segments, because a Period can tell each of these once; a segment that a rendition lacks, a gap, ends it too.
 */

/** What Periods are cut by. */
export interface CutSegment {
  /** Those of all renditions with the same one cover the same time. */
  readonly sequence: number
  readonly discontinuity: number
  /** Presentation time on its broadcast's time line. */
  readonly startSeconds: number
  readonly durationSeconds: number
  /** Wall-clock time of its beginning, milliseconds since the epoch. */
  readonly startsAtMs: number
}

/** The segment that a rendition has for a stretch of time. `R`: whatever stands for the rendition. */
export interface CutMember<R> {
  readonly rendition: R
  /** Tells renditions apart. */
  readonly name: string
  readonly initIndex: number
  readonly segment: CutSegment
}

export interface CutPeriod<R> {
  /** Sequences of its first segment, and of the first after it. */
  readonly from: number
  readonly until: number
  /** On the presentation's time line, and on the broadcast's. */
  readonly startSeconds: number
  readonly mediaStartSeconds: number
  /** On the presentation's time line. */
  readonly endSeconds: number
  readonly members: readonly { readonly rendition: R; readonly initIndex: number }[]
}

interface GrowingPeriod<R> extends CutPeriod<R> {
  readonly shape: string
  readonly discontinuity: number
  until: number
  endSeconds: number
}

/** Where a new time line begins on the presentation's, which has got to `endSeconds`; 0 is that of the first segment. */
export type StartOf = (first: CutSegment, veryFirst: CutSegment) => number

export class PeriodCutter<R> {
  readonly #startOf: StartOf
  #periods: GrowingPeriod<R>[] = []
  #last: GrowingPeriod<R> | undefined
  #veryFirst: CutSegment | undefined

  constructor(startOf: StartOf) {
    this.#startOf = startOf
  }

  /** Oldest first. */
  get periods(): readonly CutPeriod<R>[] {
    return this.#periods
  }

  get last(): (CutPeriod<R> & { readonly discontinuity: number }) | undefined {
    return this.#last
  }

  /** Wall-clock time of the presentation's zero, milliseconds since the epoch. */
  get zeroMs(): number {
    return Math.round(this.#veryFirst?.startsAtMs ?? 0)
  }

  /** What there is of the next sequence: at least one member. */
  add(found: readonly CutMember<R>[]): void {
    const { discontinuity, sequence } = found[0]!.segment
    const shape = [discontinuity, ...found.map(({ name, initIndex }) => `${name}:${initIndex}`)].join()
    const isSame = this.#last?.shape === shape && this.#last.until === sequence
    const period = isSame ? this.#last! : this.#begin(found, shape)
    const mediaEndSeconds = Math.max(
      ...found.map(({ segment }) => segment.startSeconds + segment.durationSeconds),
    )
    period.until = sequence + 1
    period.endSeconds = period.startSeconds + mediaEndSeconds - period.mediaStartSeconds
  }

  /** Forgets Periods that end before `sequence`. */
  dropBefore(sequence: number): void {
    this.#periods = this.#periods.filter(period => period.until > sequence)
  }

  #begin(found: readonly CutMember<R>[], shape: string): GrowingPeriod<R> {
    const first = found.map(({ segment }) => segment).sort((a, b) => a.startSeconds - b.startSeconds)[0]!
    const { sequence, discontinuity, startSeconds: mediaStartSeconds } = first
    this.#veryFirst ??= first
    const startSeconds = this.#place(first, this.#veryFirst)
    const period = {
      ...{ from: sequence, until: sequence, startSeconds, mediaStartSeconds, endSeconds: startSeconds },
      members: found.map(({ rendition, initIndex }) => ({ rendition, initIndex })),
      ...{ shape, discontinuity },
    }
    this.#periods.push(period)
    this.#last = period
    return period
  }

  /** Where the time line goes on, or where the new one belongs: never before what came earlier has ended. */
  #place(first: CutSegment, veryFirst: CutSegment): number {
    const last = this.#last
    if (!last) return 0
    if (last.discontinuity === first.discontinuity)
      return last.startSeconds + first.startSeconds - last.mediaStartSeconds
    return Math.max(last.endSeconds, this.#startOf(first, veryFirst))
  }
}

/** Those that a player can play in a row: players refuse a presentation of which only some Periods have sound. */
export function playablePeriods<R>(
  periods: readonly CutPeriod<R>[],
  hasSound: (period: CutPeriod<R>) => boolean,
  isWithSound: boolean,
): readonly CutPeriod<R>[] {
  return periods.filter(period => hasSound(period) === isWithSound)
}
