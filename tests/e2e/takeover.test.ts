/** A publisher that is taken over, or has a backup, as viewers see it. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { feedTimes, LOGGED } from '../support/pictures-shown.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'
import { MAX_RECOVERY_MS, Viewers } from './viewers.ts'

/** The publishers' key frames are so far apart. */
const KEY_FRAME_INTERVAL_MS = 1_000
/** A publisher without a picture for so long has stalled. */
const STALL_MS = 1_500

test('by the channel’s setting a second encoder takes over, without a gap of more than a second', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const file = await encodeFile()
  const first = await publish(channel.publishUrl, { codecCopyFrom: file })
  await goneLive(channel)
  const refused = await publish(channel.publishUrl, { codecCopyFrom: file })
  expect((await refused.exited).code).not.toBe(0)
  await channel.client.channels.updateSettings.mutate({ channelId: channel.id, secondPublisher: 'takeover' })
  await using viewers = await Viewers.open(browser, channel)
  const fedBefore = feedTimes(sluice).length
  await using _second = await publish(channel.publishUrl, { codecCopyFrom: file })
  const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'the second to take over' })
  expect((await first.exited).code).not.toBe(0)
  await viewers.whepRecovery(fedAt + 2_000)
  expect((await viewers.longestGaps()).whep).toBeLessThan(1_000)
  await viewers.hlsPicture(fedAt + 5_000)
  await viewers.expectUnbroken(1)
}, 60_000)

test('a backup takes over when the primary dies, and hands back when that one is steady again', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const [large, small] = [await encodeFile(), await encodeFile({ size: '640x360' })]
  const primary = await publish(channel.publishUrl, { codecCopyFrom: large })
  await goneLive(channel)
  await using _backup = await publish(`${channel.publishUrl}?backup=1`, { codecCopyFrom: small })
  await bothPublish(channel)
  await using viewers = await Viewers.open(browser, channel)
  primary.kill('SIGKILL')
  const killedAt = Date.now()
  expect(await viewers.whepRecovery(killedAt, 640)).toBeLessThan(KEY_FRAME_INTERVAL_MS + MAX_RECOVERY_MS)
  await viewers.hlsPicture(killedAt, 640)
  await viewers.expectUnbroken(1)
  await using _returned = await publish(channel.publishUrl, { codecCopyFrom: large })
  const returnedAt = Date.now()
  await viewers.whepRecovery(returnedAt, 1280)
  await viewers.hlsPicture(returnedAt, 1280)
  expect(await publishersOf(channel)).toMatchObject([{ role: 'primary', isActive: true }, { role: 'backup' }])
  await viewers.expectUnbroken(2)
}, 90_000)

test('a backup takes over from a primary that is connected and sends nothing, until that one sends again', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const [large, small] = [await encodeFile(), await encodeFile({ size: '640x360' })]
  const primary = await publish(channel.publishUrl, { codecCopyFrom: large })
  try {
    await goneLive(channel)
    await using _backup = await publish(`${channel.publishUrl}?backup=1`, { codecCopyFrom: small })
    await bothPublish(channel)
    await using viewers = await Viewers.open(browser, channel)
    primary.kill('SIGSTOP')
    const stoppedAt = Date.now()
    expect(await viewers.whepRecovery(stoppedAt, 640)).toBeLessThan(
      STALL_MS + KEY_FRAME_INTERVAL_MS + MAX_RECOVERY_MS,
    )
    expect(await publishersOf(channel)).toMatchObject([
      { role: 'primary', isActive: false, isStalled: true },
      { role: 'backup', isActive: true },
    ])
    await viewers.hlsPicture(stoppedAt, 640)
    await viewers.expectUnbroken(1)
    primary.kill('SIGCONT')
    const continuedAt = Date.now()
    await viewers.whepRecovery(continuedAt, 1280)
    await viewers.hlsPicture(continuedAt, 1280)
    await viewers.expectUnbroken(2)
  } finally {
    primary.kill('SIGKILL')
  }
}, 90_000)

async function bothPublish(channel: TestChannel): Promise<void> {
  await waitFor(async () => (await publishersOf(channel)).length === 2, { message: 'both publishers' })
}

async function publishersOf(channel: TestChannel) {
  const health = await channel.client.streams.health.query({ slug: channel.slug })
  return health.status === 'offline' ? [] : health.publishers
}
