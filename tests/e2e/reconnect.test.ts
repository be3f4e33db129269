/** A publisher that drops and returns, as viewers see it. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { feedTimes, LOGGED } from '../support/pictures-shown.ts'
import { encodeFile, type Publisher, publish } from '../support/publisher.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'
import { inStatus, MAX_RECOVERY_MS, mediaPlaylist, Viewers } from './viewers.ts'

const DROPS = 10

test('a killed publisher returns: the WebRTC viewer’s element and hls.js go on, ten times, in one stream', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const large = await encodeFile({ size: '1280x720' })
  const small = await encodeFile({ size: '640x360', fps: 25, extraArgs: ['-ac', '1', '-ar', '44100'] })
  let publisher = await publish(channel.publishUrl, { codecCopyFrom: large })
  await using viewers = await Viewers.open(browser, channel)
  for (let drop = 1; drop <= DROPS; drop++) {
    publisher.kill('SIGKILL')
    const isSmall = drop % 2 === 1
    const back = await publishAgain(sluice, channel, isSmall ? small : large)
    publisher = back.publisher
    expect(await viewers.whepRecovery(back.fedAt)).toBeLessThan(MAX_RECOVERY_MS)
    await viewers.hlsPicture(back.fedAt, isSmall ? 640 : 1280)
    await inStatus(channel, 'live')
  }
  await viewers.expectUnbroken(DROPS)
  await publisher.stop()
  await waitFor(async () => (await mediaPlaylist(channel)).includes('#EXT-X-ENDLIST'), {
    message: 'the playlist to end with the stream',
  })
}, 240_000)

test('viewers of a rendition of the ladder go on too, by WebRTC and by hls.js', async () => {
  await using sluice = await startSluice({ env: { ...LOGGED, LADDER: '144p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  // The rung's width tells which publisher a picture is of.
  const wide = { file: await encodeFile({ size: '480x270', bitrate: '500k' }), width: 256 }
  const narrow = { file: await encodeFile({ size: '480x360', fps: 25, bitrate: '500k' }), width: 192 }
  let publisher = await publish(channel.publishUrl, { codecCopyFrom: wide.file })
  await using viewers = await Viewers.open(browser, channel, { name: '144p', width: 256, height: 144 })
  const returns = [narrow, wide, narrow]
  for (const { file, width } of returns) {
    publisher.kill('SIGKILL')
    const back = await publishAgain(sluice, channel, file)
    publisher = back.publisher
    expect(await viewers.whepRecovery(back.fedAt, width)).toBeLessThan(MAX_RECOVERY_MS)
    await viewers.hlsPicture(back.fedAt, width)
    await inStatus(channel, 'live')
  }
  await viewers.expectUnbroken(returns.length)
  await publisher.stop()
}, 120_000)

test('a publisher whose network is gone without a word does not lock out the one who returns', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const file = await encodeFile()
  const frozen = await publish(channel.publishUrl, { codecCopyFrom: file })
  await using viewers = await Viewers.open(browser, channel)
  frozen.kill('SIGSTOP')
  try {
    const back = await publishWhenAccepted(sluice, channel, file)
    await using _publisher = back.publisher
    expect(await viewers.whepRecovery(back.fedAt)).toBeLessThan(MAX_RECOVERY_MS)
    await viewers.hlsPicture(back.fedAt + 5_000)
    await viewers.expectUnbroken(1)
  } finally {
    frozen.kill('SIGKILL')
  }
}, 60_000)

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

/** Once the one before is known to be gone. `fedAt`: when its first key frame came. */
async function publishAgain(
  sluice: Sluice,
  channel: TestChannel,
  file: string,
): Promise<{ publisher: Publisher; fedAt: number }> {
  await inStatus(channel, 'reconnecting')
  const fedBefore = feedTimes(sluice).length
  const publisher = await publish(channel.publishUrl, { codecCopyFrom: file })
  const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'the publisher to be back' })
  return { publisher, fedAt }
}

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
