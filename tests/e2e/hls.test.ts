/** Low-Latency HLS as its players see it. */
import { expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, viewersOf, watchByHls } from './going-live.ts'

const WATCH_SECONDS = 30
/** A machine that other work takes away for a second makes a stall that is nobody's fault; one each half minute is. */
const WATCH_LIMIT_MS = 120_000

test(`hls.js in low-latency mode plays ${WATCH_SECONDS} s without a stall, close to the live edge`, async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { codecCopyFrom: await encodeFile() })
  await goneLive(channel)
  await using page = await watchByHls(browser, channel)
  expect(await page.playing({ frames: 30 })).toMatchObject({ width: 1280, height: 720 })

  const { frames, errors, stalls } = await playsCalmly(page)
  expect(frames).toBeGreaterThan(WATCH_SECONDS * 29)
  expect(errors).toEqual([])
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  // Three parts behind the edge, as the playlist asks (PART-HOLD-BACK), and not a legacy player’s 6 s; hls.js stays a
  // second further behind after each stall.
  expect((await stateOf(page)).latency).toBeLessThan(2.5 + stalls)
  expect(await viewersOf(sluice, 'alice')).toBe(1)
}, 240_000)

/** The first `WATCH_SECONDS` in a row that are played without a stall; `stalls`: those before. */
async function playsCalmly(page: ObservedPage) {
  const observe = async () => ({ picture: (await page.picture())!, errors: (await stateOf(page)).errors })
  let begin = await observe()
  const end = await waitFor(
    async () => {
      const now = await observe()
      if (now.picture.stalls > begin.picture.stalls) begin = now
      if (now.picture.currentTime - begin.picture.currentTime > WATCH_SECONDS) return now
      throw new Error(Bun.inspect({ begin, now }))
    },
    { message: 'calm playback', timeoutMs: WATCH_LIMIT_MS, intervalMs: 250 },
  )
  return {
    frames: end.picture.decodedFrames - begin.picture.decodedFrames,
    errors: end.errors.slice(begin.errors.length),
    stalls: begin.picture.stalls,
  }
}

async function stateOf(page: ObservedPage) {
  return (await page.page.evaluate(() => window.player.hlsState()))!
}

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
