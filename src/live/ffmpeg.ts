/** Hides one ffmpeg child: bytes in, bytes out, a bounded queue between, and an end that always comes. */

const TERM_AFTER_MS = 2_000
const KILL_AFTER_MS = 5_000
const STDERR_BYTES = 2_000

export interface FfmpegOptions {
  /** Everything after the program's name; input is `pipe:0`, output `pipe:1`. */
  readonly args: readonly string[]
  readonly onOutput: (bytes: Uint8Array) => void
  /** What may wait for the child to read; 4 MiB unless told. */
  readonly maxQueuedBytes?: number
}

/** Reads only from its pipe: never a URL or a file that a stream could name. */
const SAFETY = ['-hide_banner', '-v', 'error', '-nostats', '-protocol_whitelist', 'pipe']

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
    this.#child = Bun.spawn(['ffmpeg', ...SAFETY, ...options.args], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    this.pid = this.#child.pid
    this.closed = this.#run(options.onOutput)
  }

  /** Hands `bytes` to the child at once. False: its queue is full or it is gone, and nothing was taken. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#child.exitCode !== null || this.#child.signalCode !== null) return false
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes.byteLength > this.#maxQueuedBytes) return false
    try {
      this.#child.stdin.write(bytes)
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

  async #run(onOutput: (bytes: Uint8Array) => void): Promise<Error | undefined> {
    const stderr = this.#lastWords()
    let failure: unknown
    try {
      for await (const bytes of this.#child.stdout) onOutput(bytes)
    } catch (error) {
      failure = error
      this.kill()
    }
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
