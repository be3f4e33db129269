/**
 * Keeps one ffmpeg turning a track into another, through its deaths and hangs. On overflow (ffmpeg slower than real
 * time) it drops to the next key unit, and counts.
 */
import type { AccessUnit } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import type { Sink } from './broadcast.ts'
import { Ffmpeg } from './ffmpeg.ts'

/** One run of ffmpeg: its arguments, and both directions of its pipe. Made anew for each run. */
export interface TranscoderRun {
  readonly args: readonly string[]
  /** What ffmpeg reads for `unit`; the first one of a run is a key unit. */
  encode(unit: AccessUnit): Uint8Array
  /** Units out of what ffmpeg wrote, in whatever pieces. */
  decode(bytes: Uint8Array): AccessUnit[]
}

export interface TranscoderOptions {
  readonly name: string
  readonly openRun: () => TranscoderRun
  readonly onUnit: (unit: AccessUnit) => void
  /** It died, hung or fell behind, and is being restarted; undefined: it works again. */
  readonly onTrouble?: (trouble: Error | undefined) => void
  /** Fed for so long without a word, it hangs. Starting on a busy machine takes a second; 6 s unless told. */
  readonly hangMs?: number
  readonly log: Log
}

const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 5_000
const HANG_MS = 6_000
/** Who is fed nothing has nothing to say: after such a pause its time begins anew. */
const PAUSE_MS = 2_000
/** After so long without trouble the next restart is quick again. */
const STABLE_MS = 10_000

export class Transcoder implements Sink {
  readonly #options: TranscoderOptions
  #ffmpeg: Ffmpeg | undefined
  #run: TranscoderRun | undefined
  #isWaitingForKeyUnit = true
  #restartDelayMs = RESTART_MIN_MS
  #restartAt = 0
  #startedAt = 0
  #writtenAt = 0
  /** The child's last sign of life, or since when there is one to expect. */
  #aliveAt = 0
  #isTroubled = false
  #isClosed = false
  #droppedUnits = 0

  constructor(options: TranscoderOptions) {
    this.#options = options
  }

  /** The running child, for tests that kill it. */
  get pid(): number | undefined {
    return this.#ffmpeg?.pid
  }

  get droppedUnits(): number {
    return this.#droppedUnits
  }

  /** The child is started by the first key unit, and again by the first one after its death and a pause. */
  write(unit: AccessUnit): void {
    if (this.#isClosed) return
    const now = performance.now()
    if (now - this.#writtenAt > PAUSE_MS) this.#aliveAt = now
    this.#writtenAt = now
    if (this.#isWaitingForKeyUnit && !unit.isKey) return this.#drop()
    if (!this.#ffmpeg && !this.#start(now)) return this.#drop()
    if (now - this.#aliveAt > (this.#options.hangMs ?? HANG_MS)) {
      // Its end is reported and mended like any other death.
      this.#options.log.warn({ transcoder: this.#options.name }, 'ffmpeg hangs')
      this.#ffmpeg?.kill()
      this.#aliveAt = now
      return this.#drop()
    }
    const isTaken = this.#feed(unit)
    this.#isWaitingForKeyUnit = !isTaken
    if (!isTaken) this.#drop()
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#ffmpeg?.close()
  }

  #drop(): void {
    this.#droppedUnits++
  }

  #start(now: number): boolean {
    if (now < this.#restartAt) return false
    this.#startedAt = this.#aliveAt = now
    try {
      const run = this.#options.openRun()
      const ffmpeg = new Ffmpeg({ args: run.args, onOutput: bytes => this.#receive(run, bytes) })
      this.#run = run
      this.#ffmpeg = ffmpeg
      ffmpeg.closed.then(cause => this.#ended(ffmpeg, cause))
      return true
    } catch (error) {
      // No ffmpeg on this machine, or a track that it cannot be told of: the other tracks go on.
      this.#restartLater(error as Error)
      return false
    }
  }

  #feed(unit: AccessUnit): boolean {
    try {
      return this.#ffmpeg!.write(this.#run!.encode(unit))
    } catch (err) {
      this.#options.log.warn({ transcoder: this.#options.name, err }, 'a unit cannot be converted')
      this.#ffmpeg!.kill()
      return false
    }
  }

  #receive(run: TranscoderRun, bytes: Uint8Array): void {
    if (this.#isClosed || run !== this.#run) return
    this.#aliveAt = performance.now()
    if (this.#isTroubled) {
      this.#isTroubled = false
      this.#options.onTrouble?.(undefined)
    }
    for (const unit of run.decode(bytes)) this.#options.onUnit(unit)
  }

  #ended(ffmpeg: Ffmpeg, cause: Error | undefined): void {
    if (ffmpeg !== this.#ffmpeg) return
    this.#ffmpeg = undefined
    this.#run = undefined
    this.#isWaitingForKeyUnit = true
    if (!this.#isClosed) this.#restartLater(cause ?? new Error('ffmpeg ended by itself'))
  }

  #restartLater(trouble: Error): void {
    const now = performance.now()
    this.#restartDelayMs =
      now - this.#startedAt > STABLE_MS ? RESTART_MIN_MS : Math.min(this.#restartDelayMs * 2, RESTART_MAX_MS)
    this.#restartAt = now + this.#restartDelayMs
    this.#isTroubled = true
    this.#options.log.warn({ transcoder: this.#options.name, err: trouble }, 'ffmpeg ended and is restarted')
    this.#options.onTrouble?.(trouble)
  }
}
