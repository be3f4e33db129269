/** Hides the flaws of FLV's clocks: 32-bit wrap, jumps, and audio times rounded to milliseconds. */
import { TimestampUnwrapper } from '../timestamps.ts'

/** A track may step back this far and still be on the same time line: its order is mended by the caller. */
const BACK_MS = 500
/** Nothing may be silent longer on a live connection, so a larger step ahead is a new time line. */
const AHEAD_MS = 30_000
/** How far behind the newest unit a new time line starts. */
const GAP_MS = 33
/** The time lines that are remembered: one unit with a wild time stamp must not cost the old one. */
const REMEMBERED = 3

interface TrackState {
  shift: number
  last: number
}

/**
 * One continuous time line in milliseconds for all tracks. When a track jumps back more than 0.5 s, or more than
 * 30 s ahead of everything, the encoder has changed its time base: what follows goes on right behind the newest
 * unit, and the other tracks are moved by the same amount when they jump too, so that lips still match.
 */
export class Timeline {
  readonly #unwrapper = new TimestampUnwrapper()
  readonly #tracks = new Map<string, TrackState>()
  /** What is added to each known time base, newest first. */
  readonly #shifts = [0]
  #newest: number | undefined

  /**
   * The time of a unit with FLV time stamp `timestampMs`: whole milliseconds, at most 0.5 s before the last of its
   * track. `name` tells the tracks apart; the caller bounds how many there are.
   */
  place(name: string, timestampMs: number): number {
    const time = this.#unwrapper.unwrap(timestampMs)
    const track = this.#tracks.get(name)
    const shift =
      track && this.#fits(time + track.shift, track)
        ? track.shift
        : (this.#shifts.find(each => this.#fits(time + each, track)) ?? this.#startTimeBase(time))
    const placed = time + shift
    this.#tracks.set(name, { shift, last: placed })
    this.#newest = Math.max(this.#newest ?? placed, placed)
    return placed
  }

  #fits(placed: number, track: TrackState | undefined): boolean {
    if (this.#newest === undefined) return true
    const earliest = track ? track.last - BACK_MS : this.#newest - AHEAD_MS
    return placed >= earliest && placed <= this.#newest + AHEAD_MS
  }

  #startTimeBase(time: number): number {
    const shift = (this.#newest ?? 0) + GAP_MS - time
    this.#shifts.unshift(shift)
    if (this.#shifts.length > REMEMBERED) this.#shifts.pop()
    return shift
  }
}

/**
 * Times audio units by counting samples, as FLV's milliseconds would make them jitter; follows the clock again when
 * the two differ by more than one unit, which is a gap in the sound.
 */
export class SampleClock {
  readonly #sampleRate: number
  #last: number | undefined
  #next: number | undefined

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate
  }

  /** The time in samples of the unit of `samples` samples whose clock says `timeMs`; later than the one before. */
  place(timeMs: number, samples: number): number {
    const byClock = Math.round((timeMs * this.#sampleRate) / 1000)
    const tolerance = samples + Math.ceil(this.#sampleRate / 1000)
    const isTrusted = this.#next !== undefined && Math.abs(byClock - this.#next) <= tolerance
    const earliest = this.#last === undefined ? byClock : this.#last + 1
    const placed = isTrusted ? this.#next! : Math.max(byClock, earliest)
    this.#last = placed
    this.#next = placed + samples
    return placed
  }
}
