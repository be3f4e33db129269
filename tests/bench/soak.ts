/** Low-Latency HLS over minutes: hls.js and Shaka side by side in one page, of a stream with a ladder. Sluice alone has one. */
import { encodeFile, publish } from '../support/publisher.ts'
import { quantile } from '../support/statistics.ts'
import { BUSY_PERCENT_FOR_DELAYS, observe, type Run } from './run.ts'

const SETTLING_MS = 15_000
const SAMPLE_MS = 1_000
const SAMPLES_PER_MINUTE = 60_000 / SAMPLE_MS
/** Beyond it Shaka tells addresses. */
const ERROR_LENGTH = 40
const players = ['hls.js', 'shaka'] as const

/** One look at a player. */
interface Look {
  /** From capture to the page, by EXT-X-PROGRAM-DATE-TIME, in seconds; undefined: nothing plays. */
  readonly latency: number | undefined
  /** How often it has run dry since it began to play. */
  readonly stalls: number
  readonly errors: readonly string[]
}

/** The delay of the second minute is where it has settled; the last minute's must not be above it. */
export async function measureSoak(run: Run): Promise<void> {
  if (!run.system.reencodes) return
  const { minutes } = run.settings
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { codecCopyFrom: await encodeFile() })
  // Two seconds of a ladder are there then.
  await Bun.sleep(SETTLING_MS)
  await using page = await run.browser.newPage(run.testPageUrl)
  await page.page.evaluate(playBoth, stream.hls!)
  await Bun.sleep(SETTLING_MS)
  const look = () => page.page.evaluate(lookAtBoth)
  const begun = await look()
  const { value, doubts } = await observe(
    run,
    { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
    async () => {
      const looks: Look[][] = []
      for (let sample = 0; sample < minutes * SAMPLES_PER_MINUTE; sample++) {
        await Bun.sleep(SAMPLE_MS)
        looks.push(await look())
      }
      return looks
    },
  )
  for (const [index, player] of players.entries()) {
    const looks = value.map(both => both[index]!)
    const perMinute = Array.from({ length: minutes }, (_, minute) =>
      delayMs(looks.slice(minute * SAMPLES_PER_MINUTE, (minute + 1) * SAMPLES_PER_MINUTE), 0.5),
    )
    const add = (name: string, figure: number) =>
      run.report.add(run.system.name, `soak.${player}.${name}`, figure, doubts)
    add('stalls', looks.at(-1)!.stalls - begun[index]!.stalls)
    add('p50', delayMs(looks, 0.5))
    add('p95', delayMs(looks, 0.95))
    add('growth', perMinute.at(-1)! - perMinute[Math.min(1, minutes - 1)]!)
    const minuteByMinute = perMinute.map(ms => Math.round(ms)).join(', ')
    run.report.note(`${player}, delay minute by minute, p50: ${minuteByMinute} ms; ${errorsOf(looks)}`)
  }
}

/** A look at which nothing played counts as a very late one. */
function delayMs(looks: readonly Look[], share: number): number {
  return quantile(
    looks.map(({ latency }) => (latency ?? 60) * 1000),
    share,
  )!
}

function errorsOf(looks: readonly Look[]): string {
  const kinds = [...new Set(looks.at(-1)!.errors.map(error => error.slice(0, ERROR_LENGTH)))]
  return kinds.length === 0 ? 'no errors' : `its errors: ${kinds.join(', ')}`
}

/** Runs in the page, so it sees nothing of this module. */
async function playBoth(url: string): Promise<void> {
  const first = document.querySelector('video')!
  const second = document.createElement('video')
  second.style.width = '320px'
  second.muted = true
  first.after(second)
  for (const video of [first, second]) {
    video.dataset['stalls'] = '0'
    video.addEventListener('waiting', () => {
      if (video.currentTime > 0) video.dataset['stalls'] = String(Number(video.dataset['stalls']) + 1)
    })
  }
  window.player.playHls(url)
  await window.player.playShaka(url, true, second)
}

/** Likewise; hls.js first. */
function lookAtBoth(): Look[] {
  const states = [window.player.hlsState(), window.player.shakaState()]
  return [...document.querySelectorAll('video')].map((video, index) => ({
    latency: video.readyState < 2 ? undefined : states[index]?.latency,
    stalls: Number(video.dataset['stalls']),
    errors: states[index]?.errors ?? [],
  }))
}
