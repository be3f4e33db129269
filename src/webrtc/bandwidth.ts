/**
 * Corrects mediasoup's estimate of one viewer's bandwidth where that misleads it. Below the lowest layer it would send
 * no picture at all. And what is sent bounds the estimate: one that a low layer nearly fills stays there for minutes
 * after the link is free again, since mediasoup looks for more only while clearly less is sent than estimated. Another
 * limit makes it test the link with a burst of padding.
 */
import type { WebRtcTransport } from 'mediasoup/types'

/** So much more than estimated is tried at a time: on a link that has no more, the burst waits for less than 0.1 s. */
const STEP = 2.2
/** Beyond what a layer needs, as its bitrate goes up and down. */
const MARGIN = 1.15
const LIMIT = 1.4
/** mediasoup tests on a change alone. */
const CHANGE = 0.85
/** The results of a test are there by then. */
const TEST_MS = 700

type Transport = Pick<WebRtcTransport, 'getStats' | 'setMaxOutgoingBitrate' | 'setMinOutgoingBitrate'>

/** All rates in bits per second. */
export class Bandwidth {
  readonly #transport: Transport
  #floorBps = 0
  #isSearching = false
  #isOdd = false
  #limitBps = 0
  #testing: ReturnType<typeof setTimeout> | undefined

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** From now on it is never estimated below `floorBps`, a whole number. */
  keep(floorBps: number): void {
    if (floorBps === this.#floorBps) return
    this.stop()
    this.#floorBps = floorBps
    this.#setMin(floorBps)
  }

  /** One test for `neededBps`, unless that is there already; what is sent now, `sentBps`, is not put in question by it. */
  async search(neededBps: number, sentBps: number): Promise<void> {
    this.#isSearching = true
    // The transport may close under any request; then there is nothing to find.
    const [stats] = await this.#transport.getStats().catch(() => [])
    const estimateBps = stats?.availableOutgoingBitrate
    if (!this.#isSearching || estimateBps === undefined) return
    if (estimateBps >= neededBps * MARGIN) return this.stop()
    this.#isOdd = !this.#isOdd
    const limitBps = Math.min(neededBps * LIMIT, estimateBps * STEP) * (this.#isOdd ? 1 : CHANGE)
    // It tests nothing when a limit is raised that the estimate has reached, but when a lower one comes than there was.
    if (estimateBps >= this.#limitBps) this.#setMax(0)
    this.#setMax(Math.round(limitBps))
    // The burst shares the link with the picture, so that it may find less than there is.
    this.#spare(Math.min(estimateBps, sentBps * MARGIN))
  }

  /**
   * A better layer has come, of which `sentBps` are sent now. mediasoup chooses it with nothing to spare, and a moment
   * of less would make it wait for ten seconds before it goes on.
   */
  reached(sentBps: number): void {
    this.stop()
    this.#spare(sentBps * MARGIN)
  }

  /** Nothing but the floor holds the estimate any more. Idempotent. */
  stop(): void {
    if (!this.#isSearching) return
    this.#isSearching = false
    clearTimeout(this.#testing)
    this.#setMin(this.#floorBps)
    this.#setMax(0)
  }

  /** For a moment nothing goes below `bps`. */
  #spare(bps: number): void {
    this.#setMin(Math.round(Math.max(this.#floorBps, bps)))
    clearTimeout(this.#testing)
    this.#testing = setTimeout(() => this.#setMin(this.#floorBps), TEST_MS)
    this.#testing.unref()
  }

  #setMin(bps: number): void {
    this.#transport.setMinOutgoingBitrate(bps).catch(() => {})
  }

  #setMax(bps: number): void {
    this.#limitBps = bps
    this.#transport.setMaxOutgoingBitrate(bps).catch(() => {})
  }
}
