import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type Browser, type ObservedPage, openBrowser } from '../support/browser.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Encoded, encode } from './encoder.ts'
import { asRung, asSound, inOrderOfArrival } from './ladder.ts'
import type {} from './page.ts'
import { RealTimeStream } from './real-time-stream.ts'

const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<video playsinline autoplay></video><script src="/page.js"></script>`

/** Serves the page with hls.js. */
async function servePage() {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, 'page.ts')],
    target: 'browser',
    format: 'iife',
  })
  const script = await outputs[0]!.text()
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/': new Response(html, { headers: { 'content-type': 'text/html' } }),
      '/page.js': new Response(script, { headers: { 'content-type': 'text/javascript' } }),
    },
  })
}

async function widthIs(page: ObservedPage, width: number, timeoutMs = 20_000): Promise<void> {
  await waitFor(async () => (await page.picture())?.width === width, {
    message: `a picture ${width} wide`,
    timeoutMs,
  })
}

/** Plays on for `seconds`. */
async function playsOn(page: ObservedPage, seconds: number): Promise<void> {
  const time = async () => (await page.picture())!.currentTime
  const before = await time()
  await waitFor(async () => (await time()) > before + seconds, {
    message: `${seconds} s to be played`,
    timeoutMs: 20_000,
  })
}

describe('hls.js in Chromium', () => {
  const stream = new RealTimeStream()
  let browser: Browser
  let page: ObservedPage
  let site: Awaited<ReturnType<typeof servePage>>
  let first: Encoded
  let second: Encoded

  beforeAll(async () => {
    const tuned = ['-tune', 'zerolatency']
    const [source, small, other] = await Promise.all([
      encode({ seconds: 90, size: '320x180', video: ['-bf', '2'] }),
      encode({ seconds: 90, size: '160x90', video: tuned }),
      encode({ seconds: 60, size: '256x144', rate: 25, video: tuned }),
    ])
    const commentary = asSound(source, { trackId: 2, language: 'de' })
    const lanes = [
      { units: source.units },
      { units: commentary.units },
      { units: asRung(small, '90p', source), lateSeconds: 0.4 },
    ]
    first = {
      tracks: { ...source.tracks, alternateAudio: [commentary.track] },
      units: inOrderOfArrival(...lanes),
    }
    second = other
    ;[browser, site] = await Promise.all([openBrowser(), servePage()])
    await stream.open('s1')
    stream.publish(first)
    page = await browser.newPage(site.url.href)
    await page.page.evaluate(url => window.play(url), `${stream.url}/index.m3u8`)
    await page.playing({ frames: 30 })
  }, 60_000)

  afterAll(async () => {
    await stream.close()
    await browser?.close()
    await site?.stop(true)
  })

  const hls = <T>(read: (hls: Window['hls']) => T): Promise<T> =>
    page.page.evaluate(`(${read})(window.hls)`) as Promise<T>

  test('sees both pictures and both sounds, and plays close behind the live edge', async () => {
    const levels = await hls(({ levels }) => levels.map(({ width, height }) => [width, height]))
    expect(levels.sort()).toEqual([
      [160, 90],
      [320, 180],
    ])
    const tracks = await hls(({ audioTracks }) => audioTracks.map(({ name, lang }) => [name, lang]))
    expect(tracks).toEqual([
      ['Main', undefined],
      ['German', 'de'],
    ])
    await playsOn(page, 4)
    expect(await hls(each => each.latency)).toBeLessThan(4)
    expect(await page.audioEnergy()).toBeGreaterThan(0.001)
    expect(await page.motion()).toBeGreaterThan(0.5)
  }, 30_000)

  test('switches the picture and the sound while it plays', async () => {
    for (const width of [160, 320]) {
      await page.page.evaluate(wanted => {
        window.hls.nextLevel = window.hls.levels.findIndex(level => level.width === wanted)
      }, width)
      await widthIs(page, width)
      await playsOn(page, 1)
    }
    await page.page.evaluate(() => {
      window.hls.audioTrack = 1
    })
    await waitFor(() => hls(each => each.audioTrack === 1), { message: 'the other sound' })
    await playsOn(page, 2)
    expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  }, 45_000)

  test('rewinds, and comes back to the live edge', async () => {
    const before = (await page.picture())!.currentTime
    await page.page.evaluate(to => {
      document.querySelector('video')!.currentTime = to
    }, before - 8)
    await playsOn(page, 1)
    expect((await page.picture())!.currentTime).toBeLessThan(before)
    await page.page.evaluate(() => {
      document.querySelector('video')!.currentTime = window.hls.liveSyncPosition!
    })
    await playsOn(page, 1)
    expect((await page.picture())!.currentTime).toBeGreaterThan(before)
  }, 30_000)

  test('goes on when the publisher returns with another size and rate, without ladder and commentary', async () => {
    stream.publish(second)
    await widthIs(page, 256, 20_000)
    await playsOn(page, 3)
    expect(await page.audioEnergy()).toBeGreaterThan(0.001)
    expect(await page.page.evaluate(() => window.hlsErrors.filter(each => each.startsWith('fatal')))).toEqual(
      [],
    )
  }, 45_000)

  test('joins after that, though the playlist names the codecs of both publishers', async () => {
    const both = [second, first].map(({ tracks }) => tracks.video.codecString).join()
    expect(await (await fetch(`${stream.url}/index.m3u8`)).text()).toContain(`CODECS="${both},`)
    await using late = await browser.newPage(site.url.href)
    await late.page.evaluate(url => window.play(url), `${stream.url}/index.m3u8`)
    await widthIs(late, 256)
    await playsOn(late, 1)
    expect(await late.page.evaluate(() => window.hlsErrors)).toEqual([])
  }, 30_000)

  test('plays the sound alone', async () => {
    await using listener = await browser.newPage(site.url.href)
    await listener.page.evaluate(url => window.play(url), `${stream.url}/audio.m3u8`)
    await waitFor(async () => ((await listener.picture())?.currentTime ?? 0) > 2, {
      message: 'sound to be played',
    })
    expect(await listener.audioEnergy()).toBeGreaterThan(0.001)
    expect(await listener.page.evaluate(() => window.hlsErrors)).toEqual([])
  }, 30_000)
})
