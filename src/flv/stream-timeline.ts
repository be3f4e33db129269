/** One time line in milliseconds for all broadcasts of a stream: it goes on with wall-clock time, and never back. */
import type { MediaClock } from '../live/media-clock.ts'

export class StreamTimeline {
  #clock: Pick<MediaClock, 'wallTimeMs'> | undefined
  /** Added to media times of this broadcast; undefined until its first unit. */
  #shiftMs: number | undefined
  readonly #last = { audio: Number.NEGATIVE_INFINITY, video: Number.NEGATIVE_INFINITY }

  /** Another broadcast's units follow, on `clock`. */
  startBroadcast(clock: Pick<MediaClock, 'wallTimeMs'>): void {
    this.#clock = clock
    this.#shiftMs = undefined
  }

  /** The time of a unit that is decoded at `mediaMs` of its broadcast; undefined where its track is already further. */
  place(kind: 'audio' | 'video', mediaMs: number): number | undefined {
    this.#shiftMs ??= this.#startMs(mediaMs) - mediaMs
    const placed = Math.round(mediaMs + this.#shiftMs)
    if (placed < this.#last[kind]) return undefined
    this.#last[kind] = placed
    return placed
  }

  /** A publisher's clock that settles only later must not lead behind the broadcast before. */
  #startMs(mediaMs: number): number {
    const wallMs = Math.round(this.#clock?.wallTimeMs(mediaMs) ?? mediaMs)
    return Math.max(wallMs, this.#last.audio + 1, this.#last.video + 1)
  }
}
