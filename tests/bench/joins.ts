/** Time to first frame: fresh viewers that join at every phase of a group of pictures. */
import { publish } from '../support/publisher.ts'
import { distributionOf } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { BUSY_PERCENT_FOR_DELAYS, forEachOf, observe, type Run } from './run.ts'
import { openSluice } from './systems/sluice.ts'
import type { StreamAddresses } from './systems/system.ts'
import { browserWays, openViewer } from './viewer.ts'

/** Pictures from one key frame to the next: a second, and ten, which is what x264 does where nobody tells it. */
const GROUPS = [
  { id: 'join', pictures: 30, size: '1280x720', bitrate: '2500k' },
  { id: 'join10', pictures: 300, size: '1280x720', bitrate: '2500k' },
] as const
/** What has no rendition to start on: a picture too small for one, and a server without a ladder. */
const WITHOUT_RENDITION = [
  { id: 'joinsmall', pictures: 300, size: '640x360', bitrate: '800k', ladder: 'auto' },
  { id: 'joinoff', pictures: 300, size: '1280x720', bitrate: '2500k', ladder: 'off' },
] as const
type Group = Omit<(typeof GROUPS)[number] | (typeof WITHOUT_RENDITION)[number], 'ladder'>
/** A picture so old is live; on a busy machine a viewer's own queues may keep it older for long. */
const LIVE_MS = 600
const UNTIL_LIVE_MS = 10_000
/** From one join to the next, in groups of pictures: no common factor with usual numbers of joins, so no phase is left out. */
const PHASE_STEP = 0.22
const SETTLING_MS = 5_000
const FIRST_FRAME_MS = 20_000

/** From telling the player to play (or opening its page) to the first picture at the compositor. */
export async function measureJoins(run: Run): Promise<void> {
  for (const group of GROUPS) await measureGroup(run, group)
  if (!run.system.reencodes) return
  for (const group of WITHOUT_RENDITION) {
    await using system = await openSluice({ LADDER: group.ladder })
    await measureGroup({ ...run, system }, group, true)
  }
}

async function measureGroup(run: Run, group: Group, isWithoutRendition = false): Promise<void> {
  const { id, pictures, size, bitrate } = group
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { stamped: true, gop: pictures, size, bitrate })
  const ways = browserWays(stream).filter(way => way !== 'video' && !(isWithoutRendition && way === 'hls'))
  const join = (way: BrowserWay, at: () => Promise<void>) =>
    joinOnce(
      run,
      stream,
      { way, sourceWidth: Number.parseInt(size, 10), isUntilLive: isWithoutRendition },
      at,
    )
  if (ways.length > 0) await join(ways[0]!, () => Bun.sleep(SETTLING_MS))
  await forEachOf(ways, async way => {
    const { value, doubts } = await observe(
      run,
      { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
      async () => {
        const joins: Join[] = []
        for (let index = 0; index < run.settings.joins; index++) {
          const phase = (index * PHASE_STEP) % 1
          joins.push(await join(way, () => publisher.source!.phase(pictures, phase)))
        }
        return joins
      },
    )
    const add = (name: string, ms: number) =>
      run.report.add(run.system.name, `${id}.${way}.${name}`, ms, doubts)
    const firsts = distributionOf(value.map(({ firstMs }) => firstMs))
    add('p50', firsts.p50)
    add('p95', firsts.p95)
    const lives = value.flatMap(({ liveMs }) => liveMs ?? [])
    if (lives.length > 0) add('live', distributionOf(lives).p50)
  })
}

type BrowserWay = ReturnType<typeof browserWays>[number]

/** How long after the click: the first picture, and the first that is live. */
interface Join {
  readonly firstMs: number
  readonly liveMs: number | undefined
}

async function joinOnce(
  run: Run,
  stream: StreamAddresses,
  { way, sourceWidth, isUntilLive }: { way: BrowserWay; sourceWidth: number; isUntilLive: boolean },
  at: () => Promise<void>,
): Promise<Join> {
  const { page, startedAtMs } = await openViewer(run, stream, way, { at, sourceWidth })
  await using viewer = page
  const report = () => viewer.page.evaluate(() => window.observer.clock.report())
  const firstAtMs = await waitFor(async () => (await report()).firstPictureAtMs, {
    timeoutMs: FIRST_FRAME_MS,
    message: `the first frame in ${viewer.page.url()}`,
  })
  const firstMs = firstAtMs - startedAtMs
  if (!isUntilLive) return { firstMs, liveMs: undefined }
  const live = await waitFor(async () => (await report()).samples.find(({ delayMs }) => delayMs < LIVE_MS), {
    timeoutMs: UNTIL_LIVE_MS,
    message: 'a live picture',
  }).catch(() => undefined)
  return { firstMs, liveMs: live && live.atMs - startedAtMs }
}
