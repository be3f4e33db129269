/** What the API shows of channels that are unlisted or private, to whom, and how their owners let others in. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, publish, type TestPlatform, uniqueSlug } from '../support/platform.ts'

let opened: TestDatabase
let platform: TestPlatform
let anybody: ApiCaller
let owner: ApiCaller
let stranger: ApiCaller
let member: ApiCaller
let slug: string
let channelId: string
let streamId: string

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  platform = await openPlatform(opened.database)
  anybody = new ApiCaller(platform.url)
  ;[owner, stranger, member] = await Promise.all([signUp(), signUp(), signUp()])
  slug = uniqueSlug()
  channelId = ((await owner.mutate('channels.create', { slug, title: 'Rehearsal' })).data as { id: string })
    .id
  const { username } = (await member.query('auth.me')).data as { username: string }
  expect((await owner.mutate('chat.roles.set', { slug, username, role: 'vip' })).status).toBe(200)
  const { streamKey } = (await owner.query('channels.streamKey', { channelId })).data as { streamKey: string }
  streamId = (await publish(platform, streamKey)).stream.identity.id
  platform.viewers.set(slug, 3)
}, 60_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

async function signUp(): Promise<ApiCaller> {
  const caller = new ApiCaller(platform.url)
  const username = `u_${uniqueSlug().slice(2)}`
  await caller.mutate('auth.signUp', { username, password: 'correct horse battery' })
  return caller
}

async function setVisibility(visibility: string): Promise<void> {
  const changed = await owner.mutate('channels.updateSettings', { channelId, visibility })
  expect(changed.data).toMatchObject({ visibility })
}

async function isListed(): Promise<boolean[]> {
  const lists = await Promise.all([anybody.query('streams.live'), anybody.query('streams.featured')])
  return lists.map(({ data }) =>
    (data as { items: { channel: { slug: string } }[] }).items.some(item => item.channel.slug === slug),
  )
}

const outcomeOf = async (
  answer: Promise<{ status: number; error: { data: { reason: string } } | undefined }>,
) => {
  const { status, error } = await answer
  return error ? `${status} ${error.data.reason}` : status
}

interface Sources {
  isLive: boolean
  hlsUrl: string
  thumbnailUrl: string
  token: string
  tokenExpiresAt: string
}

test('only a public channel is listed', async () => {
  expect(await isListed()).toEqual([true, true])
  await setVisibility('unlisted')
  expect(await isListed()).toEqual([false, false])
  await setVisibility('private')
  expect(await isListed()).toEqual([false, false])
  await setVisibility('public')
  expect(await isListed()).toEqual([true, true])
})

test('of a private channel everybody sees that it exists, and only who may watch that it is live', async () => {
  await setVisibility('private')
  for (const caller of [anybody, stranger]) {
    const { data } = await caller.query('channels.get', { slug })
    expect(data).toMatchObject({ title: 'Rehearsal', visibility: 'private', mayWatch: false, isLive: false })
    expect(data).not.toHaveProperty('streamId')
  }
  for (const caller of [owner, member])
    expect((await caller.query('channels.get', { slug })).data).toMatchObject({
      ...{ mayWatch: true, isLive: true, streamId },
    })
  expect((await owner.query('channels.mine')).data).toMatchObject({ items: [{ slug, isLive: true }] })
})

test('its stream is shown to who may watch, with a picture that they can load', async () => {
  await setVisibility('private')
  expect(await outcomeOf(anybody.query('streams.get', { id: streamId }))).toBe('401 not_signed_in')
  expect(await outcomeOf(stranger.query('streams.get', { id: streamId }))).toBe('403 playback_forbidden')
  const { data } = await member.query('streams.get', { id: streamId })
  expect(data).toMatchObject({ id: streamId, viewerCount: 3 })
  const { thumbnailUrl } = data as { thumbnailUrl: string }
  expect(thumbnailUrl).toMatch(new RegExp(`^/t/[\\w.-]+/thumbnails/${slug}\\.jpg$`))
  const renamed = await owner.mutate('streams.update', { id: streamId, title: 'Take two' })
  expect((renamed.data as { thumbnailUrl: string }).thumbnailUrl).toStartWith('/t/')
  expect(await outcomeOf(anybody.mutate('streams.like', { id: streamId }))).toBe('401 not_signed_in')
  expect(await outcomeOf(stranger.mutate('streams.unlike', { id: streamId }))).toBe('403 playback_forbidden')
  expect(await outcomeOf(member.mutate('streams.like', { id: streamId }))).toBe(200)
})

test('where to watch it is told to who may, with a token in every address', async () => {
  await setVisibility('private')
  expect(await outcomeOf(anybody.query('playback.sources', { slug }))).toBe('401 not_signed_in')
  expect(await outcomeOf(stranger.query('playback.sources', { slug }))).toBe('403 playback_forbidden')
  expect(await outcomeOf(stranger.query('playback.sources', { slug, token: 'x.y.z' }))).toBe(
    '403 playback_token_invalid',
  )
  const { data } = await member.query('playback.sources', { slug })
  const { token, tokenExpiresAt, ...urls } = data as Sources
  expect(urls).toMatchObject({
    isLive: true,
    whepUrl: `/whep/${slug}?token=${token}`,
    hlsUrl: `/t/${token}/hls/${slug}/index.m3u8`,
    dashUrl: `/t/${token}/dash/${slug}/manifest.mpd`,
    flvUrl: `/t/${token}/flv/${slug}.flv`,
    rtmpUrl: expect.stringMatching(new RegExp(`/live/${slug}\\?token=${token}$`)),
    thumbnailUrl: `/t/${token}/thumbnails/${slug}.jpg`,
  })
  const hours = (Date.parse(tokenExpiresAt) - Date.now()) / 3_600_000
  expect(hours).toBeGreaterThan(3.9)
  expect(hours).toBeLessThan(4.2)
  // Somebody whom the member has given the addresses keeps watching as long as the member may.
  expect(await outcomeOf(anybody.query('playback.sources', { slug, token }))).toBe(200)
})

test('who comes with an access token that has expired is a guest', async () => {
  const expired = new ApiCaller(platform.url, { authorization: 'Bearer nonsense' })
  await setVisibility('private')
  expect(await outcomeOf(expired.query('playback.sources', { slug }))).toBe('401 not_signed_in')
  await setVisibility('unlisted')
  expect(await outcomeOf(expired.query('playback.sources', { slug }))).toBe(200)
  await setVisibility('public')
  const { data } = await expired.query('playback.sources', { slug })
  expect(data).not.toHaveProperty('token')
  expect(data).toMatchObject({ hlsUrl: `/hls/${slug}/index.m3u8` })
})

test('a share link opens the channel’s page, until it is revoked', async () => {
  await setVisibility('private')
  const made = await owner.mutate('playback.share', { channelId, name: ' The press ', days: 30 })
  const { id, token, url, ...rest } = made.data as { id: string; token: string; url: string }
  expect(rest).toMatchObject({ name: 'The press', expiresAt: expect.stringMatching(/Z$/) })
  expect(url).toBe(`${platform.url}/${slug}?token=${token}`)
  expect((await owner.query('playback.shares', { channelId })).data).toEqual({ items: [made.data] })
  expect((await anybody.query('playback.sources', { slug, token })).data).toMatchObject({ isLive: true })
  expect((await anybody.query('channels.get', { slug, token })).data).toMatchObject({
    mayWatch: true,
    streamId,
  })
  expect(await outcomeOf(anybody.query('streams.get', { id: streamId, token }))).toBe(200)
  expect(await outcomeOf(anybody.mutate('streams.like', { id: streamId, token }))).toBe(200)
  expect((await owner.mutate('playback.revokeShare', { id })).status).toBe(200)
  expect((await owner.query('playback.shares', { channelId })).data).toEqual({ items: [] })
  expect(await outcomeOf(anybody.query('playback.sources', { slug, token }))).toBe(
    '403 playback_token_invalid',
  )
  expect((await anybody.query('channels.get', { slug, token })).data).toMatchObject({ mayWatch: false })
})

test('share links are the owner’s alone, and last a year at most', async () => {
  const make = (caller: ApiCaller, days: number) =>
    outcomeOf(caller.mutate('playback.share', { channelId, days }))
  expect(await make(anybody, 1)).toBe('401 not_signed_in')
  expect(await make(stranger, 1)).toBe('403 not_owner')
  expect(await make(member, 1)).toBe('403 not_owner')
  expect(await outcomeOf(member.query('playback.shares', { channelId }))).toBe('403 not_owner')
  for (const days of [0, -1, 1.5, 366]) expect(await make(owner, days)).toBe('400 input_invalid')
  expect(await make(owner, 365)).toBe(200)
})

test('a video has addresses of its own, and nothing is told of one that is not there', async () => {
  const { vods } = platform
  const { id } = await vods.create({ channelId, kind: 'upload', title: 't', visibility: 'private' })
  expect(await outcomeOf(owner.query('playback.sources', { vodId: id }))).toBe('404 vod_not_found')
  expect(await outcomeOf(owner.query('playback.sources', { vodId: crypto.randomUUID() }))).toBe(
    '404 vod_not_found',
  )
  const made = await owner.mutate('playback.share', { channelId, vodId: id, days: 1 })
  const { url, token } = made.data as { url: string; token: string }
  expect(url).toBe(`${platform.url}/v/${id}?token=${token}`)
})
