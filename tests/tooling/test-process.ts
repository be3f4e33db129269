/** Hides `bun test`: runs test files in a process of their own, within a limit, and counts what became of them. */
import { processTree } from '../support/process-tree.ts'

export interface TestProcessOptions {
  /** The folder to run in, which `files` are relative to. */
  readonly root: string
  readonly files: readonly string[]
  /** After this the process and all it started are killed. */
  readonly limitMs: number
  /** For each test that sets none of its own. */
  readonly testTimeoutMs: number
  /** Is handed what the process prints, as it comes. */
  readonly print: (text: string) => void
}

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** One line for each failure. */
  readonly failures: readonly string[]
}

const summary = /\n((?: *\d+ [^\n]*\n)+)Ran \d+ tests? across/g

/** Never rejects for what a test does: a file that cannot be loaded, a crash and an overrun each count as a failure. */
export async function runTestProcess(options: TestProcessOptions): Promise<TestCounts> {
  const { root, files, limitMs, testTimeoutMs, print } = options
  const paths = files.map(file => `./${file}`)
  const child = Bun.spawn(
    [process.execPath, 'test', '--only-failures', '--no-orphans', `--timeout=${testTimeoutMs}`, ...paths],
    { cwd: root, env: { ...process.env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let isLate = false
  const late = setTimeout(() => {
    isLate = true
    killTree(child.pid)
  }, limitMs)
  const [output, errors, exitCode] = await Promise.all([
    collect(child.stdout, print),
    collect(child.stderr, print),
    child.exited,
  ])
  clearTimeout(late)
  const end = isLate ? `was stopped after ${limitMs / 1000} s` : `ended with ${child.signalCode ?? exitCode}`
  return count(`${output}\n${errors}`, exitCode, end)
}

/** bun counts a file that does not load both as a failure and as an error. */
function count(output: string, exitCode: number, end: string): TestCounts {
  const block = [...output.matchAll(summary)].at(-1)?.[1] ?? ''
  const field = (name: string) => Number(new RegExp(`^ *(\\d+) ${name}`, 'm').exec(block)?.[1] ?? 0)
  const [passed, skipped] = [field('pass'), field('skip') + field('todo')]
  const failures = output.match(/^\(fail\) .*$/gm) ?? []
  const counted = Math.max(field('fail'), field('error'), failures.length)
  if (counted > 0) return { passed, skipped, failed: counted, failures: pad(failures, counted) }
  if (exitCode !== 0) return { passed, skipped, failed: 1, failures: [`the test process ${end}`] }
  if (passed + skipped === 0) return { passed, skipped, failed: 1, failures: ['it ran no test'] }
  return { passed, skipped, failed: 0, failures: [] }
}

function pad(failures: readonly string[], counted: number): string[] {
  const unnamed = Array<string>(counted - failures.length).fill('an error outside of any test: see above')
  return [...failures, ...unnamed]
}

async function collect(stream: ReadableStream<Uint8Array>, print: (text: string) => void): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true })
    all += text
    print(text)
  }
  return all
}

/** Browsers and encoders put themselves into process groups of their own, so the tree is what must be ended. */
function killTree(pid: number): void {
  for (const each of process.platform === 'linux' ? processTree(pid) : [pid]) {
    try {
      process.kill(each, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
