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
  /** How many outputs they name; 1 unless told. */
  readonly outputs?: number
  /** What ffmpeg reads for `unit`; the first one of a run is a key unit. */
  encode(unit: AccessUnit): Uint8Array
  /** Units out of what ffmpeg wrote to an output, in whatever pieces. */
  decode(bytes: Uint8Array, output?: number): AccessUnit[]
}

export interface TranscoderOptions {
  readonly name: string
  readonly openRun: () => TranscoderRun
  readonly onUnit: (unit: AccessUnit) => void
  /** It died, hung or fell behind, and is being restarted; undefined: it works again. */
  readonly onTrouble?: (trouble: Error | undefined) => void
  /** Fed for so long without a word, it hangs; 6 s unless told. */
  readonly hangMs?: number
  /** As in `FfmpegOptions`. */
  readonly maxQueuedBytes?: number
  readonly niceness?: number
  readonly log: Log
}

const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 5_000
const HANG_MS = 6_000
/** Until its first word it has at least so long: starting takes a second on a busy machine. */
const START_MS = 6_000
/** Who is fed nothing has nothing to say: after such a pause its time begins anew. */
const PAUSE_MS = 2_000
/** After so long without trouble the next restart is quick again. */
const STABLE_MS = 10_000

export class Transcoder implements Sink {
  readonly #options: TranscoderOptions
  #ffmpeg: Ffmpeg | undefined
  #run: TranscoderRun | undefined
  /** The run before, which may finish what it has until the new one speaks. */
  #retired: { readonly run: TranscoderRun; readonly ffmpeg: Ffmpeg } | undefined
  #retirement: Promise<void> | undefined
  #isReplacing = false
  #hasSpoken = false
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
  #restarts = 0

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

  /** How often a child died or hung. */
  get restarts(): number {
    return this.#restarts
  }

  /** The next key unit opens a new run, with other arguments, while the one before finishes what it has. */
  replaceAtKeyUnit(): void {
    this.#isReplacing = true
  }

  /** Ends the run, and with it its trouble, until another key unit is written. Idempotent. */
  pause(): void {
    this.#retire()
    this.#calm()
  }

  /** The child is started by the first key unit, and again by the first one after its death and a pause. */
  write(unit: AccessUnit): void {
    if (this.#isClosed) return
    const now = performance.now()
    if (now - this.#writtenAt > PAUSE_MS) this.#aliveAt = now
    this.#writtenAt = now
    if (this.#isWaitingForKeyUnit && !unit.isKey) return this.#drop()
    if (this.#isReplacing && unit.isKey) this.#retire()
    if (!this.#ffmpeg && !this.#start(now)) return this.#drop()
    if (now - this.#aliveAt > this.#patienceMs) {
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
    await Promise.all([this.#ffmpeg?.close(), this.#retirement])
  }

  get #patienceMs(): number {
    const { hangMs = HANG_MS } = this.#options
    return this.#hasSpoken ? hangMs : Math.max(hangMs, START_MS)
  }

  #retire(): void {
    this.#isReplacing = false
    if (!this.#ffmpeg || !this.#run) return
    this.#retired?.ffmpeg.kill()
    this.#retired = { run: this.#run, ffmpeg: this.#ffmpeg }
    this.#forgetRun()
    this.#retirement = this.#retired.ffmpeg.close()
  }

  #drop(): void {
    this.#droppedUnits++
  }

  #start(now: number): boolean {
    if (now < this.#restartAt) return false
    this.#startedAt = this.#aliveAt = now
    try {
      const run = this.#options.openRun()
      const ffmpeg = new Ffmpeg({
        ...this.#options,
        ...run,
        onOutput: (bytes, output) => this.#receive(run, bytes, output),
      })
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

  #receive(run: TranscoderRun, bytes: Uint8Array, output: number): void {
    if (this.#isClosed || (run !== this.#run && run !== this.#retired?.run)) return
    if (run === this.#run) this.#heard()
    for (const unit of run.decode(bytes, output)) this.#options.onUnit(unit)
  }

  #heard(): void {
    this.#aliveAt = performance.now()
    this.#hasSpoken = true
    this.#retired?.ffmpeg.kill()
    this.#retired = undefined
    this.#calm()
  }

  #calm(): void {
    if (!this.#isTroubled) return
    this.#isTroubled = false
    this.#options.onTrouble?.(undefined)
  }

  #ended(ffmpeg: Ffmpeg, cause: Error | undefined): void {
    if (ffmpeg !== this.#ffmpeg) return
    this.#forgetRun()
    if (!this.#isClosed) this.#restartLater(cause ?? new Error('ffmpeg ended by itself'))
  }

  #forgetRun(): void {
    this.#ffmpeg = undefined
    this.#run = undefined
    this.#hasSpoken = false
    this.#isWaitingForKeyUnit = true
  }

  #restartLater(trouble: Error): void {
    const now = performance.now()
    this.#restarts++
    this.#restartDelayMs =
      now - this.#startedAt > STABLE_MS ? RESTART_MIN_MS : Math.min(this.#restartDelayMs * 2, RESTART_MAX_MS)
    this.#restartAt = now + this.#restartDelayMs
    this.#isTroubled = true
    this.#options.log.warn({ transcoder: this.#options.name, err: trouble }, 'ffmpeg ended and is restarted')
    this.#options.onTrouble?.(trouble)
  }
}
