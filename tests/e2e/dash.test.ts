/** MPEG-DASH, and Low-Latency HLS in a player that speaks both, as viewers see them. */
import { expect, test } from 'bun:test'
import { type Browser, type ObservedPage, openBrowser } from '../support/browser.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, openTestPage, viewersOf } from './going-live.ts'

const WATCH_SECONDS = 20

test(`Shaka plays the manifest for ${WATCH_SECONDS} s, goes on with a publisher that returns in another size, and is told the end`, async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const [large, small] = await Promise.all([
    encodeFile({ size: '1280x720', bFrames: 2 }),
    encodeFile({ size: '640x360', fps: 25, extraArgs: ['-ac', '1', '-ar', '44100'] }),
  ])
  const first = await publish(channel.publishUrl, { codecCopyFrom: large })
  const { id } = await goneLive(channel)
  await hasSegments(dashUrlOf(sluice, channel), 4)
  await using page = await watch(browser, dashUrlOf(sluice, channel))
  const before = await page.playing({ frames: 90 })
  expect(before).toMatchObject({ width: 1280, height: 720 })
  await playsOn(page, WATCH_SECONDS)
  expect((await page.picture())!.stalls).toBe(before.stalls)
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  const state = await stateOf(page)
  expect(state).toMatchObject({ isLive: true, heights: [720], errors: [] })
  // As the manifest suggests, and not a legacy player's half a minute.
  expect(state.latency!).toBeLessThan(10)
  expect(await viewersOf(sluice, 'alice')).toBe(1)
  await ffprobeReads(dashUrlOf(sluice, channel))

  first.kill('SIGKILL')
  await first.exited
  await using _second = await publish(channel.publishUrl, { codecCopyFrom: small })
  await waitFor(async () => (await page.picture())!.width === 640, {
    message: 'the smaller picture',
    timeoutMs: 30_000,
  })
  await playsOn(page, 4)
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  expect((await stateOf(page)).errors).toEqual([])

  await channel.client.streams.end.mutate({ id })
  await waitFor(() => page.page.evaluate(() => document.querySelector('video')!.ended), {
    message: 'the player to reach the end',
    timeoutMs: 30_000,
  })
}, 180_000)

test('Shaka changes to the ladder’s picture over DASH, and over Low-Latency HLS without a gap, close to the live edge', async () => {
  await using sluice = await startSluice({ env: { LADDER: '360p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { codecCopyFrom: await encodeFile() })
  await goneLive(channel)
  await using dash = await watch(browser, dashUrlOf(sluice, channel))
  await dash.playing({ frames: 30 })
  await waitFor(async () => (await stateOf(dash)).heights.join() === '360,720', {
    message: 'both pictures on offer',
    timeoutMs: 20_000,
  })
  for (const height of [360, 720]) {
    await changesTo(dash, height)
    await playsOn(dash, 1)
  }
  await dash.close()

  await using hls = await watch(browser, channel.hlsUrl, true)
  const { stalls } = await hls.playing({ frames: 30 })
  for (const height of [360, 720, 360, 720]) {
    await changesTo(hls, height)
    await playsOn(hls, 3)
  }
  expect(await hls.page.evaluate(bufferedRanges)).toBe(1)
  expect((await hls.picture())!.stalls).toBe(stalls)
  expect(await hls.motion()).toBeGreaterThan(1)
  expect(await hls.audioEnergy()).toBeGreaterThan(0.001)
  const state = await stateOf(hls)
  expect(state).toMatchObject({ isLive: true, heights: [360, 720], errors: [] })
  expect(state.latency!).toBeLessThan(3)
}, 180_000)

/** Runs in the page. */
function bufferedRanges(): number {
  return document.querySelector('video')!.buffered.length
}

function dashUrlOf(sluice: Sluice, { slug }: TestChannel): string {
  return `${sluice.url}/dash/${slug}/manifest.mpd`
}

async function watch(browser: Browser, url: string, isLowLatency = false): Promise<ObservedPage> {
  const page = await openTestPage(browser)
  await page.page.evaluate(([each, mode]) => window.player.playShaka(each, mode), [
    url,
    isLowLatency,
  ] as const)
  return page
}

/** As many as a player needs to begin as far behind the live edge as the manifest suggests. */
async function hasSegments(url: string, count: number): Promise<void> {
  await waitFor(
    async () => {
      const depth = /timeShiftBufferDepth="PT([\d.]+)S"/.exec(await (await fetch(url)).text())
      return Number(depth?.[1]) >= 2 * count
    },
    { message: `${count} segments`, timeoutMs: 30_000, intervalMs: 500 },
  )
}

async function stateOf(page: ObservedPage) {
  return (await page.page.evaluate(() => window.player.shakaState()))!
}

/** Once what is buffered has been played. */
async function changesTo(page: ObservedPage, height: number): Promise<void> {
  await page.page.evaluate(wanted => window.player.pinShakaHeight(wanted), height)
  await waitFor(async () => (await page.picture())!.height === height, {
    message: `${height} lines`,
    timeoutMs: 30_000,
  })
}

/** Plays on for `seconds`. */
async function playsOn(page: ObservedPage, seconds: number): Promise<void> {
  const time = async () => (await page.picture())!.currentTime
  const before = await time()
  await waitFor(async () => (await time()) > before + seconds, {
    message: `${seconds} s to be played`,
    timeoutMs: (seconds + 15) * 1000,
  })
}

async function ffprobeReads(url: string): Promise<void> {
  const child = Bun.spawn(['ffprobe', '-v', 'error', '-of', 'json', '-show_streams', url], {
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 60_000,
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect({ status: await child.exited, stderr }).toEqual({ status: 0, stderr: '' })
  const { streams } = JSON.parse(stdout) as { streams: Record<string, unknown>[] }
  expect(streams).toContainEqual(
    expect.objectContaining({ codec_name: 'h264', width: 1280, height: 720, has_b_frames: 2 }),
  )
  expect(streams).toContainEqual(expect.objectContaining({ codec_name: 'aac', sample_rate: '48000' }))
}
