/** Channels, streams and playback over HTTP, with real live sessions behind them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, publish, type TestPlatform, uniqueSlug } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'

let opened: TestDatabase
let platform: TestPlatform
let anybody: ApiCaller

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  platform = await openPlatform(opened.database)
  anybody = new ApiCaller(platform.url)
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

interface Listed {
  items: { id: string; viewerCount: number; channel: { slug: string } }[]
  nextCursor?: string
}

async function streamer() {
  const caller = new ApiCaller(platform.url)
  await caller.mutate('auth.signUp', {
    username: `u_${uniqueSlug().slice(2)}`,
    password: 'correct horse battery',
  })
  const slug = uniqueSlug()
  const channel = (await caller.mutate('channels.create', { slug, title: 'My channel' })).data as {
    id: string
  }
  const key = (await caller.query('channels.streamKey', { channelId: channel.id })).data as {
    streamKey: string
  }
  return { caller, slug, channelId: channel.id, ...key }
}

test('a new account has no channel; then it has one, with what to paste into the encoder', async () => {
  const caller = new ApiCaller(platform.url)
  await caller.mutate('auth.signUp', {
    username: `u_${uniqueSlug().slice(2)}`,
    password: 'correct horse battery',
  })
  expect((await caller.query('channels.mine')).data).toEqual({ items: [] })
  const slug = uniqueSlug()
  const made = await caller.mutate('channels.create', { slug: slug.toUpperCase(), title: '  Tuesday  ' })
  expect(made.data).toMatchObject({ slug, title: 'Tuesday', description: '', isLive: false })
  expect((await caller.query('channels.mine')).data).toEqual({ items: [made.data] })
  const { id } = made.data as { id: string }
  expect((await caller.query('channels.streamKey', { channelId: id })).data).toEqual({
    streamKey: expect.stringMatching(/^live_/),
    ingestUrl: 'rtmp://127.0.0.1:1935/live',
  })
  expect((await anybody.query('channels.get', { slug })).data).toEqual(made.data)
  expect((await anybody.query('channels.get', { slug })).text).not.toContain('live_')
})

test('the ingest address has the host of PUBLIC_URL', async () => {
  await using proxied = await openPlatform(opened.database, {
    http: { publicUrl: new URL('https://live.example') },
  })
  const { caller, channelId } = await streamer()
  const { accessToken } = (
    await new ApiCaller(proxied.url).mutate('auth.signUp', {
      username: `u_${uniqueSlug().slice(2)}`,
      password: 'long enough',
    })
  ).data as { accessToken: string }
  const program = new ApiCaller(proxied.url, { authorization: `Bearer ${accessToken}` })
  const { data } = await program.mutate('channels.create', { slug: uniqueSlug(), title: 't' })
  const { id } = data as { id: string }
  const key = await program.query('channels.streamKey', { channelId: id })
  expect(key.data).toMatchObject({ ingestUrl: 'rtmp://live.example:1935/live' })
  const others = await program.query('channels.streamKey', { channelId })
  expect([others.status, others.error?.data.reason]).toEqual([403, 'not_owner'])
  expect((await caller.query('channels.streamKey', { channelId: id })).error?.data.reason).toBe('not_owner')
})

test('who publishes is listed live with viewers, found by players, and gone after the end', async () => {
  const { slug, streamKey } = await streamer()
  expect((await anybody.query('playback.sources', { slug })).data).toEqual({ isLive: false })
  const { stream, publication } = await publish(platform, streamKey)
  platform.viewers.set(slug, 7)
  const listed = ((await anybody.query('streams.live')).data as Listed).items.find(
    item => item.channel.slug === slug,
  )
  expect(listed).toEqual({
    id: stream.identity.id,
    channel: { slug, title: 'My channel' },
    title: 'My channel',
    status: 'live',
    viewerCount: 7,
    thumbnailUrl: `/thumbnails/${slug}.jpg`,
    createdAt: expect.any(String),
    startedAt: expect.stringMatching(/Z$/),
    endedAt: null,
  } as never)
  expect((await anybody.query('playback.sources', { slug })).data).toMatchObject({
    isLive: true,
    status: 'live',
    streamId: stream.identity.id,
    startedAt: expect.stringMatching(/Z$/),
    whepUrl: `/whep/${slug}`,
    hlsUrl: `/hls/${slug}/index.m3u8`,
    dashUrl: `/dash/${slug}/manifest.mpd`,
    flvUrl: `/flv/${slug}.flv`,
    rtmpUrl: expect.stringMatching(new RegExp(`^rtmp://127\\.0\\.0\\.1:\\d+/live/${slug}$`)),
    thumbnailUrl: `/thumbnails/${slug}.jpg`,
  })
  expect((await anybody.query('channels.get', { slug })).data).toMatchObject({
    isLive: true,
    streamId: stream.identity.id,
  })
  publication.leave({ isOrderly: true })
  await stream.closed
  expect((await anybody.query('playback.sources', { slug })).data).toEqual({ isLive: false })
  expect((await anybody.query('streams.get', { id: stream.identity.id })).data).toMatchObject({
    status: 'ended',
    viewerCount: 0,
    thumbnailUrl: null,
    endedAt: expect.stringMatching(/Z$/),
  })
})

test('pages follow each other by cursor, and the most watched are featured', async () => {
  const streamers = await Promise.all(Array.from({ length: 3 }, streamer))
  for (const [index, { slug, streamKey }] of streamers.entries()) {
    await publish(platform, streamKey)
    platform.viewers.set(slug, 100 + (index === 1 ? 50 : index))
  }
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = (await anybody.query('streams.live', { limit: 1, cursor })).data as Listed
    seen.push(...page.items.map(item => item.channel.slug))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(seen.filter(slug => streamers.some(each => each.slug === slug)).sort()).toEqual(
    streamers.map(each => each.slug).sort(),
  )
  const featured = (await anybody.query('streams.featured', { limit: 2 })).data as Listed
  expect(featured.items.map(item => item.channel.slug)).toEqual([streamers[1]!.slug, streamers[2]!.slug])
  expect((await anybody.query('streams.live', { cursor: 'nonsense' })).error?.data.reason).toBe(
    'cursor_invalid',
  )
  expect((await anybody.query('streams.live', { limit: 1_000 })).error?.data.reason).toBe('input_invalid')
})

test('only the owner renames a stream, sees its health, and ends it, which disconnects the publisher', async () => {
  const { caller, slug, streamKey } = await streamer()
  const other = (await streamer()).caller
  expect((await caller.query('streams.health', { slug })).data).toEqual({ status: 'offline' })
  const { stream, disconnected } = await publish(platform, streamKey)
  const { id } = stream.identity
  for (const call of [
    other.query('streams.health', { slug }),
    other.mutate('streams.update', { id, title: 'mine' }),
    other.mutate('streams.end', { id }),
  ])
    expect((await call).error?.data).toMatchObject({ code: 'FORBIDDEN', reason: 'not_owner' })
  expect((await anybody.mutate('streams.end', { id })).status).toBe(401)
  expect((await caller.query('streams.health', { slug })).data).toMatchObject({
    status: 'live',
    streamId: id,
    publishers: [
      {
        role: 'primary',
        isActive: true,
        isStalled: false,
        remoteAddress: '192.0.2.7',
        software: 'test encoder',
      },
    ],
    health: {
      videoCodec: 'avc1.42e01f',
      width: 1280,
      height: 720,
      hasBFrames: false,
      notices: [{ code: 'no_audio' }],
    },
  })
  expect((await caller.mutate('streams.update', { id, title: 'Finals' })).data).toMatchObject({
    title: 'Finals',
  })
  expect(disconnected).toEqual([])
  expect((await caller.mutate('streams.end', { id })).data).toMatchObject({
    status: 'ended',
    title: 'Finals',
  })
  expect(disconnected.map(error => error.reason)).toEqual(['stream_ended'])
  expect((await caller.mutate('streams.end', { id })).data).toMatchObject({ status: 'ended' })
  expect(platform.live.find(slug)).toBeUndefined()
})

test('a rotated key ends the stream that came with the old one, and only the new one publishes', async () => {
  const { caller, channelId, streamKey, slug } = await streamer()
  const { disconnected } = await publish(platform, streamKey)
  const { data } = await caller.mutate('channels.rotateStreamKey', { channelId })
  expect(disconnected.map(error => error.reason)).toEqual(['stream_key_revoked'])
  await waitFor(() => platform.live.find(slug) === undefined, { message: 'the channel to be free' })
  await expect(publish(platform, streamKey)).rejects.toMatchObject({ reason: 'stream_key_invalid' })
  const { stream } = await publish(platform, (data as { streamKey: string }).streamKey)
  expect(stream.identity.slug).toBe(slug)
})

test('text that no person types is refused before the database sees it', async () => {
  const { caller, channelId } = await streamer()
  const id = Bun.randomUUIDv7()
  const refused = [
    caller.mutate('channels.create', { slug: uniqueSlug(), title: 'nul\0' }),
    caller.mutate('channels.create', { slug: uniqueSlug(), title: '   ' }),
    caller.mutate('channels.create', { slug: uniqueSlug(), title: 'x'.repeat(141) }),
    caller.mutate('channels.update', { channelId, description: 'nul\0' }),
    caller.mutate('channels.update', { channelId: "'; drop table channels; --", title: 't' }),
    caller.query('channels.get', { slug: 'nul\0' }),
    caller.query('streams.get', { id: 'x' }),
    caller.query('playback.sources', { slug: '../..' }),
  ]
  for (const call of refused)
    expect((await call).error?.data).toMatchObject({ httpStatus: 400, reason: 'input_invalid' })
  expect((await caller.query('streams.get', { id })).error?.data).toMatchObject({
    httpStatus: 404,
    reason: 'stream_not_found',
  })
  const { error } = await caller.mutate('channels.create', { slug: 'dashboard', title: 't' })
  expect(error?.data).toMatchObject({ httpStatus: 400, reason: 'slug_reserved' })
})

test('the clock can be asked with and without input', async () => {
  const before = Date.now()
  for (const input of [undefined, {}]) {
    const { now } = (await anybody.query('playback.clock', input)).data as { now: number }
    expect(now).toBeWithin(before, Date.now() + 1)
  }
})

test('the owner reads and changes the settings; what no encoder could keep is refused', async () => {
  const { caller, channelId } = await streamer()
  const read = await caller.query('channels.settings', { channelId })
  const defaults = {
    ...{ secondPublisher: 'reject', backupReturn: 'automatic', onBreach: 'refuse' },
    ...{ visibility: 'public', vodVisibility: 'public', vodRetentionDays: null, clipsBy: 'everyone' },
  }
  const instance = { limits: {}, onBreach: 'refuse', vodRetentionDays: null }
  expect(read.data).toEqual({ ...defaults, ingestLimits: {}, instance })
  const change = (changes: object) => caller.mutate('channels.updateSettings', { channelId, ...changes })
  const limits = { maxWidth: 1920, maxHeight: 1080, videoCodecs: ['h264'], maxSessionMs: 3_600_000 }
  const changed = await change({ secondPublisher: 'takeover', ingestLimits: limits })
  expect(changed.data).toEqual({
    ...defaults,
    secondPublisher: 'takeover',
    ingestLimits: limits,
    instance,
  })
  expect((await change({ ingestLimits: { maxWidth: null } })).data).toMatchObject({
    secondPublisher: 'takeover',
    ingestLimits: { maxHeight: 1080 },
  })
  expect((await caller.query('channels.settings', { channelId })).text).not.toContain('maxWidth')
  const wrong = [
    { secondPublisher: 'fight' },
    { onBreach: '' },
    { ingestLimits: { maxHeight: 0 } },
    { ingestLimits: { maxHeight: '1080' } },
    { ingestLimits: { maxFrameRate: 1e9 } },
    { ingestLimits: { maxKeyFrameIntervalMs: 10 } },
    { ingestLimits: { videoCodecs: [] } },
    { ingestLimits: { videoCodecs: ['vp9'] } },
    { ingestLimits: { audioCodecs: ['mp3'] } },
    { ingestLimits: { maxSessionMs: 1.5 } },
    { visibility: 'off' },
    { vodRetentionDays: 0 },
    { clipsBy: 'friends' },
  ]
  for (const changes of wrong) expect((await change(changes)).error?.data.reason).toBe('input_invalid')
  const other = (await streamer()).caller
  for (const call of [
    other.query('channels.settings', { channelId }),
    other.mutate('channels.updateSettings', { channelId, onBreach: 'warn' }),
  ])
    expect((await call).error?.data).toMatchObject({ code: 'FORBIDDEN', reason: 'not_owner' })
  expect((await anybody.query('channels.settings', { channelId })).status).toBe(401)
})
