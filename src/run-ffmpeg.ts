/** One run of ffmpeg on what is in memory: bytes in, bytes out, and an end that always comes. */
import { setPriority } from 'node:os'

export interface FfmpegRun {
  /** Everything after the program's name; input is `pipe:0`, output `pipe:1`. */
  readonly args: readonly string[]
  readonly input: Uint8Array
  /** It is killed when it takes longer. */
  readonly timeoutMs: number
  /** It is killed when it makes more. */
  readonly maxOutputBytes?: number
  readonly signal?: AbortSignal | undefined
}

/** What is live comes first. */
const NICENESS = 10
const MAX_WORDS = 2_000
/** Reads only from its pipe: never a URL or a file that a video could name. */
const SAFETY = ['-hide_banner', '-v', 'error', '-nostats', '-protocol_whitelist', 'pipe']

/** Everything that it writes. Throws an error with its last words, and `signal`'s reason. */
export async function runFfmpeg(run: FfmpegRun): Promise<Uint8Array<ArrayBuffer>> {
  const { args, input, timeoutMs, maxOutputBytes = Number.POSITIVE_INFINITY, signal } = run
  signal?.throwIfAborted()
  const child = Bun.spawn(['ffmpeg', ...SAFETY, ...args], {
    ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', killSignal: 'SIGKILL', timeout: timeoutMs },
    ...(signal && { signal }),
  })
  standBack(child.pid)
  void feed(child.stdin, input)
  const [output, words] = await Promise.all([
    read(child.stdout, maxOutputBytes, () => child.kill('SIGKILL')),
    new Response(child.stderr).text(),
  ])
  await child.exited
  signal?.throwIfAborted()
  if (!output) throw new Error(`ffmpeg made more than ${maxOutputBytes} bytes`)
  if (child.exitCode !== 0) {
    const end = child.signalCode ?? `code ${child.exitCode}`
    throw new Error(`ffmpeg ended (${end}): ${words.trim().slice(-MAX_WORDS) || 'it said nothing'}`)
  }
  return output
}

/** Bytes given to the spawn itself would stay in a memory file, open until the child's object is collected. */
async function feed(stdin: Bun.FileSink, input: Uint8Array): Promise<void> {
  try {
    await stdin.write(input)
    await stdin.end()
  } catch {
    // It ended before it had read everything; its exit tells why.
  }
}

/** Undefined: there was more than `maxBytes`. */
async function read(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  kill: () => void,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes <= maxBytes) chunks.push(chunk)
    else kill()
  }
  return bytes > maxBytes ? undefined : new Uint8Array(Buffer.concat(chunks))
}

function standBack(pid: number): void {
  try {
    setPriority(pid, NICENESS)
  } catch {
    // It has ended already.
  }
}
