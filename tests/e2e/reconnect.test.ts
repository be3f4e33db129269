/** A publisher that drops, returns, is taken over or has a backup, as viewers see it. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { feedTimes, LOGGED, longestGap, pictureAfter, recordPictures } from '../support/pictures-shown.ts'
import { encodeFile, type Publisher, publish } from '../support/publisher.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, watchByHls, watchByWhep } from './going-live.ts'

const MAX_RECOVERY_MS = 1_500
const DROPS = 10

test('a killed publisher returns: the WebRTC viewer’s element and hls.js go on, ten times, in one stream', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const large = await encodeFile({ size: '1280x720' })
  const small = await encodeFile({ size: '640x360', fps: 25, extraArgs: ['-ac', '1', '-ar', '44100'] })
  let publisher = await publish(channel.publishUrl, { codecCopyFrom: large })
  const { id } = await goneLive(channel)
  await using whep = await watchByWhep(browser, channel)
  await using hls = await watchByHls(browser, channel)
  await Promise.all([whep.playing({ frames: 30 }), hls.playing({ frames: 60 })])
  await Promise.all([recordPictures(whep), recordPictures(hls)])

  for (let drop = 1; drop <= DROPS; drop++) {
    publisher.kill('SIGKILL')
    await inStatus(channel, 'reconnecting')
    const isSmall = drop % 2 === 1
    const fedBefore = feedTimes(sluice).length
    publisher = await publish(channel.publishUrl, { codecCopyFrom: isSmall ? small : large })
    const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'the publisher to be back' })
    const width = isSmall ? 640 : 1280
    expect((await pictureAfter(whep, fedAt)).at - fedAt).toBeLessThan(MAX_RECOVERY_MS)
    await pictureAfter(hls, fedAt, width)
    await inStatus(channel, 'live')
  }

  for (const page of [whep, hls])
    expect(await page.page.evaluate(() => window.pictures!.isSameElement())).toBe(true)
  expect(await whep.page.evaluate(() => window.observer.connections.length)).toBe(1)
  expect(await whep.audioEnergy()).toBeGreaterThan(0.001)
  const { items } = await channel.client.streams.live.query({})
  expect(items.map(item => item.id)).toEqual([id])
  const playlist = await mediaPlaylist(channel)
  expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(DROPS)
  expect(playlist).not.toContain('#EXT-X-ENDLIST')
  await publisher.stop()
  await waitFor(async () => (await mediaPlaylist(channel)).includes('#EXT-X-ENDLIST'), {
    message: 'the playlist to end with the stream',
  })
}, 240_000)

test('a publisher whose network is gone without a word does not lock out the one who returns', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const file = await encodeFile()
  const frozen = await publish(channel.publishUrl, { codecCopyFrom: file })
  const { id } = await goneLive(channel)
  await using page = await watchByWhep(browser, channel)
  await page.playing({ frames: 30 })
  await recordPictures(page)
  frozen.kill('SIGSTOP')
  try {
    const back = await publishWhenAccepted(sluice, channel, file)
    await using _publisher = back.publisher
    expect((await pictureAfter(page, back.fedAt)).at - back.fedAt).toBeLessThan(MAX_RECOVERY_MS)
    expect((await goneLive(channel)).id).toBe(id)
  } finally {
    frozen.kill('SIGKILL')
  }
})

test('a publisher that is silent for good is waited for, and the stream ends once the grace period is over', async () => {
  await using sluice = await startSluice({ env: { ...LOGGED, RECONNECT_GRACE_MS: '2000' } })
  const channel = await sluice.createChannel('alice')
  const publisher = await publish(channel.publishUrl, { codecCopyFrom: await encodeFile() })
  const { id } = await goneLive(channel)
  publisher.kill('SIGSTOP')
  try {
    await inStatus(channel, 'reconnecting')
    await waitFor(async () => (await channel.client.streams.get.query({ id })).status === 'ended', {
      message: 'the stream to end',
    })
    expect(await mediaPlaylist(channel)).toContain('#EXT-X-ENDLIST')
  } finally {
    publisher.kill('SIGKILL')
  }
})

test('by the channel’s setting a second encoder takes over, without a gap of more than a second', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const file = await encodeFile()
  const first = await publish(channel.publishUrl, { codecCopyFrom: file })
  const { id } = await goneLive(channel)
  const refused = await publish(channel.publishUrl, { codecCopyFrom: file })
  expect((await refused.exited).code).not.toBe(0)
  await channel.client.channels.updateSettings.mutate({ channelId: channel.id, secondPublisher: 'takeover' })
  // The rules are those that a publisher came with.
  await using page = await watchByWhep(browser, channel)
  await page.playing({ frames: 30 })
  await recordPictures(page)
  const fedBefore = feedTimes(sluice).length
  await using _second = await publish(channel.publishUrl, { codecCopyFrom: file })
  const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'the second to take over' })
  expect((await first.exited).code).not.toBe(0)
  await pictureAfter(page, fedAt + 2_000)
  expect(await longestGap(page)).toBeLessThan(1_000)
  expect((await goneLive(channel)).id).toBe(id)
})

test('a backup takes over when the primary dies, and hands back when that one is steady again', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const [large, small] = [await encodeFile(), await encodeFile({ size: '640x360' })]
  const primary = await publish(channel.publishUrl, { codecCopyFrom: large })
  await goneLive(channel)
  await using _backup = await publish(`${channel.publishUrl}?backup=1`, { codecCopyFrom: small })
  await waitFor(async () => (await publishersOf(channel)).length === 2, { message: 'both publishers' })
  await using page = await watchByWhep(browser, channel)
  await page.playing({ frames: 30 })
  await recordPictures(page)
  primary.kill('SIGKILL')
  const killedAt = Date.now()
  // Its key frames are a second apart.
  expect((await pictureAfter(page, killedAt, 640)).at - killedAt).toBeLessThan(1_000 + MAX_RECOVERY_MS)
  expect((await goneLive(channel)).status).toBe('live')
  await using _returned = await publish(channel.publishUrl, { codecCopyFrom: large })
  await pictureAfter(page, Date.now(), 1280)
  expect(await publishersOf(channel)).toMatchObject([{ role: 'primary', isActive: true }, { role: 'backup' }])
}, 60_000)

/** A frozen publisher counts as alive for a moment: tries as an encoder does. */
async function publishWhenAccepted(
  sluice: Sluice,
  channel: TestChannel,
  file: string,
): Promise<{ publisher: Publisher; fedAt: number }> {
  const fedBefore = feedTimes(sluice).length
  return waitFor(
    async () => {
      const publisher = await publish(channel.publishUrl, { codecCopyFrom: file })
      const fed = () => feedTimes(sluice)[fedBefore]
      await Promise.race([publisher.exited, waitFor(fed, { message: 'the publisher to be taken' })])
      const fedAt = fed()
      return fedAt === undefined ? undefined : { publisher, fedAt }
    },
    { message: 'the publisher to be accepted', timeoutMs: 30_000 },
  )
}

/** Resolves when the channel's stream is listed with this status. */
async function inStatus(channel: TestChannel, status: string): Promise<void> {
  await waitFor(async () => (await goneLive(channel)).status === status, {
    message: status,
    timeoutMs: 20_000,
  })
}

async function publishersOf(channel: TestChannel) {
  const health = await channel.client.streams.health.query({ slug: channel.slug })
  return health.status === 'offline' ? [] : health.publishers
}

/** The source's media playlist, as a player finds it. */
async function mediaPlaylist(channel: TestChannel): Promise<string> {
  const multivariant = await (await fetch(channel.hlsUrl)).text()
  const path = multivariant.split('\n').find(line => line !== '' && !line.startsWith('#'))!
  return (await fetch(new URL(path, channel.hlsUrl))).text()
}
