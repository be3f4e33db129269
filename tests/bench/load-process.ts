/** A process that plays many viewers, so that what they cost is not charged to the server or the benchmark. */
import { join } from 'node:path'
import { treeUsage } from '../support/process-tree.ts'

const ANSWER_MS = 60_000

/** One command a line on its standard input, one line of JSON each on its standard output. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>
  readonly #lines: ReadableStreamDefaultReader<string>
  #text = ''

  /** `script`: a file of this folder. */
  constructor(script: string, ...args: readonly string[]) {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
      env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: '4096' },
    })
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  }

  get cpuSeconds(): number {
    return treeUsage(this.#child.pid).cpuSeconds
  }

  /** Throws what the process says went wrong, and when it says nothing for a minute. */
  async ask<T>(command: string): Promise<T> {
    this.#child.stdin.write(`${command}\n`)
    await this.#child.stdin.flush()
    const timer = setTimeout(() => this.#child.kill(), ANSWER_MS)
    const answer = JSON.parse(await this.#line()) as T & { error?: string }
    clearTimeout(timer)
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 1)
        return line
      }
      const { value, done } = await this.#lines.read()
      if (done) throw new Error('the process that plays viewers ended')
      this.#text += value
    }
  }
}

/** The other side: answers each line of standard input until it ends. */
export async function obey(answer: (verb: string, count: number) => Promise<unknown>): Promise<never> {
  for await (const line of console) {
    const [verb = '', count] = line.split(' ')
    const reply = await answer(verb, Number(count)).catch((error: Error) => ({ error: error.message }))
    console.log(JSON.stringify(reply))
  }
  process.exit(0)
}
