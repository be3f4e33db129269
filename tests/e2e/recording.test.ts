/** What streams leave behind, whatever happens while they run. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { openBrowser } from '../support/browser.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { openTestS3 } from '../support/s3.ts'
import { startSluice } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, watchByHls } from './going-live.ts'
import { inStatus } from './viewers.ts'
import { decodeAll, newestVod, readHlsStamps, readStamps, vodUrl } from './vod-watching.ts'

const FPS = 30
const SIZE = '640x360'

test('a minute with a publisher that drops in the middle is one VOD with every picture that was sent', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const options = { size: SIZE, fps: FPS, bitrate: '800k', stamped: true }
  const first = await publish(channel.publishUrl, options)
  await goneLive(channel)
  await waitFor(() => first.source!.timing.frames >= 30 * FPS, {
    message: 'half a minute',
    timeoutMs: 60_000,
  })
  const sentByFirst = first.source!.timing.frames
  first.kill('SIGKILL')
  await first.exited
  await inStatus(channel, 'reconnecting')
  const second = await publish(channel.publishUrl, { ...options, seconds: 30 })
  await inStatus(channel, 'live')
  await second.exited
  const vod = await newestVod(channel)
  expect((await channel.client.vods.list.query({ slug: 'alice' })).items).toHaveLength(1)

  const video = `${sluice.url}/vod/${vod.id}`
  const frames = (await readStamps(`${video}/video.mp4`)).map(stamp => stamp?.frame ?? -1)
  expect((await readHlsStamps(`${video}/source`)).map(stamp => stamp?.frame ?? -1)).toEqual(frames)
  const cut = frames.findIndex((frame, index) => frame < frames[index - 1]!)
  const [before, after] = [frames.slice(0, cut), frames.slice(cut)]
  expect(before).toEqual(Array.from({ length: before.length }, (_, index) => index))
  expect(after).toEqual(Array.from({ length: after.length }, (_, index) => index))
  // What ffmpeg had not sent yet when it was killed is not lost by the server.
  expect(sentByFirst - before.length).toBeLessThan(2 * FPS)
  expect(after.length).toBe(30 * FPS)
  expect(Math.abs(vod.durationMs! - (frames.length / FPS) * 1000)).toBeLessThan(200)
  const file = await decodeAll(`${video}/video.mp4`)
  expect(file.frames).toBe(frames.length)
  expect(Math.abs(file.seconds - vod.durationMs! / 1000)).toBeLessThan(0.2)

  await using page = await watchByHls(browser, { ...channel, hlsUrl: vodUrl(sluice, vod.id) })
  expect(await page.playing({ frames: 60 })).toMatchObject({ width: 640, height: 360 })
  // Past the drop.
  await page.page.evaluate(
    seconds => {
      document.querySelector('video')!.currentTime = seconds
    },
    before.length / FPS - 2,
  )
  const isPast = async () => (await page.picture())!.currentTime > before.length / FPS + 2
  await waitFor(isPast, { message: 'the picture to go on past the drop', timeoutMs: 20_000 })
}, 240_000)

test('a process that is killed at any moment leaves a VOD that plays to its end and lacks a moment at most', async () => {
  await using folder = await tempFolder('sluice-killed-')
  const env = { DATA_DIR: folder.path, AUTH_SECRET: 'a secret of tests that stays the same, 0123456789' }
  const file = await encodeFile({ size: '320x180', fps: 25, gop: 25, bitrate: '300k' })
  let channel: Awaited<ReturnType<Awaited<ReturnType<typeof startSluice>>['createChannel']>> | undefined
  let last: { sentSeconds: number; moment: number } | undefined
  const checked: number[] = []
  const moments = Array.from({ length: 20 }, () => 2.5 + 4 * Math.random())
  for (const moment of [...moments, undefined]) {
    await using sluice = await startSluice({ env })
    if (channel && last) {
      const client = sluice.client
      const vod = await newestVod({ client, slug: 'killed' })
      const { frames } = await decodeAll(vodUrl(sluice, vod.id))
      expect(frames / 25, `killed after ${last.moment} s`).toBeGreaterThan(last.sentSeconds - 0.6)
      checked.push(frames)
    }
    if (moment === undefined) break
    channel ??= await sluice.createChannel('killed')
    const key = channel.publishUrl.slice(channel.publishUrl.lastIndexOf('/') + 1)
    await using publisher = await publish(`${sluice.rtmpUrl}/${key}`, { codecCopyFrom: file })
    await goneLive({ ...channel, client: sluice.client })
    const liveAt = performance.now()
    await Bun.sleep(moment * 1000)
    sluice.kill('SIGKILL')
    last = { sentSeconds: (performance.now() - liveAt) / 1000, moment }
    await sluice.exited
    await publisher.stop()
  }
  expect(checked).toHaveLength(20)
}, 460_000)

test('S3 may be away for half a minute: nothing is lost, and live goes on', async () => {
  await using s3 = await openTestS3()
  await using sluice = await startSluice({ env: s3.env })
  const channel = await sluice.createChannel('alice')
  await using publisher = await publish(channel.publishUrl, {
    ...{ size: SIZE, fps: FPS, bitrate: '800k', stamped: true },
    seconds: 50,
  })
  await goneLive(channel)
  await waitFor(() => s3.requests.some(request => request.includes('source/1.m4s')), {
    message: 'segments to be stored',
  })
  await s3.goAway('refusing')
  const playlist = `${sluice.url}/hls/alice/index.m3u8`
  await waitFor(() => publisher.source!.timing.frames > 35 * FPS, {
    message: 'half a minute',
    timeoutMs: 60_000,
  })
  expect((await fetch(playlist)).status).toBe(200)
  await s3.comeBack()
  await publisher.exited
  const vod = await newestVod(channel, 60_000)
  const frames = (await readStamps(vodUrl(sluice, vod.id))).map(stamp => stamp?.frame ?? -1)
  expect(frames).toEqual(Array.from({ length: 50 * FPS }, (_, index) => index))
}, 180_000)

test('a disk that is full costs the recording, which says so, and not the stream', async () => {
  await using folder = await tempFolder('sluice-full-')
  const mount = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', folder.path])
  expect(mount.exitCode, mount.stderr.toString()).toBe(0)
  try {
    // The database has a disk of its own.
    const env = { DATA_DIR: folder.path, DATABASE_URL: await createPostgresDatabase() }
    await using sluice = await startSluice({ env })
    const channel = await sluice.createChannel('alice')
    await using publisher = await publish(channel.publishUrl, {
      codecCopyFrom: await encodeFile({ size: SIZE, bitrate: '800k' }),
    })
    await goneLive(channel)
    const { items } = await channel.client.vods.list.query({ slug: 'alice' })
    const stored = (sequence: number) =>
      existsSync(`${folder.path}/media/vods/${items[0]!.id}/source/${sequence}.m4s`)
    await waitFor(() => stored(1), { message: 'the recording to begin' })
    const ballast = `${folder.path}/ballast`
    const filling = Bun.spawnSync(['dd', 'if=/dev/zero', `of=${ballast}`, 'bs=4k'], { stderr: 'pipe' })
    expect(filling.stderr.toString()).toContain('No space left')
    const problem = async () => (await channel.client.vods.get.query({ id: items[0]!.id })).problem
    expect(await waitFor(problem, { message: 'the recording to say so', timeoutMs: 20_000 })).toContain(
      'disk was full',
    )
    expect((await goneLive(channel)).status).toBe('live')
    await rm(ballast)
    const isBack = () => Array.from({ length: 20 }, (_, index) => index + 4).some(stored)
    await waitFor(isBack, { message: 'the recording to go on', timeoutMs: 30_000 })
    await publisher.stop()
    const vod = await newestVod(channel)
    const playlist = await (await fetch(`${sluice.url}/vod/${vod.id}/source/playlist.m3u8`)).text()
    expect(playlist).toContain('#EXT-X-GAP')
    expect(await problem()).toContain('disk was full')
  } finally {
    Bun.spawnSync(['umount', '-l', folder.path])
  }
}, 120_000)
