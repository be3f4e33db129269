/** Hides dependency-cruiser: which imports below a folder break the rules in .dependency-cruiser.ts. */
import { join } from 'node:path'

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

interface CruiseReport {
  readonly summary: {
    readonly totalCruised: number
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { name: string }
    }[]
  }
}

const project = join(import.meta.dir, '../..')

/** The violations in `folders` below `root`. Throws with dependency-cruiser's words when a file cannot be read. */
export async function findViolations(root: string, folders: readonly string[]): Promise<Violation[]> {
  const cruiser = Bun.spawn(
    [
      ...[process.execPath, '--preload', join(import.meta.dir, 'swc-using.ts')],
      ...[join(project, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')],
      ...['--config', join(project, '.dependency-cruiser.ts'), '--output-type', 'json', ...folders],
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 },
  )
  const [output, complaint] = await Promise.all([
    new Response(cruiser.stdout).text(),
    new Response(cruiser.stderr).text(),
    cruiser.exited,
  ])
  if (!output.startsWith('{')) throw new Error(`The imports could not be read: ${complaint}${output}`)
  const { summary }: CruiseReport = JSON.parse(output)
  if (summary.totalCruised === 0) throw new Error(`No file was found in ${folders.join(', ')}`)
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }))
}
