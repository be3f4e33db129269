/** A browser publishes over WHIP: what viewers of every kind see and hear. */
import { expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { publishFromPage } from '../support/whip-page.ts'
import { goneLive, watchByHls, watchByWhep } from './going-live.ts'

async function expectPlaying(page: ObservedPage): Promise<void> {
  expect(await page.playing({ frames: 45 })).toMatchObject({ width: 640, height: 360 })
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy(1_000)).toBeGreaterThan(0.001)
}

test('a publisher over WHIP is watched over WebRTC and HLS, and ends its stream by DELETE; a stranger’s key is refused', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const whipUrl = `${sluice.url}/whip/alice`
  await sluice.createChannel('bob')
  await expect(publishFromPage(browser, whipUrl, 'live_wrong')).rejects.toThrow('401')

  await using publisher = await publishFromPage(browser, whipUrl, channel.streamKey)
  const { id } = await goneLive(channel)
  await expect(publishFromPage(browser, `${sluice.url}/whip/bob`, channel.streamKey)).rejects.toThrow('403')

  await using viewer = await watchByWhep(browser, channel)
  await expectPlaying(viewer)
  await viewer.close()
  await using hls = await watchByHls(browser, channel)
  await expectPlaying(hls)

  await expect(publishFromPage(browser, whipUrl, channel.streamKey)).rejects.toThrow('409')
  expect(await publisher.stop()).toBe(200)
  await waitFor(async () => (await channel.client.streams.get.query({ id })).status === 'ended', {
    message: 'the stream to end',
    timeoutMs: 5_000,
  })
}, 90_000)
