/** Keeps HLS near the live edge: a little faster when it is behind, a jump when it is far behind, no wait that is needless. */
import type Hls from 'hls.js'

/** Further behind than playing 10 % faster makes good in a minute: it jumps. */
const FAR_S = 6
/** After a gap there is a break anyway, so that it jumps over less. */
const FAR_AFTER_GAP_S = 0.5
/** Nearer to where it should be than this is near enough. */
const NEAR_S = 0.08
/** It plays faster only while so much is buffered: a part, and what its download may take. */
const MIN_BUFFER_S = 0.4
/** Each stall that the network caused keeps it further behind, for a while: at least a step, or as far as it fell. */
const CUSHION = { stepS: 0.25, mostS: 2, forgottenAfterMs: 60_000 }

export class Pace {
  readonly #hls: Pick<Hls, 'latency' | 'targetLatency' | 'liveSyncPosition'>
  readonly #video: HTMLVideoElement
  readonly #now: () => number
  #cushionS = 0
  #calmSince = 0
  #isDry = false
  #isWaiting = false
  /** At the start too: nobody misses what a jump leaves out. */
  #hasGap = true

  constructor(
    hls: Pick<Hls, 'latency' | 'targetLatency' | 'liveSyncPosition'>,
    video: HTMLVideoElement,
    now: () => number,
  ) {
    this.#hls = hls
    this.#video = video
    this.#now = now
  }

  /** It ran dry, though the publisher sends: less delay than this network can have. */
  stalled(): void {
    this.#cushionS = Math.min(CUSHION.mostS, this.#cushionS + CUSHION.stepS)
    this.#calmSince = this.#now()
    this.#isDry = true
  }

  /** The element waits for something to play. */
  waits(): void {
    this.#isWaiting = true
  }

  /**
   * More is buffered. An element that waited plays on at once: left alone, Chromium waits for twice as much sound as after
   * the wait before, up to three seconds, which it forgets when it is sought.
   */
  filled(): void {
    const { readyState, seeking, currentTime, HAVE_FUTURE_DATA } = this.#video
    if (!this.#isWaiting || seeking || this.#bufferedAhead() < MIN_BUFFER_S) return
    this.#isWaiting = false
    if (readyState < HAVE_FUTURE_DATA) this.#video.currentTime = currentTime
  }

  /** The publisher sent nothing for a while: what comes next is not to be played late. */
  resumesAfterGap(): void {
    this.#hasGap = true
  }

  /** Called a few times a second while it plays live. */
  adjust(): void {
    const { targetLatency, liveSyncPosition, latency } = this.#hls
    if (targetLatency === null || liveSyncPosition === null) return
    if (this.#now() - this.#calmSince > CUSHION.forgottenAfterMs) {
      this.#cushionS = Math.max(0, this.#cushionS - CUSHION.stepS)
      this.#calmSince = this.#now()
    }
    if (this.#isDry && this.#bufferedAhead() > MIN_BUFFER_S) {
      // So late its media came; nearer than that it would run dry again.
      this.#cushionS = Math.min(CUSHION.mostS, Math.max(this.#cushionS, latency - targetLatency))
      this.#isDry = false
    }
    const behind = latency - targetLatency - this.#cushionS
    const wanted = liveSyncPosition - this.#cushionS
    if (behind > FAR_S || (this.#hasGap && behind > FAR_AFTER_GAP_S && this.#isBuffered(wanted))) {
      this.#video.currentTime = wanted
      this.#hasGap = false
    }
    const isSafe = this.#bufferedAhead() > MIN_BUFFER_S
    this.#video.playbackRate = !isSafe || behind < NEAR_S ? 1 : behind < 0.5 ? 1.05 : 1.1
  }

  #bufferedAhead(): number {
    const { buffered, currentTime } = this.#video
    return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime
  }

  #isBuffered(position: number): boolean {
    const { buffered } = this.#video
    const last = buffered.length - 1
    return last >= 0 && buffered.start(last) <= position && position < buffered.end(last)
  }
}
