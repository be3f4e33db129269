/** Low-Latency HLS as its players see it. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { goneLive, viewersOf, watchByHls } from './going-live.ts'

const WATCH_SECONDS = 30

test(`hls.js in low-latency mode plays ${WATCH_SECONDS} s without a stall, close to the live edge`, async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl)
  await goneLive(channel)
  await using page = await watchByHls(browser, channel)
  const before = await page.playing({ frames: 30 })
  expect(before).toMatchObject({ width: 1280, height: 720 })

  const after = await page.playing({
    frames: 30 + WATCH_SECONDS * 29,
    timeoutMs: (WATCH_SECONDS + 15) * 1000,
  })
  expect(after.stalls).toBe(before.stalls)
  expect(after.currentTime - before.currentTime).toBeGreaterThan(WATCH_SECONDS - 2)
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  const state = (await page.page.evaluate(() => window.player.hlsState()))!
  expect(state.errors).toEqual([])
  // Three parts of 235 ms behind the edge, as the playlist asks (PART-HOLD-BACK), and not a legacy player’s 6 s.
  expect(state.latency).toBeLessThan(2.5)
  expect(await viewersOf(sluice, 'alice')).toBe(1)
})

test.each([
  { name: 'without B-frames', bFrames: 0 },
  { name: 'with B-frames', bFrames: 2 },
])('ffprobe and a strict ffmpeg read a stream $name untouched', async ({ bFrames }) => {
  await using sluice = await startSluice()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { bFrames })
  await goneLive(channel)

  const probe = await run(['ffprobe', '-v', 'error', '-of', 'json', '-show_streams', channel.hlsUrl])
  expect(probe.stderr).toBe('')
  const { streams } = JSON.parse(probe.stdout) as { streams: Record<string, unknown>[] }
  expect(streams).toContainEqual(
    expect.objectContaining({
      codec_name: 'h264',
      width: 1280,
      height: 720,
      has_b_frames: bFrames > 0 ? 2 : 0,
    }),
  )
  expect(streams).toContainEqual(expect.objectContaining({ codec_name: 'aac', sample_rate: '48000' }))

  const decode = ['-xerror', '-i', channel.hlsUrl, '-t', '8', '-f', 'null', '-']
  const decoded = await run(['ffmpeg', '-nostdin', '-v', 'error', ...decode])
  expect(decoded).toEqual({ status: 0, stdout: '', stderr: '' })
})

async function run(command: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe', timeout: 60_000 })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { status: await child.exited, stdout, stderr }
}
