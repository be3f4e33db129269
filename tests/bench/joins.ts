/** Time to first frame: fresh viewers that join at every phase of a group of pictures. */
import { publish } from '../support/publisher.ts'
import { distributionOf } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { BUSY_PERCENT_FOR_DELAYS, forEachOf, observe, type Run } from './run.ts'
import type { StreamAddresses } from './systems/system.ts'
import { browserWays, openViewer } from './viewer.ts'

/** Pictures from one key frame to the next: a second, and ten, which is what x264 does where nobody tells it. */
const GROUPS = [
  { id: 'join', pictures: 30 },
  { id: 'join10', pictures: 300 },
] as const
/** From one join to the next, in groups of pictures: no common factor with usual numbers of joins, so no phase is left out. */
const PHASE_STEP = 0.22
const SETTLING_MS = 5_000
const FIRST_FRAME_MS = 20_000

/** From telling the player to play (or opening its page) to the first picture at the compositor. */
export async function measureJoins(run: Run): Promise<void> {
  for (const group of GROUPS) await measureGroup(run, group)
}

async function measureGroup(run: Run, { id, pictures }: (typeof GROUPS)[number]): Promise<void> {
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { stamped: true, gop: pictures })
  const ways = browserWays(stream).filter(way => way !== 'video')
  if (ways.length > 0) await joinOnce(run, stream, ways[0]!, () => Bun.sleep(SETTLING_MS))
  await forEachOf(ways, async way => {
    const { value, doubts } = await observe(
      run,
      { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
      async () => {
        const times: number[] = []
        for (let join = 0; join < run.settings.joins; join++) {
          const phase = (join * PHASE_STEP) % 1
          times.push(await joinOnce(run, stream, way, () => publisher.source!.phase(pictures, phase)))
        }
        return distributionOf(times)
      },
    )
    run.report.add(run.system.name, `${id}.${way}.p50`, value.p50, doubts)
    run.report.add(run.system.name, `${id}.${way}.p95`, value.p95, doubts)
  })
}

type BrowserWay = ReturnType<typeof browserWays>[number]

async function joinOnce(
  run: Run,
  stream: StreamAddresses,
  way: BrowserWay,
  at: () => Promise<void>,
): Promise<number> {
  const { page, startedAtMs } = await openViewer(run, stream, way, at)
  await using viewer = page
  const firstAtMs = await waitFor(
    async () => (await viewer.page.evaluate(() => window.observer.clock.report())).firstPictureAtMs,
    { timeoutMs: FIRST_FRAME_MS, message: `the first frame in ${viewer.page.url()}` },
  )
  return firstAtMs - startedAtMs
}
