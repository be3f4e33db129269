/** Comments and the chat's replay, by tRPC over HTTP. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { Manifest } from '../../src/vod/manifest.ts'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform } from '../support/platform.ts'
import { segmentRow } from '../support/vods.ts'
import { channel, person, reason } from './chat-room.ts'

setDefaultTimeout(30_000)

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

interface Comment {
  id: string
  text: string
  status: string
  author: { username: string; badges: string[] } | null
}
type Page = { items: Comment[]; nextCursor?: string }

async function video(visibility: 'public' | 'private' = 'public') {
  const made = await channel(platform.url)
  const asked = { kind: 'upload' as const, title: 'My video', visibility }
  const { id: vodId } = await platform.vods.create({ ...asked, channelId: made.channelId })
  await platform.vods.finish(vodId)
  return { ...made, vodId }
}

test('commenting, answering, liking, editing and deleting, as a page does it', async () => {
  const { owner, slug, vodId } = await video()
  const fan = await person(platform.url)
  expect(await reason(anybody.mutate('comments.add', { vodId, text: 'hi' }))).toBe('not_signed_in')
  const first = (await fan.caller.mutate('comments.add', { vodId, text: 'lovely\n\nreally' })).data as Comment
  expect(first).toMatchObject({
    ...{ vodId, threadId: null, text: 'lovely\n\nreally', status: 'visible', editedAt: null, replyTo: null },
    ...{ author: { username: fan.username, badges: [] }, likeCount: 0, isLiked: false, replyCount: 0 },
  })
  const answered = await owner.caller.mutate('comments.add', { vodId, text: 'thank you', replyTo: first.id })
  expect(answered.data).toMatchObject({ threadId: first.id, author: { badges: ['owner'] } })
  expect((await owner.caller.mutate('comments.like', { id: first.id })).data).toEqual({
    ...{ likeCount: 1, isLiked: true },
  })
  const edited = (await fan.caller.mutate('comments.edit', { id: first.id, text: 'lovely!' })).data
  expect(edited).toMatchObject({ text: 'lovely!', editedAt: expect.any(String), likeCount: 1 })
  expect((await owner.caller.query('comments.list', { vodId })).data).toMatchObject({
    items: [{ text: 'lovely!', isLiked: true, replyCount: 1 }],
  })
  const replies = (await anybody.query('comments.list', { vodId, threadId: first.id })).data as Page
  expect(replies.items.map(each => each.text)).toEqual(['thank you'])
  expect((await anybody.query('comments.about', { vodId })).data).toEqual({ count: 2, slug, me: null })
  expect((await owner.caller.query('comments.about', { vodId })).data).toMatchObject({
    me: { username: owner.username, isModerator: true, isBanned: false, timedOutUntil: null },
  })
  expect((await owner.caller.mutate('comments.unlike', { id: first.id })).data).toMatchObject({
    likeCount: 0,
  })
  expect((await owner.caller.mutate('comments.delete', { id: first.id })).data).toEqual({})
  const shown = (await anybody.query('comments.list', { vodId, order: 'liked' })).data as Page
  expect(shown.items).toMatchObject([{ status: 'removed', author: null, text: '' }])
  expect(await reason(fan.caller.mutate('comments.add', { vodId, text: ' \u200b ' }))).toBe('chat_text_empty')
})

test('what waits is reviewed; a comment’s author is banned by it, and all of theirs is gone', async () => {
  const { owner, slug, vodId } = await video()
  const spammer = await person(platform.url)
  const hold = { slug, links: 'hold' }
  expect(await reason(owner.caller.mutate('chat.updateSettings', hold))).toBeUndefined()
  const held = (await spammer.caller.mutate('comments.add', { vodId, text: 'see example.com' }))
    .data as Comment
  expect(held.status).toBe('held')
  expect(await reason(spammer.caller.query('comments.held', { slug }))).toBe('not_moderator')
  const waiting = (await owner.caller.query('comments.held', { slug, vodId })).data
  expect(waiting).toMatchObject({
    items: [{ reason: 'link', vodTitle: 'My video', comment: { id: held.id, text: 'see example.com' } }],
  })
  const review = { id: held.id, isApproved: true }
  expect(await reason(owner.caller.mutate('comments.review', review))).toBeUndefined()
  const texts = async () =>
    ((await anybody.query('comments.list', { vodId })).data as Page).items.map(each => each.text)
  expect(await texts()).toEqual(['see example.com'])
  const ban = { slug, messageId: held.id, isAddressToo: false }
  expect(await reason(owner.caller.mutate('chat.ban', ban))).toBeUndefined()
  expect(await texts()).toEqual([])
  expect(await reason(spammer.caller.mutate('comments.add', { vodId, text: 'hello?' }))).toBe('chat_banned')
  const log = (await owner.caller.query('chat.log', { slug })).data as { items: { action: string }[] }
  expect(log.items.map(each => each.action)).toEqual(['ban', 'approve', 'hold', 'settings'])
})

test('a private video has no comments for strangers', async () => {
  const { owner, vodId, channelId } = await video('private')
  const stranger = await person(platform.url)
  expect(await reason(anybody.query('comments.list', { vodId }))).toBe('not_signed_in')
  expect(await reason(stranger.caller.query('comments.list', { vodId }))).toBe('playback_forbidden')
  const replay = { vodId, fromMs: 0, toMs: 1_000 }
  expect(await reason(stranger.caller.query('chat.replay', replay))).toBe('playback_forbidden')
  const link = (await owner.caller.mutate('playback.share', { channelId, vodId, name: 'A friend', days: 1 }))
    .data as { token: string }
  const { token } = link
  expect(await reason(anybody.query('comments.list', { vodId, token }))).toBeUndefined()
  const shared = await anybody.query('chat.replay', { ...replay, token })
  expect([shared.status, shared.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect((await owner.caller.query('comments.list', { vodId })).status).toBe(200)
})

test('the chat is replayed in time with the picture; caches may keep what is the same for all', async () => {
  const { owner, slug, channelId } = await channel(platform.url)
  const stream = await platform.services.streams.open(channelId)
  const { id: vodId } = await platform.vods.openRecording({ streamId: stream.id, instanceId: null })
  const startsAtMs = Date.now()
  await new Manifest(opened.database.db).addSegments([
    segmentRow(vodId, 0, { startsAtMs, durationSeconds: 60 }),
  ])
  const said = (await owner.caller.mutate('chat.send', { slug, text: 'good evening' })).data
  await platform.services.streams.end(stream.id)
  await platform.vods.finish(vodId)
  const answer = await anybody.query('chat.replay', { vodId, fromMs: 0, toMs: 60_000, limit: 10 })
  const { sentAt, id } = said as { sentAt: string; id: string }
  expect(answer.data).toMatchObject({
    items: [{ id, text: 'good evening', offsetMs: Date.parse(sentAt) - startsAtMs }],
  })
  expect(answer.headers.get('cache-control')).toBe('public, max-age=20')
  expect((await anybody.query('comments.list', { vodId })).headers.get('cache-control')).toBe('no-store')
  await owner.caller.mutate('chat.delete', { slug, id })
  const later = await anybody.query('chat.replay', { vodId, fromMs: 0, toMs: 60_000 })
  expect(later.data).toEqual({ items: [] })
  const missing = await anybody.query('chat.replay', { vodId: Bun.randomUUIDv7(), fromMs: 0, toMs: 1 })
  expect([missing.error?.data.reason, missing.headers.get('cache-control')]).toEqual([
    ...['vod_not_found', 'no-store'],
  ])
})
