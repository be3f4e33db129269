/** Hides one ffmpeg child: bytes in, bytes out, a bounded queue between, and an end that always comes. */
import { closeSync } from 'node:fs'
import { setPriority } from 'node:os'

const TERM_AFTER_MS = 2_000
const KILL_AFTER_MS = 5_000
const STDERR_BYTES = 2_000

export interface FfmpegOptions {
  /** Everything after the program's name; input is `pipe:0`, output `outputPipe(0)`, `outputPipe(1)`, … */
  readonly args: readonly string[]
  /** What came out of which output. All are read as fast as they come, so none holds up another. */
  readonly onOutput: (bytes: Uint8Array, output: number) => void
  /** 1 unless told. */
  readonly outputs?: number
  /** How far it stands back for other processes, 0 to 19; 0 unless told. */
  readonly niceness?: number
  /** What may wait for the child to read; 4 MiB unless told. */
  readonly maxQueuedBytes?: number
}

/** Reads only from its pipe: never a URL or a file that a stream could name. */
const SAFETY = ['-hide_banner', '-v', 'error', '-nostats', '-protocol_whitelist', 'pipe']

/** The address of the output with this number, from 0, among a child's arguments. */
export function outputPipe(output: number): string {
  return `pipe:${output === 0 ? 1 : output + 2}`
}

export class Ffmpeg {
  readonly pid: number
  /** Resolves when the child has gone: with the reason, its last words included, unless it was closed. */
  readonly closed: Promise<Error | undefined>
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  readonly #maxQueuedBytes: number
  #queuedBytes = 0
  #isClosing = false

  /** Throws when ffmpeg is not installed. */
  constructor(options: FfmpegOptions) {
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 4 * 1024 * 1024
    const more = Array.from({ length: (options.outputs ?? 1) - 1 }, () => 'pipe' as const)
    this.#child = Bun.spawn(['ffmpeg', ...SAFETY, ...options.args], {
      stdio: ['pipe', 'pipe', 'pipe', ...more],
    })
    this.pid = this.#child.pid
    if (options.niceness) standBack(this.pid, options.niceness)
    this.closed = this.#run(options.onOutput)
  }

  /** Hands `bytes` to the child at once. False: its queue is full or it is gone, and nothing was taken. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#child.exitCode !== null || this.#child.signalCode !== null) return false
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes.byteLength > this.#maxQueuedBytes) return false
    try {
      const written: unknown = this.#child.stdin.write(bytes)
      // Its type says a number; while the pipe is breaking it is a promise that rejects.
      if (written instanceof Promise) written.catch(() => {})
      const flushed = this.#child.stdin.flush()
      if (flushed instanceof Promise) this.#await(flushed, bytes.byteLength)
      return true
    } catch {
      return false
    }
  }

  /** End of input; then SIGTERM after 2 s, SIGKILL after 5 s. Idempotent; resolves when the child is gone. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      const timers = [
        setTimeout(() => this.#child.kill('SIGTERM'), TERM_AFTER_MS),
        setTimeout(() => this.#child.kill('SIGKILL'), KILL_AFTER_MS),
      ]
      this.closed.finally(() => timers.forEach(clearTimeout))
      // The pipe may be broken already, which is what was wanted.
      await Promise.resolve(this.#child.stdin.end()).catch(() => {})
    }
    await this.closed
  }

  /** For a child that hangs: it gets no time to finish. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #await(flushed: Promise<unknown>, bytes: number): void {
    this.#queuedBytes += bytes
    const settle = () => {
      this.#queuedBytes -= bytes
    }
    flushed.then(settle, settle)
  }

  async #run(onOutput: FfmpegOptions['onOutput']): Promise<Error | undefined> {
    const stderr = this.#lastWords()
    const pipes = this.#child.stdio.slice(3).filter(pipe => typeof pipe === 'number')
    const streams = [this.#child.stdout, ...pipes.map(pipe => Bun.file(pipe).stream())]
    let failure: unknown
    const fail = (error: unknown) => {
      failure ??= error
      this.kill()
    }
    const reading = streams.map(async (stream, output) => {
      // To its end also after a failure, as only then a pipe may be closed.
      for await (const bytes of stream) {
        try {
          if (!failure) onOutput(bytes, output)
        } catch (error) {
          fail(error)
        }
      }
    })
    await Promise.all(reading.map(each => each.catch(fail)))
    for (const pipe of pipes) closeSync(pipe)
    await this.#child.exited
    const words = await stderr
    if (this.#isClosing && !failure) return undefined
    const end = this.#child.signalCode ?? `code ${this.#child.exitCode}`
    return new Error(`ffmpeg ended (${end}): ${words || 'it said nothing'}`, { cause: failure })
  }

  async #lastWords(): Promise<string> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of this.#child.stderr)
      text = (text + decoder.decode(bytes, { stream: true })).slice(-STDERR_BYTES)
    return text.trim()
  }
}

function standBack(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    // It has ended already, which its owner hears of.
  }
}
