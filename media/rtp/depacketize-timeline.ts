/** Hides how RTP streams with clocks of their own come onto one time line: by sender reports, and by arrival before those. */
import { TimestampUnwrapper } from '../timestamps.ts'

/** What a sender report says (RFC 3550 6.4.1): at `wallTimeMs` of the sender's clock the stream stood at `rtpTimestamp`. */
export interface ClockReport {
  readonly wallTimeMs: number
  readonly rtpTimestamp: number
}

/** A jump by more than this against the arrival is a sender that starts counting anew, not a late packet. */
const MAX_JUMP_MS = 5_000
/** What is less than this apart nobody hears; each correction costs a click. */
const MIN_CORRECTION_MS = 25
/** What is more than this apart is corrected by the first report already. */
const GROSS_ERROR_MS = 100
/**
 * Many senders report the time at which they send instead of the one at which they took. So the median of some reports
 * counts: of few in the beginning, of more later, when only drift is left.
 */
const FIRST_REPORTS = 4
const LATER_REPORTS = 16
/** Reports that contradict the arrival by more than this do not share a clock. */
const MAX_CORRECTION_MS = 5_000

/** Milliseconds since 1900 of the NTP time stamp in a sender report; undefined where the sender has no clock. */
export function ntpToMs(seconds: number, fraction: number): number | undefined {
  return seconds === 0 && fraction === 0 ? undefined : seconds * 1000 + (fraction * 1000) / 2 ** 32
}

/**
 * Picture and sound of one sender. The picture's times are its own, from the first arrival on; the sound's are moved to
 * them when the reports of both tell how they stand to each other, in few steps.
 */
export class RtpTimeline {
  readonly #video = new Lane(90_000)
  readonly #audio = new Lane(48_000)
  #isFirst = true
  #needed = FIRST_REPORTS
  /** How far the sound was from the picture by the last reports, in milliseconds. */
  #errors: number[] = []

  /**
   * Ticks on the time line at which the packet belongs, larger than every one before of its kind; undefined: it would lie
   * before one that is gone, and is left out. Pictures, which others need, are put right behind instead. `arrivalMs`:
   * milliseconds since the session began.
   */
  place(kind: 'video' | 'audio', timestamp: number, arrivalMs: number): number | undefined {
    if (kind === 'audio') return this.#audio.place(timestamp, arrivalMs)
    return this.#video.place(timestamp, arrivalMs) ?? this.#video.placeNext()
  }

  /** Takes a sender report of one of the streams. */
  report(kind: 'video' | 'audio', report: ClockReport): void {
    const lane = kind === 'video' ? this.#video : this.#audio
    lane.report = report
    const [video, audio] = [this.#video.wallOffsetMs, this.#audio.wallOffsetMs]
    if (video === undefined || audio === undefined) return
    const errorMs = this.#video.offsetMs + audio - video - this.#audio.offsetMs
    if (Math.abs(errorMs) > MAX_CORRECTION_MS) return
    this.#errors.push(errorMs)
    const isGross = this.#isFirst && Math.abs(errorMs) >= GROSS_ERROR_MS
    this.#isFirst = false
    if (isGross) this.#correct(errorMs)
    else if (this.#errors.length >= this.#needed) this.#judge()
  }

  #judge(): void {
    const median = this.#errors.sort((left, right) => left - right)[this.#needed / 2]!
    this.#needed = LATER_REPORTS
    if (Math.abs(median) >= MIN_CORRECTION_MS) this.#correct(median)
    this.#errors = []
  }

  #correct(byMs: number): void {
    this.#audio.move(byMs)
    this.#errors = []
  }
}

/** One stream: its time on the line is its unwrapped time stamp plus an offset. */
class Lane {
  report: ClockReport | undefined
  readonly #ticksPerMs: number
  readonly #unwrapper = new TimestampUnwrapper()
  /** Undefined before the first packet. */
  #offset: number | undefined
  #ticks = 0
  #timestamp = 0
  #arrivalMs = 0
  #placed = -1

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000
  }

  place(timestamp: number, arrivalMs: number): number | undefined {
    const ticks = this.#unwrapper.unwrap(timestamp)
    const jumpMs = (ticks - this.#ticks) / this.#ticksPerMs - (arrivalMs - this.#arrivalMs)
    if (this.#offset === undefined || Math.abs(jumpMs) > MAX_JUMP_MS) {
      this.#offset = Math.round(arrivalMs * this.#ticksPerMs) - ticks
      this.report = undefined
    }
    this.#ticks = ticks
    this.#timestamp = timestamp
    this.#arrivalMs = arrivalMs
    if (ticks + this.#offset <= this.#placed) return undefined
    this.#placed = ticks + this.#offset
    return this.#placed
  }

  placeNext(): number {
    return ++this.#placed
  }

  get offsetMs(): number {
    return (this.#offset ?? 0) / this.#ticksPerMs
  }

  /** What is to be added to this stream's own time for the sender's wall clock; undefined until that can be told. */
  get wallOffsetMs(): number | undefined {
    if (this.#offset === undefined || !this.report) return undefined
    const ticks = this.#ticks + ((this.report.rtpTimestamp - this.#timestamp) | 0)
    return this.report.wallTimeMs - ticks / this.#ticksPerMs
  }

  move(byMs: number): void {
    this.#offset = Math.round(this.#offset! + byMs * this.#ticksPerMs)
  }
}
