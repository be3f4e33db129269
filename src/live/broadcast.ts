/** Carries one publisher connection's access units to the outputs, so that none of them can hurt another. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import { type Health, HealthMeter, type Notice } from './health.ts'
import { MediaClock } from './media-clock.ts'

/**
 * Receives access units. `write` is synchronous, owns its bounded queue and states in its file's header what it
 * drops on overflow; one that throws is removed and closed.
 */
export interface Sink {
  write(unit: AccessUnit): void
  /** Idempotent. `cause`: why, when it was not asked for. */
  close(cause?: Error): Promise<void>
}

/**
 * One publisher connection's media with immutable tracks: when a track changes (a new SPS), the live session
 * closes this broadcast and starts another on the same stream.
 */
export class Broadcast {
  readonly tracks: Tracks
  /** Wall-clock time of each access unit; both tracks share it, so that lips match. */
  readonly clock: MediaClock
  readonly closed: Promise<Error | undefined>
  readonly #log: Log
  readonly #sinks = new Set<Sink>()
  readonly #notices = new Map<string, Notice>()
  readonly #meter: HealthMeter
  readonly #now: () => number
  readonly #onFirstKeyUnit: () => void
  readonly #resolveClosed: (cause: Error | undefined) => void
  #isWaitingForKeyUnit = true
  #closing: Promise<void> | undefined

  /** `now`: milliseconds since the epoch. `onFirstKeyUnit` is called in the tick in which the first key frame arrives. */
  constructor(options: { tracks: Tracks; log: Log; now?: () => number; onFirstKeyUnit?: () => void }) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.tracks = options.tracks
    this.closed = promise
    this.#resolveClosed = resolve
    this.#log = options.log
    this.#now = options.now ?? Date.now
    this.#onFirstKeyUnit = options.onFirstKeyUnit ?? (() => {})
    this.clock = new MediaClock()
    this.#meter = new HealthMeter(options.tracks)
  }

  get isOpen(): boolean {
    return this.#closing === undefined
  }

  /** The sink sees every unit written from now on, and is closed with the broadcast. */
  addSink(sink: Sink): void {
    this.#sinks.add(sink)
  }

  /** Takes a unit of one of `tracks`, in decoding order per track. Nothing is kept before the first key frame. */
  write(unit: AccessUnit): void {
    if (!this.isOpen) return
    const now = this.#now()
    // By presentation: no picture was captured after it arrived, which with B-frames their decoding times would say.
    this.clock.observe((unit.pts / unit.track.timescale) * 1000, now)
    this.#meter.observe(unit, now)
    if (this.#isWaitingForKeyUnit) {
      if (unit.track.kind !== 'video' || !unit.isKey) return
      this.#isWaitingForKeyUnit = false
      this.#onFirstKeyUnit()
    }
    for (const sink of this.#sinks) {
      try {
        sink.write(unit)
      } catch (error) {
        this.#drop(sink, error)
      }
    }
  }

  /** Shows the streamer something on the dashboard until `clearNotice(code)`. */
  notice(notice: Notice): void {
    this.#notices.set(notice.code, notice)
  }

  clearNotice(code: string): void {
    this.#notices.delete(code)
  }

  /** The state of the incoming media over the last seconds, with everything the streamer should know. */
  health(): Health {
    const measured = this.#meter.health(this.#now())
    return { ...measured, notices: [...this.#notices.values(), ...measured.notices] }
  }

  /** Idempotent. Resolves when every sink has closed. */
  close(cause?: Error): Promise<void> {
    this.#closing ??= this.#closeSinks(cause)
    return this.#closing
  }

  async #closeSinks(cause: Error | undefined): Promise<void> {
    const results = await Promise.allSettled([...this.#sinks].map(sink => sink.close(cause)))
    for (const result of results)
      if (result.status === 'rejected') this.#log.error({ err: result.reason }, 'a sink failed to close')
    this.#sinks.clear()
    this.#resolveClosed(cause)
  }

  #drop(sink: Sink, error: unknown): void {
    this.#log.error({ err: error }, 'a sink failed and was removed')
    this.#sinks.delete(sink)
    sink.close(error as Error).catch(err => this.#log.error({ err }, 'a failed sink did not close'))
  }
}
