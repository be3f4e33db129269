/** Low-Latency HLS over minutes: hls.js and Shaka side by side in one page, of a stream with a ladder. Sluice alone has one. */
import { publish } from '../support/publisher.ts'
import { quantile } from '../support/statistics.ts'
import { BUSY_PERCENT_FOR_DELAYS, observe, type Run } from './run.ts'
import { SOURCE_WIDTH } from './viewer.ts'

const SETTLING_MS = 15_000
const MINUTE_MS = 60_000
/** Of a minute in which a player showed nothing. */
const NOTHING_MS = 60_000
/** Beyond it Shaka tells addresses. */
const ERROR_LENGTH = 40
const players = ['hls.js', 'shaka'] as const

/** What a player has done in a minute. */
interface Minute {
  /** Of its pictures, from capture to compositor. */
  readonly delaysMs: readonly number[]
  /** How often it has run dry since it began to play. */
  readonly stalls: number
  readonly errors: readonly string[]
}

/** The delay of the second minute is where it has settled; the last minute's must not be above it. */
export async function measureSoak(run: Run): Promise<void> {
  if (!run.system.reencodes) return
  const { minutes } = run.settings
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { stamped: true })
  // Two seconds of a ladder are there then.
  await Bun.sleep(SETTLING_MS)
  await using page = await run.browser.newPage(run.testPageUrl)
  await page.page.evaluate(playBoth, { url: stream.hls!, sourceWidth: SOURCE_WIDTH })
  await Bun.sleep(SETTLING_MS)
  const look = () => page.page.evaluate(lookAtBoth)
  const begun = await look()
  const { value, doubts } = await observe(
    run,
    { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
    async () => {
      const both: Minute[][] = []
      for (let minute = 0; minute < minutes; minute++) {
        await Bun.sleep(MINUTE_MS)
        both.push(await look())
      }
      return both
    },
  )
  for (const [index, player] of players.entries()) {
    const own = value.map(both => both[index]!)
    const perMinute = own.map(({ delaysMs }) => quantile(delaysMs, 0.5) ?? NOTHING_MS)
    const all = own.flatMap(({ delaysMs }) => delaysMs)
    const add = (name: string, figure: number) =>
      run.report.add(run.system.name, `soak.${player}.${name}`, figure, doubts)
    add('stalls', own.at(-1)!.stalls - begun[index]!.stalls)
    add('p50', quantile(all, 0.5) ?? NOTHING_MS)
    add('p95', quantile(all, 0.95) ?? NOTHING_MS)
    add('growth', perMinute.at(-1)! - perMinute[Math.min(1, minutes - 1)]!)
    const minuteByMinute = perMinute.map(ms => Math.round(ms)).join(', ')
    run.report.note(`${player}, delay minute by minute, p50: ${minuteByMinute} ms; ${errorsOf(own)}`)
  }
}

function errorsOf(minutes: readonly Minute[]): string {
  const kinds = [...new Set(minutes.at(-1)!.errors.map(error => error.slice(0, ERROR_LENGTH)))]
  return kinds.length === 0 ? 'no errors' : `its errors: ${kinds.join(', ')}`
}

/** Runs in the page, so it sees nothing of this module. Both are heard: one of two that is muted loses time in Chromium. */
async function playBoth({ url, sourceWidth }: { url: string; sourceWidth: number }): Promise<void> {
  const first = document.querySelector('video')!
  const second = document.createElement('video')
  second.style.width = '320px'
  first.after(second)
  for (const video of [first, second]) {
    video.dataset['stalls'] = '0'
    video.addEventListener('waiting', () => {
      if (video.currentTime > 0) video.dataset['stalls'] = String(Number(video.dataset['stalls']) + 1)
    })
  }
  window.player.playHls(url)
  await window.player.playShaka(url, true, second)
  for (const clock of [window.observer.clock, window.observer.secondClock]) clock.start(sourceWidth)
}

/** Likewise; since the look before, hls.js first. */
function lookAtBoth(): Minute[] {
  const { clock, secondClock } = window.observer
  const states = [window.player.hlsState(), window.player.shakaState()]
  return [clock, secondClock].map((each, index) => {
    const delaysMs = each.report().samples.map(sample => sample.delayMs)
    each.clear()
    const stalls = Number(document.querySelectorAll('video')[index]!.dataset['stalls'])
    return { delaysMs, stalls, errors: states[index]?.errors ?? [] }
  })
}
