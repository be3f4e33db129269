import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser, openPage } from './browser.ts'
import { ApiFailure, CHANNEL_ID, channel, FakeSite, liveHealth, sources, stream } from './fake-site.ts'
import { servePeerInPage } from './in-page-peer.ts'

setDefaultTimeout(30_000)

let browser: Browser
let site: FakeSite

beforeAll(async () => {
  browser = await launchBrowser()
  site = await FakeSite.open()
})

afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})

beforeEach(() => {
  site.calls.length = 0
  site.answers = {
    'streams.live': () => ({
      items: [stream('ada', 'Analytical evenings', 12), stream('grace', 'Compilers', 1)],
    }),
    'channels.get': () => channel(true),
    'streams.get': () => stream('ada', 'Analytical evenings', 12),
    'playback.sources': () => sources,
    'auth.me': () => ({ id: CHANNEL_ID, username: 'ada' }),
    'channels.mine': () => ({ items: [channel(true)] }),
    'channels.streamKey': () => ({ streamKey: 'live_secret_1', ingestUrl: 'rtmp://example.org:1935/live' }),
    'streams.health': () => liveHealth,
  }
})

test('the home page lists who is live', async () => {
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.goto(site.url)
  await page.getByRole('heading', { name: 'Analytical evenings' }).waitFor()
  expect(await page.locator('.card').count()).toBe(2)
  expect(await page.locator('.card').nth(0).textContent()).toContain('12 viewers')
  expect(await page.locator('.card').nth(1).textContent()).toContain('1 viewer')
  expect(await page.locator('.card a').nth(0).getAttribute('href')).toBe('/ada')
  expect(await page.locator('.card img').nth(0).getAttribute('src')).toMatch(
    /^\/thumbnails\/ada\.jpg\?t=\d+$/,
  )
  expect(problems).toEqual([])
})

test('the home page says how to go live when nobody is, and finds a stream that starts', async () => {
  site.answers['streams.live'] = () => ({ items: [] })
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.goto(site.url)
  await page.getByRole('heading', { name: 'Nobody is live' }).waitFor()
  site.answers['streams.live'] = () => ({ items: [stream('ada', 'Just started', 0)] })
  await page.getByRole('heading', { name: 'Just started' }).waitFor()
  expect(problems).toEqual([])
})

test('the channel page plays over WebRTC and says so', async () => {
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.addInitScript(servePeerInPage)
  await page.goto(`${site.url}/ada`)
  await page.locator('.connection', { hasText: 'WebRTC' }).waitFor({ state: 'attached' })
  await page.waitForFunction(
    () => (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 10,
  )
  const video = page.locator('video')
  expect(await video.count()).toBe(1)
  expect(await video.evaluate((element: HTMLVideoElement) => [element.videoWidth, element.muted])).toEqual([
    640,
    false,
  ])
  expect(await page.locator('.facts').textContent()).toContain('12 viewers')
  await page.waitForFunction(() => document.querySelector('.facts')?.textContent?.includes('s behind'))
  expect(problems).toEqual([])
})

test('where there is no WebRTC the channel page plays HLS and says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'))
  try {
    await makeHls(folder)
    site.hlsFolder = folder
    await using watched = await openPage(browser)
    const { page, problems } = watched
    await page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'))
    await page.goto(`${site.url}/ada`)
    await page.waitForFunction(() =>
      document.querySelector('.facts')?.textContent?.match(/Low-Latency HLS, .* s behind/),
    )
    await page.waitForFunction(
      () => (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 10,
    )
    expect(problems).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a media worker that dies costs less than 3 s of picture, and the screen never goes blank', async () => {
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.addInitScript(servePeerInPage)
  await page.goto(`${site.url}/ada`)
  await page.waitForFunction(
    () => (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 10,
  )
  const gap = await page.evaluate(async () => {
    const { whep } = window as unknown as { whep: Map<string, { kill(): void }> }
    const first = document.querySelector('video')!
    const killedAt = performance.now()
    for (const session of [...whep.values()]) session.kill()
    for (;;) {
      await new Promise(resolve => setTimeout(resolve, 20))
      const video = document.querySelector('video')
      if (!video || video.readyState < 2) return Number.POSITIVE_INFINITY
      if (video !== first && video.getVideoPlaybackQuality().totalVideoFrames > 0)
        return performance.now() - killedAt
    }
  })
  expect(gap).toBeLessThan(3_000)
  await page.waitForFunction(() => document.querySelectorAll('video').length === 1)
  expect(problems).toEqual([])
})

test('a stream that has run for a while can be rewound by keyboard, which is said; live goes back', async () => {
  const startedAt = new Date(Date.now() - 1_800_000).toISOString()
  site.answers['playback.sources'] = () => ({ ...sources, startedAt })
  await using watched = await openPage(browser)
  const { page } = watched
  await page.addInitScript(servePeerInPage)
  await page.goto(`${site.url}/embed/ada`)
  const bar = page.getByRole('slider', { name: 'Rewind' })
  await bar.waitFor({ state: 'attached' })
  expect(await bar.getAttribute('aria-valuetext')).toBe('live')
  await bar.focus()
  for (let press = 0; press < 6; press++) await page.keyboard.press('ArrowLeft')
  await page.getByText(/^−0:(3\d|2[5-9])$/).waitFor()
  expect(await bar.getAttribute('aria-valuetext')).toMatch(/^\d\d seconds behind live$/)
  await page.getByRole('button', { name: 'Back to live' }).click()
  await page.getByRole('button', { name: 'Live', exact: true, pressed: true }).waitFor()
})

test('an offline channel says so', async () => {
  site.answers['playback.sources'] = () => ({ isLive: false })
  site.answers['channels.get'] = () => channel(false)
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.goto(`${site.url}/ada`)
  await page.getByText('ada is offline').waitFor()
  // Asked for before it is known whether the channel is live.
  expect(problems).toEqual([expect.stringContaining('409 (Conflict)')])
})

test('a channel that does not exist says so', async () => {
  site.answers['channels.get'] = () => new ApiFailure(404, 'channel_not_found', 'There is no such channel.')
  await using watched = await openPage(browser)
  const response = await watched.page.goto(`${site.url}/nobody`)
  expect(response?.status()).toBe(404)
  await watched.page.getByRole('heading', { name: 'There is no channel “nobody”' }).waitFor()
  expect(await watched.page.locator('video').count()).toBe(0)
})

test('the embedded page is the player alone', async () => {
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.addInitScript(servePeerInPage)
  await page.goto(`${site.url}/embed/ada`)
  await page.locator('.connection', { hasText: 'WebRTC' }).waitFor({ state: 'attached' })
  expect(await page.locator('header').count()).toBe(0)
  expect(problems).toEqual([])
})

test('a browser that refuses sound plays without, and a click turns it on', async () => {
  await using strict = await launchBrowser(false)
  await using watched = await openPage(strict)
  const { page, problems } = watched
  await page.addInitScript(servePeerInPage)
  // Asking the page anything counts as a gesture, so the page tells by itself.
  await page.addInitScript(() => {
    const timer = setInterval(() => {
      const video = document.querySelector('video')
      if (!video || !document.querySelector('.unmute') || video.currentTime < 0.5) return
      clearInterval(timer)
      console.info(`silenced: paused ${video.paused}, muted ${video.muted}`)
    }, 50)
  })
  const message = page.waitForEvent('console', each => each.text().startsWith('silenced'))
  await page.goto(`${site.url}/ada`)
  expect((await message).text()).toBe('silenced: paused false, muted true')
  await page.getByRole('button', { name: 'Turn on sound' }).click()
  const isPlaying = (video: HTMLVideoElement) => !video.paused && !video.muted
  expect(await page.locator('video').evaluate(isPlaying)).toBe(true)
  expect(await page.locator('.unmute').count()).toBe(0)
  expect(problems).toEqual([])
})

/** Eight seconds of fMP4 with a playlist that is not at its end. */
async function makeHls(folder: string): Promise<void> {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine']
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  const hls = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_segment_type', 'fmp4']
  const flags = ['-hls_flags', 'program_date_time+omit_endlist', '-master_pl_name', 'index.m3u8']
  const command = [
    'ffmpeg',
    '-v',
    'error',
    ...input,
    '-t',
    '8',
    ...codecs,
    ...hls,
    ...flags,
    join(folder, 'media.m3u8'),
  ]
  const ffmpeg = Bun.spawn(command, { stdin: 'ignore', stderr: 'inherit' })
  expect(await ffmpeg.exited).toBe(0)
}
