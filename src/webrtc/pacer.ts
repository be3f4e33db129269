/**
 * Sends sound at an even pace. Encoders send audio frames in bursts (two at a time behind a video frame), and a
 * browser answers bursts with a jitter buffer far larger than they are, for which its picture has to wait too. A unit
 * is held until it is as late as nearly all are; at most a second of sound waits here, then the oldest leaves early.
 */
import type { AccessUnit } from '../../media/access-unit.ts'

/** Lateness is judged over so many units: 1.3 s of Opus. */
const JUDGED = 64
/** Units later than this share of the others leave at once when they come. */
const QUANTILE = 0.96
/** Of so many judgements the middle one counts, so that one stall of the network changes nothing. */
const REMEMBERED = 9
const FIRST_HOLD_MS = 45
const MAX_HOLD_MS = 150
/** The pace changes by so little at a time that it stays even. */
const STEP_MS = 2.5
const MAX_QUEUED = 50

export class Pacer {
  readonly #send: (unit: AccessUnit) => void
  readonly #now: () => number
  readonly #lateness: number[] = []
  readonly #judgements: number[] = []
  readonly #queue: { readonly unit: AccessUnit; readonly dueAt: number }[] = []
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
    // A publisher's time stamps may jump ahead by any time: nothing is held for longer than the longest hold.
    this.#queue.push({ unit, dueAt: Math.min(capturedAt + this.#holdMs, now + MAX_HOLD_MS) })
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
    this.#lateness.push(lateMs)
    if (this.#lateness.length < JUDGED) return
    this.#judgements.push(quantile(this.#lateness, QUANTILE))
    this.#lateness.length = 0
    if (this.#judgements.length > REMEMBERED) this.#judgements.shift()
    const wanted = Math.min(quantile(this.#judgements, 0.5), MAX_HOLD_MS)
    this.#holdMs += Math.max(-STEP_MS, Math.min(STEP_MS, wanted - this.#holdMs))
  }
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!
}
