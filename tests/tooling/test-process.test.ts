/** What counts as a failure of a test run, on files made to fail in each way. */
import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../support/wait-for.ts'
import { runTestProcess, type TestCounts } from './test-process.ts'

const importTest = "import { expect, test } from 'bun:test'\n"

async function runFile(source: string, limitMs = 30_000): Promise<TestCounts & { printed: string }> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-run-'))
  let printed = ''
  try {
    await Bun.write(join(root, 'it.test.ts'), importTest + source)
    const print = (text: string) => {
      printed += text
    }
    return {
      ...(await runTestProcess({ root, files: ['it.test.ts'], limitMs, testTimeoutMs: 1000, print })),
      printed,
    }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

describe('a test run', () => {
  test('counts what passed, failed and was skipped, and names what failed', async () => {
    const counts = await runFile(`
      test('is right', () => {})
      test('is wrong', () => { expect(1).toBe(2) })
      test.skip('is left out', () => {})
      test.todo('is to come')
    `)
    expect(counts).toMatchObject({ passed: 1, failed: 1, skipped: 2 })
    expect(counts.failures).toEqual([expect.stringContaining('is wrong')])
    expect(counts.printed).toContain('Expected: 2')
  })

  test('passes when all is well, and shows what tests print', async () => {
    const counts = await runFile("test('is right', () => console.log('sockets left: 0'))")
    expect(counts).toMatchObject({ passed: 1, failed: 0, skipped: 0, failures: [] })
    expect(counts.printed).toContain('sockets left: 0')
  })

  test('is not taken in by a summary that a test prints', async () => {
    const counts = await runFile(`
      test('talks', () => console.log('\\n 99 pass\\n 0 fail\\nRan 99 tests across 1 file.'))
    `)
    expect(counts).toMatchObject({ passed: 1, failed: 0 })
  })

  for (const [name, source] of [
    ['a file that cannot be loaded', "import './missing.ts'"],
    ['a file that throws while it is loaded', "test('never', () => {})\nthrow new Error('no')"],
    ['a file without a test', ''],
    ['a process that is killed', "test('dies', () => process.kill(process.pid, 'SIGKILL'))"],
    ['a process that leaves early, as if all were well', "test('leaves', () => process.exit(0))"],
    ['a test that takes too long', "test('hangs', () => new Promise(() => {}))"],
  ] as const)
    test(`counts as failed: ${name}`, async () => {
      const { failed, failures } = await runFile(source)
      expect(failed).toBe(1)
      expect(failures).toHaveLength(1)
    })

  test('ends a process that is stuck, with what it started', async () => {
    const counts = await runFile(
      `
      import { spawn } from 'node:child_process'
      test('is stuck', () => {
        const child = spawn('sh', ['-c', 'sleep 61 & wait'], { detached: true, stdio: 'ignore' })
        console.log('child:' + child.pid)
        while (true) {}
      })
    `,
      2000,
    )
    expect(counts).toMatchObject({ failed: 1, failures: ['the test process was stopped after 2 s'] })
    const child = Number(/child:(\d+)/.exec(counts.printed)?.[1])
    await waitFor(() => isGone(-child), { message: 'what the test had started to be gone' })
  })
})
