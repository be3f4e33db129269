/** Real encoder, real browser: what a viewer sees and hears. */
import { describe, expect, test } from 'bun:test'
import { type ObservedPage, openBrowser } from '../support/browser.ts'
import { type PublishOptions, publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, viewersOf, watchByWhep } from './going-live.ts'

const cases: readonly {
  readonly name: string
  readonly publish: PublishOptions
  readonly size: { readonly width: number; readonly height: number }
}[] = [
  { name: '720p30 with AAC', publish: {}, size: { width: 1280, height: 720 } },
  { name: '720p30 with B-frames', publish: { bFrames: 2 }, size: { width: 1280, height: 720 } },
  { name: '1080p60', publish: { size: '1920x1080', fps: 60, gop: 60 }, size: { width: 1920, height: 1080 } },
]

describe.each(cases)('a publisher of $name', ({ name, publish: options, size }) => {
  test('is watched over WHEP and in the page’s own player, with moving pictures and sound', async () => {
    await using sluice = await startSluice()
    await using browser = await openBrowser()
    const channel = await sluice.createChannel('alice')
    await using _publisher = await publish(channel.publishUrl, options)
    await goneLive(channel)

    await using whep = await watchByWhep(browser, channel)
    await expectPlaying(whep, size)
    await whep.close()

    await using own = await browser.newPage(channel.pageUrl)
    await expectPlaying(own, size)
    expect(await own.page.textContent('body')).toContain('WebRTC')
    expect(own.errors).toEqual([])

    const health = await channel.client.streams.health.query({ slug: channel.slug })
    const notices = health.status === 'offline' ? [] : (health.health?.notices ?? [])
    expect(notices.map(notice => notice.code).includes('b_frames')).toBe(name.includes('B-frames'))
  })
})

describe('one server', () => {
  test('keeps two live channels apart', async () => {
    await using sluice = await startSluice()
    await using browser = await openBrowser()
    const wide = await sluice.createChannel('wide')
    const small = await sluice.createChannel('small')
    await using _wide = await publish(wide.publishUrl, { size: '1280x720' })
    await using _small = await publish(small.publishUrl, { size: '640x360', bitrate: '800k' })
    await Promise.all([goneLive(wide), goneLive(small)])
    const { items } = await sluice.client.streams.live.query({})
    expect(items.map(item => item.channel.slug).sort()).toEqual(['small', 'wide'])

    await using first = await watchByWhep(browser, wide)
    await using second = await watchByWhep(browser, small)
    expect(await first.playing()).toMatchObject({ width: 1280, height: 720 })
    expect(await second.playing()).toMatchObject({ width: 640, height: 360 })
    await waitFor(async () => (await viewersOf(sluice, 'wide')) === 1, { message: 'one viewer on each' })
    expect(await viewersOf(sluice, 'small')).toBe(1)
  })

  test('refuses a wrong key in words that ffmpeg shows, and a second encoder', async () => {
    await using sluice = await startSluice()
    const channel = await sluice.createChannel('alice')
    await using stranger = await publish(`${sluice.rtmpUrl}/live_wrong`, { size: '320x180' })
    const refused = await stranger.exited
    expect(refused.code).not.toBe(0)

    await using _publisher = await publish(channel.publishUrl, { size: '320x180' })
    await goneLive(channel)
    await using second = await publish(channel.publishUrl, { size: '320x180' })
    expect((await second.exited).code).not.toBe(0)
    expect((await channel.client.streams.live.query({})).items).toHaveLength(1)
  })

  test('lists a stream as ended within 2 s of its encoder being stopped', async () => {
    await using sluice = await startSluice()
    const channel = await sluice.createChannel('alice')
    await using publisher = await publish(channel.publishUrl, { size: '320x180' })
    const stream = await goneLive(channel)
    await publisher.stop()
    await waitFor(async () => (await sluice.client.streams.live.query({})).items.length === 0, {
      message: 'the stream to leave the list',
      timeoutMs: 2_000,
    })
    expect(await sluice.client.streams.get.query({ id: stream.id })).toMatchObject({ status: 'ended' })
  })

  test('disconnects the encoder when its owner ends the stream', async () => {
    await using sluice = await startSluice()
    const channel = await sluice.createChannel('alice')
    await using publisher = await publish(channel.publishUrl, { size: '320x180' })
    const stream = await goneLive(channel)
    await channel.client.streams.end.mutate({ id: stream.id })
    expect((await publisher.exited).code).not.toBe(0)
    expect((await sluice.client.streams.live.query({})).items).toEqual([])
  })
})

async function expectPlaying(page: ObservedPage, size: { width: number; height: number }): Promise<void> {
  expect(await page.playing({ frames: 60 })).toMatchObject(size)
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy(1_000)).toBeGreaterThan(0.001)
}
