/** Owns one ffmpeg process: its pid, the end of it, and its last words. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

const STDERR_CHARACTERS = 8_000
const STOP_MS = 3_000

export interface FfmpegExit {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last 8,000 characters of what it said. */
  readonly stderr: string
}

export interface FfmpegStreams {
  readonly stdin?: boolean
  readonly stdout?: boolean
}

/** Open from the start; `stop` it. */
export class FfmpegChild {
  readonly pid: number
  /** Never rejects. */
  readonly exited: Promise<FfmpegExit>
  readonly #child: ChildProcess

  /** Starts `ffmpeg` with `args`; `streams`: which of its standard streams are pipes (its error output always is). */
  constructor(args: readonly string[], streams: FfmpegStreams = {}) {
    const pipe = (isPiped: boolean | undefined) => (isPiped ? 'pipe' : 'ignore')
    this.#child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'warning', ...args], {
      stdio: [pipe(streams.stdin), pipe(streams.stdout), 'pipe'],
    })
    this.pid = this.#child.pid ?? 0
    this.exited = this.#watch()
  }

  /** Throws TypeError when it was not asked for. */
  get stdin(): Writable {
    if (!this.#child.stdin) throw new TypeError('this ffmpeg reads no standard input')
    return this.#child.stdin
  }

  /** Throws TypeError when it was not asked for. */
  get stdout(): Readable {
    if (!this.#child.stdout) throw new TypeError('this ffmpeg writes no standard output')
    return this.#child.stdout
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it as Ctrl-C would, so that it finishes its output; by force after three seconds. Idempotent. */
  async stop(): Promise<FfmpegExit> {
    this.#child.stdin?.end()
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), STOP_MS)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  #watch(): Promise<FfmpegExit> {
    const { promise, resolve } = Promise.withResolvers<FfmpegExit>()
    let stderr = ''
    this.#child.stderr!.setEncoding('utf8')
    this.#child.stderr!.on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARACTERS)
    })
    // A process that has ended breaks its pipe; its exit is what counts.
    this.#child.stdin?.on('error', () => {})
    this.#child.on('error', error => resolve({ code: null, signal: null, stderr: error.message }))
    this.#child.on('close', (code, signal) => resolve({ code, signal, stderr }))
    return promise
  }
}

/** Runs ffmpeg to its end. Throws with its last words when it fails. */
export async function runFfmpeg(args: readonly string[]): Promise<void> {
  const { code, stderr } = await new FfmpegChild(['-y', ...args]).exited
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')} failed: ${stderr}`)
}
