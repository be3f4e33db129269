/** Decides when a publisher is asked for a key frame: for whoever needs one, and so often that segments can be cut. */

/** HLS cuts at key frames, and its target duration is made for this. */
const MAX_INTERVAL_MS = 2_000
/** Each one costs the publisher's viewers bits: those who ask within this time share one. */
const MIN_INTERVAL_MS = 500

/** All times in milliseconds of one steady clock. */
export class KeyFrameRequests {
  readonly #ask: () => void
  #isWanted = false
  #askedAt = Number.NEGATIVE_INFINITY
  #arrivedAt: number

  constructor(ask: () => void, nowMs: number) {
    this.#ask = ask
    this.#arrivedAt = nowMs
  }

  /** Somebody needs one: asked for at once, or, shortly after the last time, by a later `tick`. */
  request(nowMs: number): void {
    this.#isWanted = true
    this.tick(nowMs)
  }

  /** One has arrived, which serves everybody. */
  arrived(nowMs: number): void {
    this.#isWanted = false
    this.#arrivedAt = nowMs
  }

  /** To be called at least twice a second. */
  tick(nowMs: number): void {
    const isOverdue = nowMs - Math.max(this.#arrivedAt, this.#askedAt) >= MAX_INTERVAL_MS
    if (!isOverdue && !(this.#isWanted && nowMs - this.#askedAt >= MIN_INTERVAL_MS)) return
    this.#isWanted = false
    this.#askedAt = nowMs
    this.#ask()
  }
}
