/** A browser publishes over WHIP: what viewers of every kind see and hear. */
import { expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { feedTimes, LOGGED } from '../support/pictures-shown.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { publishFromPage, type WhipPage, type WhipPageOptions } from '../support/whip-page.ts'
import { goneLive, watchByHls, watchByWhep } from './going-live.ts'
import { inStatus, MAX_RECOVERY_MS, Viewers } from './viewers.ts'

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

test('viewers stay when a publisher over WHIP drops and returns, and when another takes over', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const publishAs = async (options: WhipPageOptions): Promise<{ publisher: WhipPage; fedAt: number }> => {
    const fedBefore = feedTimes(sluice).length
    const publisher = await publishFromPage(browser, `${sluice.url}/whip/alice`, channel.streamKey, options)
    const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'its first key frame' })
    return { publisher, fedAt }
  }
  const { publisher: first } = await publishAs({ width: 480, height: 270 })
  await using viewers = await Viewers.open(browser, channel)

  await first.drop()
  await inStatus(channel, 'reconnecting')
  await first.page.close()
  const returned = await publishAs({ width: 320, height: 240 })
  expect(await viewers.whepRecovery(returned.fedAt, 320)).toBeLessThan(MAX_RECOVERY_MS)
  await viewers.hlsPicture(returned.fedAt, 320)
  await viewers.expectUnbroken(1)

  await channel.client.channels.updateSettings.mutate({ channelId: channel.id, secondPublisher: 'takeover' })
  const tookOver = await publishAs({ width: 480, height: 270 })
  await using _second = tookOver.publisher
  const { fedAt } = tookOver
  const shownAt = fedAt + (await viewers.whepRecovery(fedAt, 480))
  // Up to its first picture: in a page without a screen the next may come late from the browser that publishes.
  expect((await viewers.longestGaps(fedAt, shownAt)).whep).toBeLessThan(1_000)
  await viewers.hlsPicture(fedAt, 480)
  await viewers.expectUnbroken(2)
  // Its session is gone from the server.
  expect(await returned.publisher.stop()).toBe(404)
}, 120_000)
