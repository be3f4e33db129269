/** The procedures `vods.*`, and what streams tell of their videos, as callers of all kinds see them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chatRoles } from '../../src/db/chat-schema.ts'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform, uniqueSlug } from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

let database: TestDatabase
let platform: TestPlatform
let made: TestVods
beforeAll(async () => {
  database = await openTestDatabase('pglite')
  platform = await openPlatform(database.database)
  made = createVods(database.database)
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

interface Somebody {
  readonly caller: ApiCaller
  readonly id: string
  readonly username: string
}
async function somebody(): Promise<Somebody> {
  const caller = new ApiCaller(platform.url, { cookie: '' })
  delete caller.headers['cookie']
  const username = `u_${Math.random().toString(36).slice(2, 10)}`
  const signed = await caller.mutate('auth.signUp', { username, password: 'correct horse battery' })
  const { account } = signed.data as { account: { id: string } }
  return { caller, id: account.id, username }
}

async function channelOf({ id }: Somebody) {
  return platform.services.channels.create(id, { slug: uniqueSlug(), title: 'Channel' })
}

type Visibility = 'public' | 'unlisted' | 'private'
async function videoOf(channelId: string, visibility: Visibility = 'public', title = 'Film') {
  const { id } = await made.vods.create({ channelId, kind: 'upload', title, visibility })
  await made.manifest.addSegments([segmentRow(id, 0, { durationSeconds: 600 })])
  await made.vods.finish(id)
  return id
}
const guest = () => new ApiCaller(platform.url)
const reason = (answer: Awaited<ReturnType<ApiCaller['query']>>) => answer.error?.data.reason

test('everybody sees what a public video is, and where to watch it', async () => {
  const owner = await somebody()
  const channel = await channelOf(owner)
  const id = await videoOf(channel.id)
  await made.vods.describe(id, { thumbnailCandidatesMs: [300_000, 100_000] })
  const seen = (await guest().query('vods.get', { id })).data
  expect(seen).toMatchObject({
    ...{ id, kind: 'upload', title: 'Film', status: 'ready', durationMs: 600_000, visibility: 'public' },
    ...{ channel: { slug: channel.slug, title: 'Channel' }, streamId: null, viewCount: 0, positionMs: 0 },
    ...{ hlsUrl: `/vod/${id}/index.m3u8`, dashUrl: `/vod/${id}/manifest.mpd`, storyboardUrl: null },
    ...{ downloadUrl: `/vod/${id}/video.mp4?download=1`, canEdit: false, thumbnailCandidates: [] },
    thumbnailUrl: `/vod/${id}/frame.jpg?at=300000&width=640`,
  })
  const own = (await owner.caller.query('vods.get', { id })).data as { thumbnailCandidates: unknown[] }
  expect(own).toMatchObject({ canEdit: true })
  expect(own.thumbnailCandidates[1]).toEqual({
    offsetMs: 100_000,
    url: `/vod/${id}/frame.jpg?at=100000&width=320`,
  })
  expect(reason(await guest().query('vods.get', { id: Bun.randomUUIDv7() }))).toBe('vod_not_found')
})

test('a private one is for its people and who is let in, and its addresses carry a token', async () => {
  const [owner, member, stranger] = [await somebody(), await somebody(), await somebody()]
  const channel = await channelOf(owner)
  const role = { channelId: channel.id, accountId: member.id, role: 'vip', grantedAt: new Date() } as const
  await database.database.db.insert(chatRoles).values(role)
  const id = await videoOf(channel.id, 'private')
  expect(reason(await guest().query('vods.get', { id }))).toBe('not_signed_in')
  expect(reason(await stranger.caller.query('vods.get', { id }))).toBe('playback_forbidden')
  expect(reason(await stranger.caller.query('vods.frame', { id, offsetMs: 0 }))).toBe('playback_forbidden')
  expect(reason(await stranger.caller.mutate('vods.watched', { id, positionMs: 9 }))).toBe(
    'playback_forbidden',
  )
  for (const { caller } of [owner, member]) {
    const { data } = await caller.query('vods.get', { id })
    expect((data as { hlsUrl: string }).hlsUrl).toMatch(new RegExp(`^/t/[\\w.-]+/vod/${id}/index.m3u8$`))
  }
  const list = async (caller: ApiCaller) =>
    (await caller.query('vods.list', { slug: channel.slug })).data as { items: { thumbnailUrl: string }[] }
  expect((await list(guest())).items).toEqual([])
  expect((await list(member.caller)).items[0]!.thumbnailUrl).toStartWith('/t/')
  const share = { channelId: channel.id, vodId: id, days: 1 }
  const { token } = (await owner.caller.mutate('playback.share', share)).data as { token: string }
  expect((await guest().query('vods.get', { id, token })).data).toMatchObject({ id, canEdit: false })
})

test('who runs the channel changes a video and deletes it; others do not', async () => {
  const [owner, stranger] = [await somebody(), await somebody()]
  const id = await videoOf((await channelOf(owner)).id)
  const edit = {
    id,
    title: ' Better ',
    description: 'Two\nlines',
    tags: ['a', ' b', 'a'],
    thumbnailMs: 5_000,
  }
  expect(reason(await stranger.caller.mutate('vods.update', edit))).toBe('not_allowed')
  expect(reason(await guest().mutate('vods.update', edit))).toBe('not_signed_in')
  const changed = (await owner.caller.mutate('vods.update', edit)).data
  expect(changed).toMatchObject({
    title: 'Better',
    description: 'Two\nlines',
    tags: ['a', 'b'],
    thumbnailMs: 5_000,
  })
  for (const wrong of [
    { title: '' },
    { title: 'a\nb' },
    { tags: [''] },
    { visibility: 'secret' },
    { thumbnailMs: -1 },
  ])
    expect(reason(await owner.caller.mutate('vods.update', { id, ...wrong }))).toBe('input_invalid')
  expect(reason(await owner.caller.mutate('vods.update', { id, visibility: 'off' }))).toBe('visibility_off')
  expect(reason(await stranger.caller.mutate('vods.delete', { id }))).toBe('not_allowed')
  expect((await owner.caller.mutate('vods.delete', { id })).status).toBe(200)
  expect(reason(await owner.caller.query('vods.get', { id }))).toBe('vod_not_found')
})

test('what is still made, or failed, is seen by who may edit it alone', async () => {
  const owner = await somebody()
  const channel = await channelOf(owner)
  const upload = { channelId: channel.id, kind: 'upload', title: 'Film', visibility: 'public' } as const
  const { id } = await made.vods.create(upload)
  await made.vods.setProgress(id, 0.5)
  const unplayable = { hlsUrl: null, dashUrl: null, downloadUrl: null, thumbnailUrl: null }
  expect((await owner.caller.query('vods.get', { id })).data).toMatchObject({
    ...{ status: 'processing', progress: 0.5, ...unplayable },
  })
  expect(reason(await guest().query('vods.get', { id }))).toBe('vod_not_found')
  await made.vods.fail(id, 'This is no video.')
  expect((await owner.caller.query('vods.get', { id })).data).toMatchObject({
    ...{ status: 'failed', problem: 'This is no video.' },
  })
})

test('an account goes on where it stopped; a browser is counted once', async () => {
  const [owner, viewer] = [await somebody(), await somebody()]
  const id = await videoOf((await channelOf(owner)).id)
  const watch = (caller: ApiCaller, positionMs: number) => caller.mutate('vods.watched', { id, positionMs })
  await watch(viewer.caller, 60_000)
  const browser = new ApiCaller(platform.url, { cookie: `sluice_viewer=${'a'.repeat(22)}` })
  for (const at of [10_000, 20_000]) await watch(browser, at)
  const seen = (await viewer.caller.query('vods.get', { id })).data
  expect(seen).toMatchObject({ positionMs: 60_000, viewCount: 2 })
})

test('frames have addresses, by number and by device', async () => {
  const id = await videoOf((await channelOf(await somebody())).id)
  const frame = (rest: object) => guest().query('vods.frame', { id, offsetMs: 1_500, ...rest })
  expect((await frame({ width: 320 })).data).toEqual({ url: `/vod/${id}/frame.jpg?at=1500&width=320` })
  expect((await frame({ device: 'tv' })).data).toEqual({ url: `/vod/${id}/frame.jpg?at=1500&device=tv` })
  expect(reason(await frame({ width: 300 }))).toBe('input_invalid')
})

test('a stream tells of its video to those who may know, and its frames follow it there', async () => {
  const owner = await somebody()
  const channel = await channelOf(owner)
  const stream = await platform.services.streams.open(channel.id)
  const { id } = await made.vods.openRecording({ streamId: stream.id, instanceId: null })
  await made.manifest.addSegments([segmentRow(id, 0)])
  const get = async (caller: ApiCaller) =>
    ((await caller.query('streams.get', { id: stream.id })).data as { vodId?: string }).vodId
  const frame = async () =>
    (await guest().query('streams.frame', { id: stream.id, offsetMs: 500, width: 160 })).data
  expect(await get(guest())).toBeUndefined()
  expect(await frame()).toEqual({ url: `/streams/${stream.id}/frame.jpg?at=500&width=160` })
  expect((await guest().query('vods.get', { id })).data).toMatchObject({ status: 'recording', hlsUrl: null })
  expect(reason(await owner.caller.mutate('vods.delete', { id }))).toBe('vod_recording')
  await made.vods.finish(id)
  expect(await get(guest())).toBe(id)
  expect(await frame()).toEqual({ url: `/vod/${id}/frame.jpg?at=500&width=160` })
  await owner.caller.mutate('vods.update', { id, visibility: 'unlisted' })
  expect([await get(guest()), await get(owner.caller)]).toEqual([undefined, id])
  const other = await platform.services.streams.open(channel.id)
  expect(reason(await guest().query('streams.frame', { id: other.id, offsetMs: 0 }))).toBe('no_picture')
})
