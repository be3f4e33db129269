/** A real browser plays a VOD whose publisher dropped and came back in another size: hls.js, Shaka and the element alone. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openTestPage } from '../e2e/going-live.ts'
import { encode } from '../hls/encoder.ts'
import { type Browser, type ObservedPage, openBrowser } from '../support/browser.ts'
import type { StoredVod } from '../support/stored-vod.ts'
import { waitFor } from '../support/wait-for.ts'
import { openVodSite, type VodSite } from './site.ts'

const SECONDS = 14

let site: VodSite
let browser: Browser
let vod: StoredVod
beforeAll(async () => {
  const broadcasts = await Promise.all([
    encode({ seconds: 8, size: '320x180', video: ['-bf', '2'] }),
    encode({ seconds: 6, size: '640x360' }),
  ])
  site = await openVodSite()
  vod = await site.add({ broadcasts })
  browser = await openBrowser()
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})

const address = (file: string) => `${site.url}/vod/${vod.id}/${file}`
const seek = (page: ObservedPage, seconds: number) =>
  page.page.evaluate(to => {
    document.querySelector('video')!.currentTime = to
  }, seconds)
const element = (page: ObservedPage) =>
  page.page.evaluate(() => {
    const { duration, ended, currentTime, videoWidth: width, error } = document.querySelector('video')!
    return { duration, ended, currentTime, width, error: error?.message }
  })

/** From wherever it is to its end, seen near it in the second size. */
async function playsToItsEnd(page: ObservedPage): Promise<void> {
  const last = await waitFor(
    async () => {
      const state = await element(page)
      if (state.ended) return state
      throw new Error(Bun.inspect({ state, errors: page.errors }))
    },
    { message: 'the end', timeoutMs: 60_000, intervalMs: 200 },
  )
  expect(Math.abs(last.duration - SECONDS)).toBeLessThan(0.3)
  expect(last).toMatchObject({ width: 640, error: undefined })
}

test('hls.js plays it from its beginning to its end, over the drop', async () => {
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playHls(url), address('index.m3u8'))
  await page.playing({ frames: 15 })
  expect(await page.audioEnergy()).toBeGreaterThan(0.0005)
  await playsToItsEnd(page)
  const state = await page.page.evaluate(() => window.player.hlsState())
  expect(state!.errors.filter(each => each.startsWith('fatal'))).toEqual([])
  const { decodedFrames } = (await page.picture())!
  expect(decodedFrames).toBeGreaterThan(SECONDS * 30 * 0.9)
}, 120_000)

test('Shaka plays its DASH manifest over the drop, and seeks in it', async () => {
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playShaka(url), address('manifest.mpd'))
  await page.playing({ frames: 15 })
  const state = await page.page.evaluate(() => window.player.shakaState())
  expect(state).toMatchObject({ isLive: false, errors: [] })
  expect(Math.abs(state!.seekRange.end - SECONDS)).toBeLessThan(0.3)
  await seek(page, 6.5)
  await playsToItsEnd(page)
  expect((await page.page.evaluate(() => window.player.shakaState()))!.errors).toEqual([])
}, 120_000)

test('the element itself plays the file, and seeks by ranges', async () => {
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => {
    document.querySelector('video')!.src = url
  }, address('video.mp4'))
  await page.playing({ frames: 15 })
  await seek(page, 11)
  await waitFor(async () => (await element(page)).currentTime > 11.2, { message: 'it to go on after a seek' })
  await seek(page, 6.5)
  await playsToItsEnd(page)
}, 120_000)
