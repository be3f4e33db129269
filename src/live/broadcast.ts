/** Carries one publisher connection's access units to the outputs, so that none of them can hurt another. */
import type { AccessUnit, AudioTrack, Tracks } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import { type Health, HealthMeter, type Notice } from './health.ts'
import { MediaClock } from './media-clock.ts'

/**
 * Receives the access units of every track: the source's picture, its sound, alternate sound, and the pictures of the
 * ladder (`track.rendition`); it looks at `unit.track` and leaves out what it has no use for. `write` is synchronous,
 * owns its bounded queue and states in its file's header what it drops on overflow; one that throws is removed and
 * closed.
 */
export interface Sink {
  write(unit: AccessUnit): void
  /** Idempotent. `cause`: why, when it was not asked for. */
  close(cause?: Error): Promise<void>
}

/** One quality that a ladder makes beside the source. */
export interface Rung {
  /** Its name, as in `VideoTrack.rendition`: `720p`. */
  readonly name: string
  readonly width: number
  readonly height: number
  readonly bitrateBps: number
}

/**
 * One publisher connection's media with immutable tracks: when a track changes (a new SPS), the live session
 * closes this broadcast and starts another on the same stream.
 */
export class Broadcast {
  readonly tracks: Tracks
  /** The default sound as AAC: as it came, or converted from Opus. Outputs that carry no Opus take this. */
  readonly aac: AudioTrack | undefined
  /** The sounds to choose instead of it, likewise. */
  readonly alternateAac: readonly AudioTrack[]
  /** Wall-clock time of each access unit; both tracks share it, so that lips match. */
  readonly clock: MediaClock
  readonly closed: Promise<Error | undefined>
  readonly #log: Log
  readonly #sinks = new Set<Sink>()
  readonly #notices = new Map<string, Notice>()
  readonly #meter: HealthMeter
  readonly #now: () => number
  readonly #onFirstKeyUnit: () => void
  readonly #onKeyUnitRequested: () => void
  readonly #resolveClosed: (cause: Error | undefined) => void
  #rungs: readonly Rung[] = []
  #isWaitingForKeyUnit = true
  #closing: Promise<void> | undefined

  /**
   * `now`: milliseconds since the epoch. `onFirstKeyUnit` is called in the tick in which the first key frame arrives,
   * `onKeyUnitRequested` when a viewer would gain by one now; only publishers over WebRTC can be asked.
   * `converted`: the AAC track that somebody makes of each sound in Opus, and hands to `writeRendition`.
   */
  constructor(options: {
    tracks: Tracks
    log: Log
    now?: () => number
    onFirstKeyUnit?: () => void
    onKeyUnitRequested?: () => void
    converted?: ReadonlyMap<AudioTrack, AudioTrack>
  }) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.tracks = options.tracks
    const { audio, alternateAudio = [] } = options.tracks
    const asAac = (track: AudioTrack) => (track.codec === 'aac' ? track : options.converted?.get(track))
    this.aac = audio && asAac(audio)
    this.alternateAac = alternateAudio.flatMap(track => asAac(track) ?? [])
    this.closed = promise
    this.#resolveClosed = resolve
    this.#log = options.log
    this.#now = options.now ?? Date.now
    this.#onFirstKeyUnit = options.onFirstKeyUnit ?? (() => {})
    this.#onKeyUnitRequested = options.onKeyUnitRequested ?? (() => {})
    this.clock = new MediaClock()
    this.#meter = new HealthMeter(options.tracks)
  }

  get isOpen(): boolean {
    return this.#closing === undefined
  }

  /** What the ladder makes now beside the source, best first; it changes when a rung is shed. */
  get rungs(): readonly Rung[] {
    return this.#rungs
  }

  /** For the ladder. */
  setRungs(rungs: readonly Rung[]): void {
    this.#rungs = rungs
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
    this.#deliver(unit)
  }

  /** Takes a unit made from the source's, a picture of the ladder or converted sound: its times are the source's. */
  writeRendition(unit: AccessUnit): void {
    if (this.isOpen && !this.#isWaitingForKeyUnit) this.#deliver(unit)
  }

  /** A viewer has come who needs a key frame of the source: asks the publisher, where its protocol can. */
  requestKeyUnit(): void {
    if (this.isOpen) this.#onKeyUnitRequested()
  }

  #deliver(unit: AccessUnit): void {
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
