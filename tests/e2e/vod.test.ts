/** From a publisher to a video: recorded while live, published by itself at the end, watched, kept, and deleted. */
import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openBrowser } from '../support/browser.ts'
import { publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, openTestPage } from './going-live.ts'

const SECONDS = 12

test('what was live is a video with its pictures, plays to its end, and is gone when it is deleted', async () => {
  await using sluice = await startSluice({ env: { RECONNECT_GRACE_MS: '1000', LADDER: '144p' } })
  const channel = await sluice.createChannel('alice')
  await using publisher = await publish(channel.publishUrl, { size: '640x360', bFrames: 2, seconds: SECONDS })
  const stream = await goneLive(channel)
  const live = await waitFor(
    async () => {
      const { url } = await sluice.client.streams.frame.query({ id: stream.id, offsetMs: 1_000, width: 320 })
      const response = await fetch(sluice.url + url)
      if (response.ok) return response
      throw new Error(await response.text())
    },
    { message: 'a picture of the running stream', timeoutMs: 20_000 },
  )
  expect(live.headers.get('content-type')).toBe('image/jpeg')
  await publisher.exited

  const id = await waitFor(
    async () => {
      const { vodId } = await sluice.client.streams.get.query({ id: stream.id })
      if (vodId) return vodId
      throw new Error('there is none yet')
    },
    { message: 'the video', timeoutMs: 30_000 },
  )
  const vod = await waitFor(
    async () => {
      const found = await channel.client.vods.get.query({ id })
      if (found.storyboardUrl && found.thumbnailCandidates.length > 0) return found
      throw new Error('not yet')
    },
    { message: 'its pictures', timeoutMs: 60_000 },
  )
  expect(vod).toMatchObject({ kind: 'live', streamId: stream.id, status: 'ready', visibility: 'public' })
  expect(Math.abs(vod.durationMs! - SECONDS * 1000)).toBeLessThan(500)
  const { items } = await sluice.client.vods.list.query({ slug: 'alice' })
  expect(items.map(item => item.id)).toEqual([id])
  for (const address of [vod.thumbnailUrl, vod.storyboardUrl, vod.thumbnailCandidates[0]!.url])
    expect((await fetch(sluice.url + address)).status).toBe(200)
  const multivariant = await (await fetch(sluice.url + vod.hlsUrl)).text()
  expect(multivariant).toContain('RESOLUTION=640x360')
  expect(multivariant).toContain('144p/playlist.m3u8')

  const file = sluice.url + vod.downloadUrl
  expect(await countFrames(file)).toBeWithin(SECONDS * 30 - 15, SECONDS * 30 + 1)
  await using browser = await openBrowser()
  await using page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playHls(url), sluice.url + vod.hlsUrl)
  await page.playing({ frames: 30 })
  await waitFor(() => page.page.evaluate(() => document.querySelector('video')!.ended), {
    ...{ message: 'the end', timeoutMs: 60_000, intervalMs: 250 },
  })
  const { errors } = (await page.page.evaluate(() => window.player.hlsState()))!
  expect(errors.filter(each => each.startsWith('fatal'))).toEqual([])

  await channel.client.vods.delete.mutate({ id })
  await expect(channel.client.vods.get.query({ id })).rejects.toThrow('There is no such video')
  const left = async () => await readdir(join(sluice.dataDir, 'media', 'vods')).catch(() => [])
  await waitFor(async () => (await left()).length === 0, { message: 'its media to go', timeoutMs: 30_000 })
  await waitFor(async () => (await fetch(sluice.url + vod.hlsUrl)).status === 404, {
    message: 'its address to go',
  })
}, 240_000)

/** Decodes the whole file; any complaint fails. */
async function countFrames(url: string): Promise<number> {
  const args = ['-v', 'error', '-nostdin', '-xerror', '-i', url, '-map', '0', '-fps_mode', 'passthrough']
  const child = Bun.spawn(['ffmpeg', ...args, '-f', 'null', '-progress', 'pipe:1', '-'], {
    ...{ stdout: 'pipe', stderr: 'pipe' },
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect([await child.exited, stderr]).toEqual([0, ''])
  return Number(/.*frame=\s*(\d+)/s.exec(stdout)![1])
}
