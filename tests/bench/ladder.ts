/** What each rendition costs: one publisher, with more and more of a ladder beside it. Sluice alone has one. */
import { encodeFile, publish } from '../support/publisher.ts'
import { ladders } from './measures.ts'
import { BUSY_PERCENT_FOR_COSTS, observe, type Run } from './run.ts'
import { openSluice } from './systems/sluice.ts'

const SETTLING_MS = 8_000

export async function measureLadder(run: Run): Promise<void> {
  if (!run.system.reencodes) return
  const file = await encodeFile({ size: '1920x1080', bitrate: '5000k' })
  let before: { cpu: number; doubts: string[] } | undefined
  for (const rungs of ladders) {
    await using system = await openSluice({ LADDER: rungs })
    const stream = await system.newStream()
    await using publisher = await publish(stream.publish, { codecCopyFrom: file })
    await Bun.sleep(SETTLING_MS)
    const { cost, doubts } = await observe(
      { ...run, system },
      { busyPercent: BUSY_PERCENT_FOR_COSTS, publishers: [publisher] },
      () => Bun.sleep(run.settings.seconds * 500),
    )
    const cpu = cost.cpuSecondsPerMinute
    run.report.add(run.system.name, `ladder.${rungs}`, cpu, doubts)
    if (before)
      run.report.add(run.system.name, `ladder.${rungs}.added`, cpu - before.cpu, [
        ...before.doubts,
        ...doubts,
      ])
    before = { cpu, doubts }
  }
}
