/** What viewers notice when a part of the server dies: a moment without a picture, and nothing to do. */
import { expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { descendants } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { type Sluice, startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, watchByWhep } from './going-live.ts'
import { MAX_RECOVERY_MS, Viewers } from './viewers.ts'

const MAX_PICTURE_LOSS_MS = 3_000
/** A blocked reload that comes to nothing in time leaves hls.js to ask once a second. */
const HLS_JS_POLL_MS = 1_000
/** An encoder that is fed for so long and says nothing hangs. */
const HANG_MS = 3_000
/** What a viewer of another picture may miss meanwhile, on a machine that also runs the browser. */
const MAX_SOURCE_GAP_MS = 1_000

test('a killed WebRTC worker costs a viewer of the page at most 3 s of picture, by itself', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { stamped: true })
  await goneLive(channel)
  await using page = await browser.newPage(channel.embedUrl)
  await page.playing({ frames: 60 })
  await page.startClock()
  for (const worker of processesOf(sluice, 'mediasoup-worker')) process.kill(worker, 'SIGKILL')
  const watched = await page.readClock(10)
  expect(watched.longestGapMs).toBeLessThan(MAX_PICTURE_LOSS_MS)
  expect(watched.delayMs.count).toBeGreaterThan(5 * 30)
  expect(await page.rtp('video')).toMatchObject({ lost: 0 })
  expect(processesOf(sluice, 'mediasoup-worker')).toHaveLength(2)
})

test('killed encoders of sound and picture are replaced while viewers stay connected', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { bFrames: 2 })
  await goneLive(channel)
  await using page = await watchByWhep(browser, channel)
  await page.playing({ frames: 60 })
  const killed = processesOf(sluice, 'ffmpeg').map(pid => {
    process.kill(pid, 'SIGKILL')
    return pid
  })
  expect(killed.length).toBeGreaterThanOrEqual(2)

  const { decodedFrames } = await currentPicture(page)
  await page.playing({ frames: decodedFrames + 60 })
  expect(await page.audioEnergy(2_000)).toBeGreaterThan(0.001)
  expect(await page.page.evaluate(() => document.querySelector('video')!.paused)).toBe(false)
  await waitFor(() => processesOf(sluice, 'ffmpeg').filter(pid => !killed.includes(pid)).length >= 2, {
    message: 'both encoders to run again',
  })
  const health = await channel.client.streams.health.query({ slug: 'alice' })
  const codes = health.status === 'offline' ? [] : (health.health?.notices ?? []).map(notice => notice.code)
  expect(codes).toEqual(['b_frames'])
})

test('an encoder of the ladder that freezes or dies is replaced, and viewers of the source notice nothing', async () => {
  await using sluice = await startSluice({ env: { LADDER: '144p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, {
    // Four viewers and an encoder on the machine that tests run on.
    codecCopyFrom: await encodeFile({ size: '480x270', fps: 15, bitrate: '500k' }),
  })
  const rung = { name: '144p', width: 256, height: 144 }
  await using ofSource = await Viewers.open(browser, channel, { name: 'source', width: 480, height: 270 })
  await using ofRung = await Viewers.open(browser, channel, rung)
  expect(await restarts(sluice)).toBe(0)
  const faults = [
    { signal: 'SIGSTOP', noticedMs: HANG_MS },
    { signal: 'SIGKILL', noticedMs: 0 },
  ] as const
  for (const [index, { signal, noticedMs }] of faults.entries()) {
    const encoders = processesOf(sluice, 'libx264')
    expect(encoders).toHaveLength(1)
    process.kill(encoders[0]!, signal)
    const hurtAt = Date.now()
    await waitFor(async () => (await restarts(sluice)) === index + 1, { message: `${signal} to be counted` })
    expect(Date.now() - hurtAt).toBeLessThan(noticedMs + MAX_RECOVERY_MS)
    await waitFor(() => processesOf(sluice, 'libx264').some(pid => !encoders.includes(pid)), {
      message: 'another encoder',
    })
    await ofRung.whepRecovery(Date.now(), rung.width)
    // hls.js leaves a rendition that has a gap for one that has none, and stays there until it is asked.
    await ofRung.hlsPicture(Date.now() + 5_000)
    await ofRung.pin(rung)
  }
  const [{ whep, hls }, rungGaps] = [await ofSource.longestGaps(), await ofRung.longestGaps()]
  expect(Math.max(whep, hls)).toBeLessThan(MAX_SOURCE_GAP_MS)
  expect(rungGaps.whep).toBeLessThan(MAX_PICTURE_LOSS_MS)
  expect(rungGaps.hls).toBeLessThan(MAX_PICTURE_LOSS_MS + HLS_JS_POLL_MS)
  for (const viewers of [ofSource, ofRung]) await viewers.expectUnbroken(0)
}, 120_000)

test('a page falls back to HLS by itself when WebRTC cannot connect, and says so', async () => {
  // Nothing answers at this address (RFC 5737), as behind a firewall that lets only HTTP through.
  await using sluice = await startSluice({ env: { WEBRTC_ANNOUNCED_ADDRESS: '192.0.2.1' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl)
  await goneLive(channel)
  await using page = await browser.newPage(channel.pageUrl)
  await page.playing({ frames: 60, timeoutMs: 30_000 })
  expect(await page.motion()).toBeGreaterThan(1)
  await waitFor(async () => /HLS/.test((await page.page.textContent('body')) ?? ''), {
    message: 'the page to say that it plays HLS',
  })
})

function processesOf(sluice: Sluice, name: string): number[] {
  return descendants(sluice.pid)
    .filter(({ command }) => command.includes(name))
    .map(({ pid }) => pid)
}

async function restarts(sluice: Sluice): Promise<number> {
  return (await sluice.metric('sluice_ladder_restarts_total')) ?? 0
}

async function currentPicture(page: ObservedPage) {
  return (await page.picture())!
}
