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
 * One continuous time line in milliseconds for both tracks. When a track jumps back more than 0.5 s, or more than
 * 30 s ahead of everything, the encoder has changed its time base: what follows goes on right behind the newest
 * unit, and the other track is moved by the same amount when it jumps too, so that lips still match.
 */
export class Timeline {
  readonly #unwrapper = new TimestampUnwrapper()
  readonly #tracks: { audio: TrackState | undefined; video: TrackState | undefined } = {
    audio: undefined,
    video: undefined,
  }
  /** What is added to each known time base, newest first. */
  readonly #shifts = [0]
  #newest: number | undefined

  /** The time of a unit with FLV time stamp `timestampMs`: whole milliseconds, at most 0.5 s before its track's last. */
  place(kind: 'audio' | 'video', timestampMs: number): number {
    const time = this.#unwrapper.unwrap(timestampMs)
    const track = this.#tracks[kind]
    const shift =
      track && this.#fits(time + track.shift, track)
        ? track.shift
        : (this.#shifts.find(each => this.#fits(time + each, track)) ?? this.#startTimeBase(time))
    const placed = time + shift
    this.#tracks[kind] = { shift, last: placed }
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
  readonly #samplesPerUnit: number
  #next: number | undefined

  constructor(sampleRate: number, samplesPerUnit: number) {
    this.#sampleRate = sampleRate
    this.#samplesPerUnit = samplesPerUnit
  }

  /** The time in samples of the unit whose clock says `timeMs`; always later than the one before. */
  place(timeMs: number): number {
    const byClock = Math.round((timeMs * this.#sampleRate) / 1000)
    const tolerance = this.#samplesPerUnit + Math.ceil(this.#sampleRate / 1000)
    const isTrusted = this.#next !== undefined && Math.abs(byClock - this.#next) <= tolerance
    const earliest = this.#next === undefined ? byClock : this.#next - this.#samplesPerUnit + 1
    const placed = isTrusted ? this.#next! : Math.max(byClock, earliest)
    this.#next = placed + this.#samplesPerUnit
    return placed
  }
}
