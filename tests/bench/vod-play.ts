/** How long a viewer of a VOD waits: for its first picture, and after a seek to anywhere for that moment's. */
import { distributionOf } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { BUSY_PERCENT_FOR_DELAYS, observe, type Run } from './run.ts'
import { openSluiceWithVod, type VodSystem } from './systems/long-vod.ts'
import { SOURCE_WIDTH } from './viewer.ts'

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
    async () => ({
      first: await playOften(run, system),
      page: await openPageOften(run, system),
      seek: await seekOften(run, system),
    }),
  )
  for (const name of ['first', 'page', 'seek'] as const) {
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

/** From the navigation to Sluice's own page on. */
async function openPageOften(run: Run, { sluice, vodId }: VodSystem): Promise<number[]> {
  const times: number[] = []
  for (let join = 0; join < run.settings.joins; join++) {
    await using page = await run.browser.newPage()
    await page.page.goto(`${sluice.url}/embed/v/${vodId}`, { waitUntil: 'commit' })
    await page.startClock(SOURCE_WIDTH)
    const firstPicture = async () =>
      (await page.page.evaluate(() => window.observer.clock.report())).firstPictureAtMs
    const message = `the first frame in ${page.page.url()}`
    times.push(await waitFor(firstPicture, { timeoutMs: FIRST_MS, message }))
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
