/** What a publisher breaks of its channel's limits is refused or warned of, in words that its streamer sees. */
import { expect, test } from 'bun:test'
import { publishEnhanced } from '../support/enhanced-publisher.ts'
import { publish } from '../support/publisher.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'

test('an encoder beyond a limit is thrown out or warned, by the instance and by the channel', async () => {
  await using sluice = await startSluice({ env: { INGEST_MAX_HEIGHT: '480', RECONNECT_GRACE_MS: '2000' } })
  const channel = await sluice.createChannel('alice')
  const { channels, streams } = channel.client
  const limit = (ingestLimits: Limits, onBreach: 'refuse' | 'warn') =>
    channels.updateSettings.mutate({ channelId: channel.id, onBreach, ingestLimits })

  // The instance's limit holds though the owner only warns: nothing of it is ever live.
  await limit({ maxHeight: 180 }, 'warn')
  const large = await publish(channel.publishUrl, { size: '1280x720' })
  const { code, stderr } = await large.exited
  expect(code).not.toBe(0)
  expect(stderr).toContain('Server error: The picture is 1280x720')
  const refused = await waitFor(
    async () => {
      const health = await streams.health.query({ slug: 'alice' })
      return health.status === 'offline' ? health.lastRefusal : undefined
    },
    { message: 'the refusal to be told' },
  )
  expect(refused.reason).toBe('picture_too_large')
  expect(refused.message).toContain('1280x720')
  expect(refused.message).toContain('Output (Scaled) Resolution: 320x180')
  expect((await sluice.client.streams.live.query({})).items).toEqual([])

  // The channel's own limit is warned of, on a stream that goes on.
  {
    await using publisher = await publish(channel.publishUrl, { size: '640x360' })
    const { id } = await goneLive(channel)
    const notices = await noticesOf(channel, 'picture_too_large')
    expect(notices).toContain('this channel takes at most 180 pixels in height')
    // Its encoder has been told too, and goes on.
    await Promise.race([publisher.exited, Bun.sleep(2_000)])
    expect(await goneLive(channel)).toMatchObject({ id, status: 'live' })
  }
  await goneOffline(channel)

  // Encoders that look at RTMP's statuses find there what to change.
  {
    await using publisher = await publishEnhanced(channel.publishUrl, { video: 'h264', audio: 'aac' })
    const warning = await waitFor(() => publisher.statuses.find(each => each.level === 'warning'), {
      message: 'a status that warns',
    })
    expect(warning.description).toContain('In OBS: Settings → Video → Output (Scaled) Resolution: 320x180')
  }
  await limit({ maxHeight: null, audioCodecs: ['aac'] }, 'refuse')
  const sounding = await publishEnhanced(channel.publishUrl, { video: 'h264', audio: 'opus' })
  await sounding.ended
  expect(sounding.statuses.at(-1)?.description).toContain('Audio Encoder: choose one for AAC')
  await goneOffline(channel)

  // Measured: it runs until the limit has been broken for ten seconds.
  await limit({ maxBitrateBps: 100_000 }, 'refuse')
  const loud = await publish(channel.publishUrl, { size: '640x360', bitrate: '1000k' })
  await goneLive(channel)
  expect((await loud.exited).code).not.toBe(0)
  const { lastRefusal } = await streams.health.query({ slug: 'alice' })
  expect(lastRefusal?.reason).toBe('bitrate_too_high')
  expect(lastRefusal?.message).toContain('at most 100 Kbps')
}, 120_000)

type Limits = NonNullable<
  Parameters<TestChannel['client']['channels']['updateSettings']['mutate']>[0]['ingestLimits']
>

async function goneOffline({ client, slug }: TestChannel): Promise<void> {
  await waitFor(async () => (await client.streams.health.query({ slug })).status === 'offline', {
    message: 'the stream to end',
    timeoutMs: 15_000,
  })
}

/** The words of a notice on the owner's dashboard, once it is there. */
function noticesOf(channel: TestChannel, code: string): Promise<string> {
  return waitFor(
    async () => {
      const health = await channel.client.streams.health.query({ slug: channel.slug })
      const notices = health.status === 'offline' ? [] : (health.health?.notices ?? [])
      return notices.find(notice => notice.code === code)?.message
    },
    { message: `the notice ${code}` },
  )
}
