/** What moderators do in a chat, by tRPC over HTTP. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channel, listen, type Message, type Page, person, reason } from './chat-room.ts'

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

test('a banned account is out of the stream at once, and its messages are gone', async () => {
  const { owner, slug } = await channel(platform.url)
  const spammer = await person(platform.url)
  using theirs = listen(platform.url, slug, { authorization: `Bearer ${spammer.accessToken}` })
  using others = listen(platform.url, slug)
  await Promise.all([theirs.isReady(), others.isReady()])
  const { data } = await spammer.caller.mutate('chat.send', { slug, text: 'buy my stuff' })
  await others.hears('buy my stuff')
  const messageId = (data as Message).id
  expect(await reason(spammer.caller.mutate('chat.ban', { slug, username: owner.username }))).toBe(
    'not_moderator',
  )
  const banned = await owner.caller.mutate('chat.ban', { slug, messageId, reason: 'spam' })
  expect(banned.data).toEqual({})
  await waitFor(() => theirs.errors.length > 0, { message: 'the banned to be put out' })
  expect(String(theirs.errors[0])).toContain('banned')
  await waitFor(() => others.events.some(({ data }) => data.type === 'expelled'), {
    message: 'the others to hear it',
  })
  expect(((await anybody.query('chat.history', { slug })).data as Page).items).toEqual([])
  expect(await reason(spammer.caller.mutate('chat.send', { slug, text: 'hi' }))).toBe('chat_banned')
  const bans = (await owner.caller.query('chat.bans', { slug })).data as { items: unknown[] }
  expect(bans.items).toMatchObject([{ kind: 'ban', account: { username: spammer.username }, reason: 'spam' }])
  await owner.caller.mutate('chat.unban', { slug, username: spammer.username })
  expect((await spammer.caller.mutate('chat.send', { slug, text: 'sorry' })).status).toBe(200)
  const log = (await owner.caller.query('chat.log', { slug })).data as { items: { action: string }[] }
  expect(log.items.map(each => each.action)).toEqual(['unban', 'ban'])
  expect(await reason(spammer.caller.query('chat.log', { slug }))).toBe('not_moderator')
})

test('moderators delete, silence, review and clear; commands do the same', async () => {
  const { owner, slug } = await channel(platform.url)
  const [moderator, fan] = [await person(platform.url), await person(platform.url)]
  const say = async (who: typeof fan, text: string) =>
    (await who.caller.mutate('chat.send', { slug, text })).data
  const grant = { slug, username: moderator.username, role: 'moderator' }
  expect(await reason(fan.caller.mutate('chat.roles.set', grant))).toBe('not_owner')
  expect((await owner.caller.mutate('chat.roles.set', grant)).status).toBe(200)
  expect((await moderator.caller.query('chat.roles.list', { slug })).data).toMatchObject({
    items: [{ account: { username: moderator.username }, role: 'moderator' }],
  })
  const first = (await say(fan, 'first')) as Message
  const visible = async () =>
    ((await anybody.query('chat.history', { slug })).data as Page).items.map(m => m.text)
  await moderator.caller.mutate('chat.delete', { slug, id: first.id })
  expect(await visible()).toEqual([])
  await moderator.caller.mutate('chat.updateSettings', { slug, blockedWords: ['darn*'], wordAction: 'hold' })
  expect(await say(fan, 'd4rned weather')).toEqual({ outcome: 'held', notice: expect.any(String) } as never)
  const held = (await moderator.caller.query('chat.held.list', { slug })).data as {
    items: { message: Message }[]
  }
  expect(held.items).toMatchObject([{ reason: 'word', message: { text: 'd4rned weather' } }] as never)
  await moderator.caller.mutate('chat.held.approve', { slug, id: held.items[0]!.message.id })
  expect(await visible()).toEqual(['d4rned weather'])
  expect(await say(moderator, `/timeout ${fan.username} 600 spam`)).toMatchObject({ outcome: 'done' })
  expect(await reason(fan.caller.mutate('chat.send', { slug, text: 'why?' }))).toBe('chat_timed_out')
  expect(await reason(fan.caller.mutate('chat.send', { slug, text: '/clear' }))).toBeOneOf([
    'chat_timed_out',
    'not_moderator',
  ])
  await say(owner, 'hello')
  await moderator.caller.mutate('chat.clear', { slug })
  expect(await visible()).toEqual([])
  expect(await reason(owner.caller.mutate('chat.timeout', { slug, seconds: 60 }))).toBe('target_invalid')
})

test('followers are let speak where only they may, as soon as they follow', async () => {
  const { owner, slug, channelId } = await channel(platform.url)
  const fan = await person(platform.url)
  await owner.caller.mutate('chat.updateSettings', { slug, followersOnlyMinutes: 0 })
  const say = (text: string) => reason(fan.caller.mutate('chat.send', { slug, text }))
  expect(await say('hi')).toBe('chat_followers_only')
  expect((await fan.caller.mutate('channels.follow', { channelId })).data).toMatchObject({
    followerCount: 1,
    isFollowing: true,
  })
  expect(await say('hi again')).toBeUndefined()
  expect((await anybody.query('channels.get', { slug })).data).toMatchObject({
    followerCount: 1,
    isFollowing: false,
  })
  expect((await fan.caller.query('channels.get', { slug })).data).toMatchObject({ isFollowing: true })
  await fan.caller.mutate('channels.unfollow', { channelId })
  expect(await say('still here')).toBe('chat_followers_only')
  expect((await anybody.mutate('channels.follow', { channelId })).status).toBe(401)
})
