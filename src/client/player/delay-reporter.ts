/** Tells the server now and then how far behind the camera this viewer is. */
import type { Protocol } from './state.ts'

const EVERY_MS = 10_000
/** A change is told sooner, though not at once. */
const CHANGE = { afterMs: 3_000, leastMs: 150, share: 0.3 }
/** Of the figures since the last report, the latest so many count. */
const JUDGED = 9
const MAX_DELAY_MS = 120_000

export interface DelayReport {
  readonly streamId: string
  readonly viewerId: string
  readonly protocol: Protocol
  readonly delayMs: number
}

export class DelayReporter {
  /** At random, so that nobody else can speak for this viewer. */
  readonly #viewerId = randomId()
  readonly #now: () => number
  readonly #send: (report: DelayReport) => Promise<unknown>
  #figures: number[] = []
  #playing: unknown
  #sentAt = 0
  #sentMs = 0

  /** `send` may fail; the figure is told again later. `now`: milliseconds. */
  constructor(options: { now: () => number; send: (report: DelayReport) => Promise<unknown> }) {
    this.#now = options.now
    this.#send = options.send
  }

  /** Takes one figure of `playback`; another playback than before begins anew. */
  observe(playback: { readonly protocol: Protocol }, streamId: string, delayMs: number): void {
    if (this.#playing !== playback) this.#begin(playback)
    if (delayMs < 0 || delayMs > MAX_DELAY_MS) return
    this.#figures = [...this.#figures, delayMs].slice(-JUDGED)
    const middle = medianOf(this.#figures)
    const isChanged = Math.abs(middle - this.#sentMs) > Math.max(CHANGE.leastMs, CHANGE.share * this.#sentMs)
    if (this.#now() - this.#sentAt < (isChanged ? CHANGE.afterMs : EVERY_MS)) return
    this.#sentAt = this.#now()
    this.#sentMs = middle
    const { protocol } = playback
    const report = { streamId, viewerId: this.#viewerId, protocol, delayMs: Math.round(middle) }
    this.#send(report).catch(() => {})
  }

  /** The first seconds of a connection say little. */
  #begin(playback: unknown): void {
    this.#playing = playback
    this.#figures = []
    this.#sentAt = this.#now()
    this.#sentMs = 0
  }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** `crypto.randomUUID` is there on https pages alone. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
