/** How soon a viewer sees a picture, though the publisher's key frames are ten seconds apart, as x264's are by default. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { serveTestPage } from '../support/test-page.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'

const JOINS = 6
/** Far from the key-frame interval, and from what a loaded machine does to a browser. */
const SOON_MS = 4_000
/** Fifteen seconds of pictures between two key frames. */
const GROUP = 450
/** A picture so old is one of now, not one of those that were shown to catch up. */
const LIVE_MS = 1_000

test('viewers who join anywhere in a group of pictures of ten seconds see one soon, and the source later', async () => {
  await using sluice = await startSluice({ env: { LADDER: '240p' } })
  await using browser = await openBrowser()
  await using site = await serveTestPage()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { size: '640x360', bitrate: '1000k', gop: 300 })
  await goneLive(channel)
  const join = async () => {
    const page = await browser.newPage(site.url)
    const waitedMs = await page.page.evaluate(async url => {
      const begun = performance.now()
      const video = document.querySelector('video')!
      const first = new Promise<number>(resolve => {
        video.requestVideoFrameCallback(() => resolve(performance.now() - begun))
      })
      await window.player.playWhep(url)
      return first
    }, channel.whepUrl)
    return { page, waitedMs }
  }
  // The first viewer waits for the ladder, which begins with the stream.
  await using patient = (await join()).page
  const waits: number[] = []
  for (let index = 0; index < JOINS; index++) {
    const { page, waitedMs } = await join()
    waits.push(Math.round(waitedMs))
    await page.close()
    await Bun.sleep(700)
  }
  expect(Math.max(...waits)).toBeLessThan(SOON_MS)
  await waitFor(async () => (await patient.picture())?.height === 360, {
    message: 'the source',
    timeoutMs: 60_000,
  })
}, 120_000)

for (const { what, LADDER, size } of [
  { what: 'a server without a ladder', LADDER: 'off', size: '854x480' },
  { what: 'a picture too small for a rendition', LADDER: 'auto', size: '640x360' },
])
  test(`${what}: viewers see a picture soon, and a live one long before the publisher’s next key frame`, async () => {
    await using sluice = await startSluice({ env: { LADDER } })
    await using browser = await openBrowser()
    await using site = await serveTestPage()
    const channel = await sluice.createChannel('alice')
    const options = { size, bitrate: '800k', gop: GROUP, stamped: true }
    await using publisher = await publish(channel.publishUrl, options)
    await goneLive(channel)
    for (const phase of [0.15, 0.35]) {
      await using viewer = await browser.newPage(site.url)
      await viewer.startClock(Number.parseInt(size, 10))
      await publisher.source!.phase(GROUP, phase)
      const begun = performance.now()
      await viewer.page.evaluate(url => window.player.playWhep(url), channel.whepUrl)
      await viewer.playing({ frames: 1, timeoutMs: SOON_MS })
      await waitFor(
        async () => {
          const { samples } = await viewer.page.evaluate(() => window.observer.clock.report())
          return samples.at(-1)!.delayMs < LIVE_MS
        },
        { message: 'a live picture', timeoutMs: 15_000 },
      )
      const untilKeyMs = ((1 - phase) * GROUP * 1000) / 30
      expect(performance.now() - begun).toBeLessThan(untilKeyMs)
    }
  }, 120_000)
