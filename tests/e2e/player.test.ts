/** Sluice's own player with a real encoder in a real browser: what it says of itself is true, and it stays. */
import { expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { feedTimes, flowAfter, LOGGED, recordPictures } from '../support/pictures-shown.ts'
import { openPlayerPage } from '../support/player-page.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { quantile } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'

/** The picture's own clock also sees what the publisher's encoder and the browser's compositor take. */
const TRUE_WITHIN_MS = 80

const SMALL = { stamped: true, size: '640x360', bitrate: '800k' } as const

test('the delay that players show and tell is the one that is burnt into the picture, over both protocols', async () => {
  await using sluice = await startSluice({ env: { LADDER: 'off' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, SMALL)
  await goneLive(channel)
  for (const protocol of ['webrtc', 'hls'] as const) {
    await using page = await openPlayerPage(browser, channel.embedUrl, protocol)
    await collectShownDelays(page)
    await page.startClock(640)
    await page.playing({ frames: 60 })
    const told = await toldDelay(channel, protocol)
    const burntIn = await page.readClock(5)
    const shown = await shownDelays(page, 5_000)
    expect(Math.abs(quantile(shown, 0.5)! - burntIn.delayMs.p50)).toBeLessThan(TRUE_WITHIN_MS)

    const all = await shownDelays(page, 60_000)
    expect(told).toBeWithin(Math.min(...all) - 10, Math.max(...all) + 10)
    const metric = `sluice_viewer_delay_seconds{protocol="${protocol}",quantile="0.5"}`
    expect(await sluice.metric(metric)).toBeGreaterThan(0)
  }
})

test('a killed publisher that returns in another size is seen in the same elements, over both protocols', async () => {
  await using sluice = await startSluice({ env: { LADDER: 'off' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using first = await publish(channel.publishUrl, SMALL)
  const { id } = await goneLive(channel)
  await using webrtc = await openPlayerPage(browser, channel.embedUrl, 'webrtc')
  await using hls = await openPlayerPage(browser, channel.embedUrl, 'hls')
  const pages = [webrtc, hls]
  for (const page of pages) {
    expect(await page.playing({ frames: 60 })).toMatchObject({ width: 640 })
    await page.page.evaluate(() => {
      document.querySelector('video')!.dataset['mark'] = 'the first'
    })
  }
  first.kill('SIGKILL')
  for (const page of pages) await page.page.getByText('connection was lost; waiting').waitFor()
  await using _second = await publish(channel.publishUrl, { ...SMALL, size: '320x180' })
  for (const page of pages) {
    await page.page.waitForFunction(() => document.querySelector('video')?.videoWidth === 320)
    // A page behind another one is not painted.
    await page.page.bringToFront()
    expect(await page.motion()).toBeGreaterThan(1)
    await page.page.getByText('connection was lost; waiting').waitFor({ state: 'detached' })
    expect(await page.page.evaluate(() => document.querySelector('video')!.dataset['mark'])).toBe('the first')
    expect(await page.page.locator('video').count()).toBe(1)
  }
  expect((await goneLive(channel)).id).toBe(id)
})

test('over HLS a publisher that drops again and again is seen as soon as the first time', async () => {
  await using sluice = await startSluice({ env: { ...LOGGED, LADDER: 'off' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const loop = await encodeFile({ size: '640x360', bitrate: '800k' })
  let publisher = await publish(channel.publishUrl, { codecCopyFrom: loop })
  await goneLive(channel)
  await using page = await openPlayerPage(browser, channel.embedUrl, 'hls')
  await page.playing({ frames: 60 })
  await recordPictures(page)
  // By then Chromium by itself would wait for three seconds of sound.
  for (let drop = 0; drop < 6; drop++) {
    publisher.kill('SIGKILL')
    await page.page.getByText('connection was lost; waiting').waitFor()
    const fed = feedTimes(sluice).length
    publisher = await publish(channel.publishUrl, { codecCopyFrom: loop })
    const fedAt = await waitFor(() => feedTimes(sluice)[fed], { message: 'the publisher to be back' })
    expect((await flowAfter(page, fedAt)).at - fedAt).toBeLessThan(2_000)
    await page.page.getByText('connection was lost; waiting').waitFor({ state: 'detached' })
  }
  await publisher.stop()
}, 120_000)

test('the menu holds a viewer to one quality and gives it back, over both protocols', async () => {
  await using sluice = await startSluice({ env: { LADDER: '240p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, SMALL)
  await goneLive(channel)
  for (const protocol of ['webrtc', 'hls'] as const) {
    await using page = await openPlayerPage(browser, channel.embedUrl, protocol)
    await page.playing({ frames: 30 })
    await page.page.getByRole('button', { name: 'Quality' }).click()
    await page.page.getByRole('radio', { name: /^240p/ }).click()
    await page.page.waitForFunction(() => document.querySelector('video')?.videoWidth === 426)
    await page.page.getByText('playing', { exact: false }).waitFor()
    await page.page.getByRole('radio', { name: /^Source/ }).click()
    await page.page.waitForFunction(() => document.querySelector('video')?.videoWidth === 640)
    await page.page.keyboard.press('Escape')
    expect(await page.page.locator('.menu').count()).toBe(0)
    expect(page.errors).toEqual([])
  }
})

test('over HLS the quality follows the network down, and soon up again', async () => {
  await using sluice = await startSluice({ env: { LADDER: '240p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const loop = await encodeFile({ size: '640x360', bitrate: '1500k' })
  await using _publisher = await publish(channel.publishUrl, { codecCopyFrom: loop })
  await goneLive(channel)
  await using page = await openPlayerPage(browser, channel.embedUrl, 'hls')
  const network = await browser.context.newCDPSession(page.page)
  const limit = (bitsPerSecond: number) =>
    network.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 20, uploadThroughput: -1 },
      downloadThroughput: bitsPerSecond / 8,
    })
  const isWide = (width: number, timeoutMs: number) =>
    waitFor(async () => (await page.picture())?.width === width, {
      message: `a picture ${width} wide`,
      timeoutMs,
    })
  await page.playing({ frames: 30 })
  await isWide(640, 10_000)
  await limit(900_000)
  await isWide(426, 40_000)
  await limit(8_000_000)
  await isWide(640, 15_000)
}, 180_000)

/** As the streamer's dashboard shows it. */
async function toldDelay(channel: TestChannel, protocol: 'webrtc' | 'hls'): Promise<number> {
  return waitFor(
    async () => {
      const health = await channel.client.streams.health.query({ slug: channel.slug })
      return health.status === 'offline' ? undefined : health.delays[protocol]?.p50Ms
    },
    { message: `a viewer's delay over ${protocol}`, timeoutMs: 20_000 },
  )
}

declare global {
  interface Window {
    shownDelays: { readonly atMs: number; readonly delayMs: number }[]
  }
}

/** Notes what the player says, ten times a second. */
async function collectShownDelays(page: ObservedPage): Promise<void> {
  await page.page.evaluate(() => {
    window.shownDelays = []
    setInterval(() => {
      const text = document.querySelector('.connection')?.textContent ?? ''
      const [, value, unit] = /([\d.]+) (ms|s)$/.exec(text) ?? []
      if (value) {
        const delayMs = Number(value) * (unit === 's' ? 1000 : 1)
        window.shownDelays.push({ atMs: performance.now(), delayMs })
      }
    }, 100)
  })
}

/** What it said in the last `withinMs`, in milliseconds. */
function shownDelays(page: ObservedPage, withinMs: number): Promise<number[]> {
  return page.page.evaluate(
    within =>
      window.shownDelays
        .filter(({ atMs }) => atMs > performance.now() - within)
        .map(({ delayMs }) => delayMs),
    withinMs,
  )
}
