/** Runs what an editor would show: format, lint, types and import rules. As a program, prints what is wrong. */
import { join } from 'node:path'
import { findViolations } from './tooling/import-rules.ts'

export interface CheckResult {
  readonly name: string
  /** What is wrong, for a person; empty when nothing is. */
  readonly problems: string
  readonly durationMs: number
}

const root = join(import.meta.dir, '..')
const limitMs = 120_000

const checks: Record<string, () => Promise<string>> = {
  'format and lint (biome)': () => complaintsOf('biome', 'check', '--error-on-warnings'),
  'types (tsc)': () => complaintsOf('tsc', '--noEmit', '--pretty', 'false'),
  'imports (dependency-cruiser)': findForbiddenImports,
}

/** Runs all checks at once; one that cannot run counts as failed. */
export function runChecks(): Promise<CheckResult[]> {
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const start = performance.now()
      const problems = await check().catch(error => String(error))
      return { name, problems, durationMs: performance.now() - start }
    }),
  )
}

/** Prints a line for each check, and below it what is wrong. */
export function printChecks(results: readonly CheckResult[]): void {
  for (const { name, problems, durationMs } of results) {
    console.log(`${problems ? '✗' : '✓'} ${name}  ${(durationMs / 1000).toFixed(1)} s`)
    if (problems) console.log(problems.trimEnd())
  }
}

async function complaintsOf(tool: string, ...options: string[]): Promise<string> {
  const command = [process.execPath, join(root, 'node_modules/.bin', tool), ...options]
  const run = Bun.spawn(command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
  const [output, errors, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  return exitCode === 0 ? '' : `${output}${errors}` || `${tool} ended with ${exitCode ?? run.signalCode}`
}

async function findForbiddenImports(): Promise<string> {
  const violations = await findViolations(root, ['src', 'media', 'tests', 'docker'])
  return violations.map(({ rule, from, to }) => `${from} must not import ${to} (${rule})`).join('\n')
}

if (import.meta.main) {
  const results = await runChecks()
  printChecks(results)
  if (results.some(result => result.problems)) {
    console.log('`make format` mends format and the order of imports.')
    process.exit(1)
  }
}
