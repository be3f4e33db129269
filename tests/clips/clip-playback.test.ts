/** A clip with exact ends over a publisher's drop plays in a browser to its end: in Sluice's player, and as a file. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ClipMaker } from '../../src/clips/clip-maker.ts'
import { openTestPage } from '../e2e/going-live.ts'
import { encode } from '../hls/encoder.ts'
import { type Browser, type ObservedPage, openBrowser } from '../support/browser.ts'
import { waitFor } from '../support/wait-for.ts'
import { countPictures, log, openVodSite, type VodSite } from '../vod-http/site.ts'

const SECONDS = 9.7

let site: VodSite
let browser: Browser
let path: string
beforeAll(async () => {
  const broadcasts = await Promise.all([
    encode({ seconds: 8, gop: 60, video: ['-bf', '2'] }),
    encode({ seconds: 8, gop: 60, size: '426x240', video: ['-bf', '2'] }),
  ])
  site = await openVodSite()
  browser = await openBrowser()
  const { vods, store, channel } = site
  const source = await site.add({ broadcasts })
  const { id } = await vods.vods.create({
    ...{ channelId: channel.id, kind: 'clip', title: 'a clip', visibility: 'public', sourceId: source.id },
    clip: { fromMs: 3_500, toMs: 13_200, isExact: true },
  })
  await new ClipMaker({ ...vods, store, log }).make(id, new AbortController().signal)
  expect(await vods.vods.get(id)).toMatchObject({ status: 'ready', durationMs: SECONDS * 1000 })
  await vods.vods.remove(source.id)
  path = `${site.url}/vod/${id}`
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})

/** Answers what the <video> is like then. */
async function ended(page: ObservedPage) {
  return waitFor(
    async () => {
      const state = await page.page.evaluate(() => {
        const { ended, currentTime, videoWidth, buffered, error } = document.querySelector('video')!
        const ranges = Array.from({ length: buffered.length }, (_, at) => [
          buffered.start(at),
          buffered.end(at),
        ])
        return { ended, currentTime, videoWidth, ranges, error: error?.message }
      })
      if (state.ended) return state
      throw new Error(Bun.inspect({ state, errors: page.errors }))
    },
    { message: 'the end', timeoutMs: 30_000, intervalMs: 200 },
  )
}

test("in Sluice's player, over its three discontinuities, and again after a seek", async () => {
  const playlist = await site.text(`${path.split('/').at(-1)}/source/playlist.m3u8`)
  // After its first pictures, at the drop, and before its last.
  expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(3)
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playOwnVod(url), `${path}/index.m3u8`)
  const first = await ended(page)
  // hls.js puts off what follows a discontinuity by the two pictures that B-frames are decoded ahead.
  expect(first.currentTime - SECONDS).toBeWithin(-0.1, 0.3)
  expect(first.videoWidth).toBe(426)
  expect(await page.page.evaluate(() => window.player.ownVodState())).toMatchObject({ status: 'ended' })
  await page.page.evaluate(() => window.player.seekOwnVod(4_000))
  await page.page.evaluate(() => document.querySelector('video')!.play())
  await waitFor(async () => (await page.picture())!.currentTime < 6, { message: 'the seek' })
  expect((await ended(page)).currentTime - SECONDS).toBeWithin(-0.1, 0.3)
}, 90_000)

test('as a file, with every picture', async () => {
  expect(await countPictures(`${path}/video.mp4`)).toBe(SECONDS * 30)
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => {
    document.querySelector('video')!.src = url
  }, `${path}/video.mp4`)
  const last = await ended(page)
  expect(Math.abs(last.currentTime - SECONDS)).toBeLessThan(0.1)
  expect(last).toMatchObject({ videoWidth: 426, error: undefined })
}, 60_000)
