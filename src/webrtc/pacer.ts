/**
 * Sends sound at an even pace. Encoders send audio frames in bursts (two at a time behind a video frame), and a
 * browser answers bursts with a jitter buffer far larger than they are, for which its picture has to wait too. A unit
 * is held until it is as late as nearly all are; at most a second of sound waits here, then the oldest leaves early.
 */
import type { AccessUnit } from '../../media/access-unit.ts'

/** Lateness is judged over so many units: five seconds of Opus. */
const REMEMBERED = 512
const JUDGE_EVERY = 64
/** Units later than this share of all leave at once when they come. */
const QUANTILE = 0.97
const FIRST_HOLD_MS = 45
const MAX_HOLD_MS = 150
/** Less lateness is believed slowly, so that the pace stays even: 4 ms a second. */
const FALL_MS = 2.5
const MAX_QUEUED = 100

export class Pacer {
  readonly #send: (unit: AccessUnit) => void
  readonly #now: () => number
  readonly #lateness = new Float64Array(REMEMBERED)
  readonly #queue: { readonly unit: AccessUnit; readonly dueAt: number }[] = []
  #seen = 0
  #holdMs = FIRST_HOLD_MS
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `now`: milliseconds since the epoch. */
  constructor(options: { send: (unit: AccessUnit) => void; now?: () => number }) {
    this.#send = options.send
    this.#now = options.now ?? Date.now
  }

  /** How long after its capture a unit is sent now, in milliseconds. */
  get holdMs(): number {
    return this.#holdMs
  }

  /** Takes a unit captured at `capturedAt` (milliseconds since the epoch), in the order of capture. */
  push(unit: AccessUnit, capturedAt: number): void {
    const now = this.#now()
    this.#judge(now - capturedAt)
    // A publisher's time stamps may jump ahead: nothing is held for longer than a unit that has just been captured.
    this.#queue.push({ unit, dueAt: Math.min(capturedAt, now) + this.#holdMs })
    if (this.#queue.length > MAX_QUEUED) this.#send(this.#queue.shift()!.unit)
    if (this.#timer === undefined) this.#sendDue()
  }

  /** What still waits is dropped. Idempotent. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#queue.length = 0
  }

  #sendDue(): void {
    this.#timer = undefined
    while (this.#queue.length > 0) {
      const wait = this.#queue[0]!.dueAt - this.#now()
      // Timers have whole milliseconds.
      if (wait >= 1) {
        this.#timer = setTimeout(() => this.#sendDue(), wait)
        return
      }
      this.#send(this.#queue.shift()!.unit)
    }
  }

  #judge(lateMs: number): void {
    this.#lateness[this.#seen++ % REMEMBERED] = lateMs
    if (this.#seen % JUDGE_EVERY !== 0) return
    const known = this.#lateness.slice(0, Math.min(this.#seen, REMEMBERED)).sort()
    const wanted = Math.min(known[Math.floor(known.length * QUANTILE)]!, MAX_HOLD_MS)
    this.#holdMs = wanted > this.#holdMs ? wanted : Math.max(wanted, this.#holdMs - FALL_MS)
  }
}
