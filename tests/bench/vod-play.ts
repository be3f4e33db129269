/** How long a viewer of a VOD waits: for its first picture, and after a seek to anywhere for that moment's. */
import { distributionOf } from '../support/statistics.ts'
import { BUSY_PERCENT_FOR_DELAYS, observe, type Run } from './run.ts'
import { openSluiceWithVod, type VodSystem } from './systems/long-vod.ts'

const VOD_SECONDS = 600
/** Away from both ends, and between key frames. */
const MARGIN_SECONDS = 5
/** Of the golden ratio: seeks in this step come to everywhere, and never near the one before. */
const STEP = 0.618_034
const WATCHED_MS = 500
const FIRST_MS = 20_000

export async function measureVodPlay(run: Run): Promise<void> {
  await using system = await openSluiceWithVod(VOD_SECONDS)
  const { value, doubts } = await observe(
    { ...run, system },
    { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [] },
    async () => ({ first: await playOften(run, system), seek: await seekOften(run, system) }),
  )
  for (const name of ['first', 'seek'] as const) {
    const { p50, p95 } = distributionOf(value[name])
    run.report.add('Sluice', `vodplay.${name}.p50`, p50, doubts)
    run.report.add('Sluice', `vodplay.${name}.p95`, p95, doubts)
  }
}

async function playOften(run: Run, { playlistUrl }: VodSystem): Promise<number[]> {
  const times: number[] = []
  for (let join = 0; join < run.settings.joins; join++) {
    await using page = await run.browser.newPage(run.testPageUrl)
    times.push(await within(page.page.evaluate(url => window.player.playVod(url), playlistUrl)))
  }
  return times
}

async function seekOften(run: Run, { playlistUrl }: VodSystem): Promise<number[]> {
  await using page = await run.browser.newPage(run.testPageUrl)
  await within(page.page.evaluate(url => window.player.playVod(url), playlistUrl))
  const times: number[] = []
  for (let seek = 1; seek <= run.settings.seeks; seek++) {
    await Bun.sleep(WATCHED_MS)
    const seconds = MARGIN_SECONDS + ((seek * STEP) % 1) * (VOD_SECONDS - 2 * MARGIN_SECONDS)
    times.push(await within(page.page.evaluate(at => window.player.seekVod(at), seconds)))
  }
  return times
}

async function within(picture: Promise<number>): Promise<number> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no picture within ${FIRST_MS} ms`)), FIRST_MS)
  return Promise.race([picture, late]).finally(() => clearTimeout(timer))
}
