/** Owns a foreign server's process and its temporary configuration. */
import { access, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

const STOP_MS = 3_000
const START_MS = 10_000

export interface DaemonOptions {
  /** Given its folder's path, the program with its arguments; it must stay in the foreground. */
  readonly command: (folder: string) => readonly string[]
  /** Written into the folder first: relative path to text. */
  readonly files: (folder: string) => Readonly<Record<string, string>>
  /** It is ready when it listens here, on 127.0.0.1. */
  readonly port: number
}

export class Daemon implements AsyncDisposable {
  readonly #folder: TempFolder
  readonly #process: Bun.Subprocess

  private constructor(folder: TempFolder, process: Bun.Subprocess) {
    this.#folder = folder
    this.#process = process
  }

  /** Resolves when it listens. Throws with its output when it does not. */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const folder = await tempFolder('sluice-bench-')
    for (const [name, text] of Object.entries(options.files(folder.path))) {
      const path = join(folder.path, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
    const log = Bun.file(join(folder.path, 'output.log'))
    const child = Bun.spawn([...options.command(folder.path)], { cwd: folder.path, stdout: log, stderr: log })
    const daemon = new Daemon(folder, child)
    try {
      await waitFor(() => child.exitCode === null && isListening(options.port), {
        timeoutMs: START_MS,
        message: `${options.command(folder.path)[0]} to listen on port ${options.port}`,
      })
      return daemon
    } catch (error) {
      const output = await log.text().catch(() => '')
      await daemon.close()
      throw new Error(`${(error as Error).message}\n${output.slice(-2000)}`)
    }
  }

  get pid(): number {
    return this.#process.pid
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
    await this.#process.exited
    clearTimeout(timer)
    await this.#folder.remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The first of `paths` that exists. */
export async function findInstalled(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await access(path).then(
      () => true,
      () => false,
    )
    if (exists) return path
  }
  return undefined
}

function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('error', () => resolve(false))
  socket.once('connect', () => {
    socket.destroy()
    resolve(true)
  })
  return promise
}
