/**
 * Makes the renditions of one broadcast, and gives them up one by one before the source suffers: the best first when
 * ffmpeg falls behind real time or keeps dying. What ffmpeg does not take at once is dropped to the next key unit.
 */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import type { Broadcast, Rung, Sink } from './broadcast.ts'
import { restartedNotice, shedNotice } from './ladder-notices.ts'
import { openLadderRun } from './ladder-run.ts'
import { Transcoder } from './transcoder.ts'

export interface LadderTimings {
  /** Pictures that come out so much later than they went in, … */
  readonly behindMs: number
  /** … for so long, mean that the machine cannot keep up. */
  readonly behindForMs: number
  /** Fed for so long without a word, ffmpeg hangs. */
  readonly hangMs: number
  /** A rung that was given up is tried again after so long; twice as long each time that fails, up to the limit. */
  readonly retryMs: number
  readonly maxRetryMs: number
}

export const LADDER_TIMINGS: LadderTimings = {
  behindMs: 1_500,
  behindForMs: 3_000,
  hangMs: 3_000,
  retryMs: 60_000,
  maxRetryMs: 15 * 60_000,
}

/** So many ends of ffmpeg within the time are no accident. */
const DEATHS = 3
const DEATHS_WITHIN_MS = 60_000
/** Five seconds of 12 Mb/s. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024
/** The source, the sound and the viewers come first. */
const NICENESS = 5

/** How one run of ffmpeg keeps up. */
interface Pace {
  behindSince: number | undefined
}

export class Ladder implements Sink {
  readonly #broadcast: Broadcast
  /** Everything it may make, best first. */
  readonly #planned: readonly Rung[]
  readonly #timings: LadderTimings
  readonly #log: Log
  readonly #transcoder: Transcoder
  readonly #tracks = new Map<string, VideoTrack>()
  readonly #onClose: () => void
  #pace: Pace = { behindSince: undefined }
  #shed = 0
  #shedEver = 0
  #deaths: number[] = []
  #hasMade = false
  #lagMs = 0
  #retryAt = 0
  #retryMs: number
  #isClosed = false

  /** `rungs`: best first, at least one. `onClose` is called once. */
  constructor(options: {
    broadcast: Broadcast
    rungs: readonly Rung[]
    timings: LadderTimings
    log: Log
    onClose: () => void
  }) {
    const { broadcast, rungs, timings, log, onClose } = options
    this.#broadcast = broadcast
    this.#planned = rungs
    this.#timings = timings
    this.#retryMs = timings.retryMs
    this.#log = log
    this.#onClose = onClose
    this.#transcoder = new Transcoder({
      name: 'ladder',
      openRun: () => this.#openRun(),
      onUnit: unit => this.#take(unit),
      onTrouble: trouble => this.#troubled(trouble),
      hangMs: timings.hangMs,
      maxQueuedBytes: MAX_QUEUED_BYTES,
      niceness: NICENESS,
      log,
    })
    broadcast.setRungs(rungs)
  }

  /** The running child, for tests that hurt it. */
  get pid(): number | undefined {
    return this.#transcoder.pid
  }

  get restarts(): number {
    return this.#transcoder.restarts
  }

  get droppedUnits(): number {
    return this.#transcoder.droppedUnits
  }

  /** How often a rung was given up. */
  get shedEver(): number {
    return this.#shedEver
  }

  /** From the source's picture in to the same one out, of the latest that came out. */
  get lagMs(): number {
    return this.#rungs.length > 0 ? this.#lagMs : 0
  }

  write(unit: AccessUnit): void {
    if (unit.track !== this.#broadcast.tracks.video) return
    if (unit.isKey) this.#tryAgain(performance.now())
    if (this.#rungs.length > 0) this.#transcoder.write(unit)
  }

  /** Idempotent. What it holds of the budget is free at once. */
  async close(): Promise<void> {
    if (!this.#isClosed) this.#onClose()
    this.#isClosed = true
    await this.#transcoder.close()
  }

  get #rungs(): readonly Rung[] {
    return this.#planned.slice(this.#shed)
  }

  #openRun() {
    const pace: Pace = { behindSince: undefined }
    this.#pace = pace
    return openLadderRun({
      source: this.#broadcast.tracks.video,
      rungs: this.#rungs,
      tracks: this.#tracks,
      onUnit: writtenAt => this.#judge(pace, writtenAt),
    })
  }

  #take(unit: AccessUnit): void {
    this.#hasMade = true
    const isMadeStill = this.#rungs.some(
      ({ name }) => 'rendition' in unit.track && name === unit.track.rendition,
    )
    if (isMadeStill) this.#broadcast.writeRendition(unit)
  }

  #judge(pace: Pace, writtenAt: number): void {
    if (pace !== this.#pace) return
    const now = performance.now()
    this.#lagMs = now - writtenAt
    if (this.#lagMs < this.#timings.behindMs) pace.behindSince = undefined
    else pace.behindSince ??= now
    if (now - (pace.behindSince ?? now) >= this.#timings.behindForMs) this.#giveUp(1, 'it falls behind')
  }

  #troubled(trouble: Error | undefined): void {
    if (!trouble) return this.#broadcast.clearNotice('ladder_restarted')
    const now = performance.now()
    this.#deaths = [...this.#deaths.filter(at => now - at < DEATHS_WITHIN_MS), now]
    if (this.#deaths.length < DEATHS) return this.#broadcast.notice(restartedNotice)
    this.#deaths = []
    // What has never worked is no question of how much it has to do.
    this.#giveUp(this.#hasMade ? 1 : this.#rungs.length, 'it keeps ending')
  }

  #giveUp(count: number, reason: string): void {
    const now = performance.now()
    const hasFailedAgain = this.#retryAt > 0 && now - this.#retryAt < this.#retryMs
    const { retryMs, maxRetryMs } = this.#timings
    this.#retryMs = hasFailedAgain ? Math.min(this.#retryMs * 2, maxRetryMs) : retryMs
    this.#retryAt = now + this.#retryMs
    this.#shedEver += count
    this.#change(Math.min(this.#shed + count, this.#planned.length), reason)
  }

  /** One rung more after a while of calm, the cheapest first. */
  #tryAgain(now: number): void {
    if (this.#shed === 0 || now < this.#retryAt || this.#pace.behindSince !== undefined) return
    this.#retryAt = now + this.#retryMs
    this.#change(this.#shed - 1, 'it is tried again')
  }

  #change(shed: number, reason: string): void {
    this.#shed = shed
    // What the run that is to go still does counts no more.
    this.#pace = { behindSince: undefined }
    const names = this.#rungs.map(({ name }) => name)
    this.#log.warn({ rungs: names, reason }, 'the ladder changes')
    this.#broadcast.setRungs(this.#rungs)
    this.#broadcast.clearNotice('ladder_restarted')
    if (shed === 0) this.#broadcast.clearNotice('ladder_shed')
    else this.#broadcast.notice(shedNotice(this.#planned.slice(0, shed), this.#rungs))
    if (this.#rungs.length > 0) this.#transcoder.replaceAtKeyUnit()
    else this.#transcoder.pause()
  }
}
