/** What players tell of their delay, over HTTP: who is believed, and where it is shown. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { RateLimiter } from '../../src/api/rate-limiter.ts'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, publish, type TestPlatform, uniqueSlug } from '../support/platform.ts'

const BURST = 20
let opened: TestDatabase
let platform: TestPlatform
let owner: ApiCaller

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  const limits = { report: new RateLimiter({ burst: BURST, perMinute: 1 }) }
  platform = await openPlatform(opened.database, { limits, http: { trustedProxyHops: 1 } })
  owner = new ApiCaller(platform.url)
  await owner.mutate('auth.signUp', {
    username: `u_${uniqueSlug().slice(2)}`,
    password: 'correct horse battery',
  })
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

async function goLive() {
  const slug = uniqueSlug()
  const { id } = (await owner.mutate('channels.create', { slug, title: 'My channel' })).data as { id: string }
  const answer = await owner.query('channels.streamKey', { channelId: id })
  const publisher = await publish(platform, (answer.data as { streamKey: string }).streamKey)
  return { slug, ...publisher, streamId: publisher.stream.identity.id }
}

/** One viewer, from an address of its own. */
function viewer(number: number) {
  const caller = new ApiCaller(platform.url, { 'x-forwarded-for': `198.51.100.${number}` })
  const viewerId = `viewer_${String(number).padStart(20, '0')}`
  return (streamId: string, delayMs: number, protocol = 'webrtc') =>
    caller.mutate('playback.reportDelay', { streamId, viewerId, protocol, delayMs })
}

async function metrics(): Promise<string[]> {
  return (await (await fetch(`${platform.url}/metrics`)).text()).split('\n')
}

test('viewers’ delays stand on the dashboard and in the metrics, and end with the stream', async () => {
  const { slug, stream, streamId, publication } = await goLive()
  for (let number = 1; number <= 10; number++)
    expect((await viewer(number)(streamId, number * 10)).data).toEqual({ isCounted: true })
  await viewer(11)(streamId, 950, 'hls')
  const health = await owner.query('streams.health', { slug })
  expect(health.data).toMatchObject({
    delays: {
      webrtc: { p50Ms: 50, p95Ms: 100, viewers: 10 },
      hls: { p50Ms: 950, p95Ms: 950, viewers: 1 },
    },
  })
  const running = await metrics()
  expect(running).toContain('sluice_viewer_delay_seconds{protocol="webrtc",quantile="0.5"} 0.05')
  expect(running).toContain('sluice_viewer_delay_seconds{protocol="webrtc",quantile="0.95"} 0.1')
  expect(running).toContain('sluice_viewer_delay_viewers{protocol="hls"} 1')
  expect(running).toContain(
    `sluice_stream_viewer_delay_seconds{slug="${slug}",protocol="hls",quantile="0.95"} 0.95`,
  )
  publication.leave({ isOrderly: true })
  await stream.closed
  expect((await viewer(1)(streamId, 10)).data).toEqual({ isCounted: false })
  expect((await metrics()).filter(line => line.includes(slug))).toEqual([])
  expect(await metrics()).toContain('sluice_viewer_delay_viewers{protocol="webrtc"} 0')
})

test('one address counts for no more than its share, and nonsense for nothing', async () => {
  const { slug, streamId } = await goLive()
  const tell = viewer(99)
  for (const delayMs of [-1, 120_001]) expect((await tell(streamId, delayMs)).status).toBe(400)
  const caller = new ApiCaller(platform.url, { 'x-forwarded-for': '198.51.100.98' })
  const nonsense = [
    { viewerId: 'short', protocol: 'webrtc', streamId, delayMs: 1 },
    { viewerId: 'v'.repeat(32), protocol: 'rtmp', streamId, delayMs: 1 },
    { viewerId: 'v'.repeat(32), protocol: 'hls', streamId, delayMs: '1' },
  ]
  for (const input of nonsense) expect((await caller.mutate('playback.reportDelay', input)).status).toBe(400)
  const answers = await Promise.all(Array.from({ length: BURST + 5 }, () => tell(streamId, 100)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(BURST)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(5)
  expect((await owner.query('streams.health', { slug })).data).toMatchObject({
    delays: { webrtc: { p50Ms: 100, p95Ms: 100, viewers: 1 } },
  })
})
