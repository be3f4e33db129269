/** What recording costs: one publisher as it is, and the same with a recorder that keeps nothing. Nobody watches. */
import { join } from 'node:path'
import { bytesWritten } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { BUSY_PERCENT_FOR_COSTS, observe, type Run } from './run.ts'
import { openSluice } from './systems/sluice.ts'

const UNRECORDED = join(import.meta.dir, 'systems/unrecorded.ts')
const SETTLING_MS = 8_000
const MEBIBYTE = 1_048_576

interface Costs {
  readonly cpu: number
  readonly rss: number
  /** MiB a minute. */
  readonly written: number
  readonly doubts: readonly string[]
}

export async function measureRecorder(run: Run): Promise<void> {
  for (const ladder of ['off', 'auto'] as const) {
    const without = await measureOne(run, ladder, UNRECORDED)
    const recorded = await measureOne(run, ladder)
    const doubts = [...without.doubts, ...recorded.doubts]
    for (const name of ['cpu', 'rss', 'written'] as const) {
      run.report.add('Sluice', `recorder.${ladder}.${name}`, recorded[name], recorded.doubts)
      run.report.add('Sluice', `recorder.${ladder}.${name}.added`, recorded[name] - without[name], doubts)
    }
  }
}

async function measureOne(run: Run, ladder: string, program?: string): Promise<Costs> {
  await using system = await openSluice({ LADDER: ladder }, program)
  const stream = await system.newStream()
  await using publisher = await publish(stream.publish, { codecCopyFrom: await encodeFile() })
  await Bun.sleep(SETTLING_MS)
  const before = bytesWritten(system.pid)
  const { cost, doubts } = await observe(
    { ...run, system },
    { busyPercent: BUSY_PERCENT_FOR_COSTS, publishers: [publisher] },
    () => Bun.sleep(run.settings.seconds * 500),
  )
  const minutes = cost.seconds / 60
  const written = (bytesWritten(system.pid) - before) / MEBIBYTE / minutes
  return { cpu: cost.cpuSecondsPerMinute, rss: cost.rssMiB, written, doubts }
}
