/** How soon a viewer sees a picture, though the publisher's key frames are ten seconds apart, as x264's are by default. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { serveTestPage } from '../support/test-page.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'

const JOINS = 6
/** Far from the key-frame interval, and from what a loaded machine does to a browser. */
const SOON_MS = 4_000
/** For a publisher to connect, its first key frame, and an encoder to start, on a loaded machine. */
const BACK_MS = 6_000
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

test('over HLS too: the segments of a rendition begin with a key frame wherever the publisher has none', async () => {
  await using sluice = await startSluice({ env: { LADDER: '240p' } })
  const channel = await sluice.createChannel('alice')
  const options = { size: '640x360', bitrate: '800k', gop: 300 }
  await using _publisher = await publish(channel.publishUrl, options)
  await goneLive(channel)
  const playlist = async () => {
    const master = await (await fetch(channel.hlsUrl)).text()
    const uri = master.split('\n').find(line => line.includes('240p'))
    return uri ? (await fetch(new URL(uri, channel.hlsUrl))).text() : ''
  }
  const text = await waitFor(
    async () => {
      const listed = await playlist()
      return listed.split('#EXTINF').length > 4 && listed
    },
    { message: 'four segments of the rendition', timeoutMs: 40_000 },
  )
  // Of each segment with its parts, the first part.
  const firsts = [...text.matchAll(/#EXT-X-PART:[^\n]*URI="[^"]*\b\d+\.0\.m4s[^"]*"[^\n]*/g)].map(
    ([line]) => line,
  )
  expect(firsts.length).toBeGreaterThan(0)
  for (const first of firsts) expect(first).toContain('INDEPENDENT=YES')
}, 120_000)

test('a publisher who returns has its rendition back at once', async () => {
  await using sluice = await startSluice({ env: { LADDER: '240p' } })
  const channel = await sluice.createChannel('alice')
  const file = await encodeFile({ size: '640x360', bitrate: '800k' })
  const first = await publish(channel.publishUrl, { codecCopyFrom: file })
  await goneLive(channel)
  // A session that is never answered lasts ten seconds, and makes the layers be counted.
  const openSession = async () => {
    const { headers } = await fetch(channel.whepUrl, { method: 'POST' })
    return new URL(/<([^>]+)>/.exec(headers.get('link')!)![1]!, channel.whepUrl)
  }
  let layerUrl = await openSession()
  const isRenditionMade = async () => {
    const response = await fetch(layerUrl)
    if (!response.ok) layerUrl = await openSession()
    const { layers } = (await (response.ok ? response : await fetch(layerUrl)).json()) as {
      layers: { encodingId: string; isActive: boolean }[]
    }
    return layers.some(each => each.encodingId === '240p' && each.isActive)
  }
  await waitFor(isRenditionMade, { message: 'the rendition' })
  first.kill('SIGKILL')
  await waitFor(async () => !(await isRenditionMade()), { message: 'the rendition to stop' })
  await using _second = await publish(channel.publishUrl, { codecCopyFrom: file })
  const begun = performance.now()
  await waitFor(isRenditionMade, { message: 'the rendition to be back' })
  expect(performance.now() - begun).toBeLessThan(BACK_MS)
}, 60_000)

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
