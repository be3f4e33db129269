/** Hides how ffmpeg and ffprobe are run on files of strangers: within a time, out of the way of what is live. */
import { setPriority } from 'node:os'

const NICENESS = 10
const MAX_STDERR = 2_000

/** What it writes to standard output. Throws an error with its last words, or the signal's reason. */
export async function runTool(
  tool: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  options: {
    readonly signal: AbortSignal
    readonly timeoutMs: number
    readonly input?: Uint8Array<ArrayBuffer>
  },
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, timeoutMs, input } = options
  signal.throwIfAborted()
  const child = Bun.spawn([tool, '-hide_banner', '-v', 'error', ...args], {
    stdin: input ?? 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    killSignal: 'SIGKILL',
    timeout: timeoutMs,
    signal,
  })
  standBack(child.pid)
  const [output, words] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ])
  await child.exited
  signal.throwIfAborted()
  if (child.exitCode === 0) return output
  const end = child.signalCode ?? `code ${child.exitCode}`
  throw new Error(`${tool} ended (${end}): ${words.trim().slice(-MAX_STDERR) || 'it said nothing'}`)
}

/** What is live comes first. */
function standBack(pid: number): void {
  try {
    setPriority(pid, NICENESS)
  } catch {
    // It has ended already.
  }
}
