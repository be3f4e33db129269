/**
 * Runs the checks, then all tests: one process for each folder of tests/, and one after the other for each file of
 * tests/e2e. The last line counts them all.
 */
import { join } from 'node:path'
import { printChecks, runChecks } from './check.ts'
import { runTestProcess, type TestCounts } from './tooling/test-process.ts'

interface Group {
  readonly name: string
  readonly files: readonly string[]
  readonly limitMs: number
  readonly testTimeoutMs: number
}

const root = join(import.meta.dir, '..')
const minuteMs = 60_000
const deadline = performance.now() + 52 * minuteMs

const results: { readonly name: string; readonly counts: TestCounts }[] = []
const checks = await runChecks()
printChecks(checks)
for (const { name, problems } of checks) results.push({ name, counts: countCheck(problems) })
for (const group of await findGroups()) results.push({ name: group.name, counts: await run(group) })
process.exit(printTotal())

async function findGroups(): Promise<Group[]> {
  const files = await Array.fromAsync(new Bun.Glob('tests/**/*.test.{ts,tsx}').scan(root))
  const isE2e = (file: string) => file.startsWith('tests/e2e/')
  const folders = Map.groupBy(
    files.filter(file => !isE2e(file)),
    file => file.split('/').slice(0, 2).join('/'),
  )
  const quick = [...folders].map(([name, members]) => ({
    name,
    files: members.sort(),
    limitMs: 10 * minuteMs,
    testTimeoutMs: 15_000,
  }))
  const slow = files.filter(isE2e).map(file => ({
    name: file,
    files: [file],
    limitMs: 10 * minuteMs,
    testTimeoutMs: 2 * minuteMs,
  }))
  const byName = (a: Group, b: Group) => a.name.localeCompare(b.name)
  return [...quick.sort(byName), ...slow.sort(byName)]
}

async function run(group: Group): Promise<TestCounts> {
  console.log(`\n— ${group.name}`)
  const limitMs = Math.min(group.limitMs, deadline - performance.now())
  if (limitMs <= 0)
    return { passed: 0, skipped: 0, failed: 1, failures: ['the time for the whole run is over'] }
  const print = (text: string) => process.stdout.write(text)
  return runTestProcess({ root, ...group, limitMs, print })
}

function countCheck(problems: string): TestCounts {
  if (problems) return { passed: 0, failed: 1, skipped: 0, failures: ['see above'] }
  return { passed: 1, failed: 0, skipped: 0, failures: [] }
}

/** Names every failure again, prints the one line that counts, and gives the exit code. */
function printTotal(): number {
  const sum = (key: 'passed' | 'failed' | 'skipped') =>
    results.reduce((total, { counts }) => total + counts[key], 0)
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')]
  if (failed > 0) console.log('\nWhat failed:')
  for (const { name, counts } of results)
    for (const failure of counts.failures) console.log(`  ${name}: ${failure}`)
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed > 0 ? 1 : 0
}
