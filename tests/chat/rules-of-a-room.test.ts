/** What a room asks of who speaks there, on both databases and from two instances. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { ChatRepository } from '../../src/chat/repository.ts'
import { Retention } from '../../src/chat/retention.ts'
import { RetentionRepository } from '../../src/chat/retention-repository.ts'
import type { ChatService } from '../../src/chat/service.ts'
import type { SettingsChanges } from '../../src/chat/settings.ts'
import { follows } from '../../src/db/schema.ts'
import { createLog } from '../../src/log.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, type TestServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channelWithOwner, chatter, createChat, guest, listen, TestWire } from './chats.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let chats: [ChatService, ChatService]
  let now = Date.now()

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database)
    const wire = new TestWire()
    const create = () => createChat(opened.database, services, wire.end(), { now: () => now })
    chats = [create(), create()]
  }, 60_000)
  afterAll(async () => {
    await Promise.all(chats.map(chat => chat.close()))
    await opened[Symbol.asyncDispose]()
  })

  /** A room whose settings both instances know. */
  async function room(settings: SettingsChanges) {
    const { owner, slug, channel } = await channelWithOwner(services)
    const rooms = [await chats[0].open(slug), await chats[1].open(slug)] as const
    await chats[0].moderation.updateSettings(owner.account, slug, settings)
    const known = (each: (typeof rooms)[number]) => Bun.deepEquals(each.allSettings, rooms[0].allSettings)
    await waitFor(() => rooms.every(known), { message: 'both to know the settings' })
    const says = (who: Parameters<(typeof rooms)[0]['say']>[0], text: string, index = 0) =>
      rooms[index]!.say(who, { text }).then(
        said => said.outcome as string,
        error => error.reason as string,
      )
    return { owner, slug, channel, rooms, says }
  }

  test('slow mode holds for a person wherever they speak; owners and VIPs are not slowed down', async () => {
    const { owner, slug, says } = await room({ slowModeSeconds: 30 })
    const bob = await chatter(services)
    expect(await Promise.all(['a', 'b', 'c'].map(text => says(bob, text)))).toEqual([
      'sent',
      'chat_slow_mode',
      'chat_slow_mode',
    ])
    expect(await says(bob, 'on the other', 1)).toBe('chat_slow_mode')
    now += 31_000
    // What slow mode refused is no duplicate.
    expect(await says(bob, 'on the other', 1)).toBe('sent')
    expect(await says(bob, 'back', 0)).toBe('chat_slow_mode')
    expect([await says(owner, 'one'), await says(owner, 'two')]).toEqual(['sent', 'sent'])
    await chats[0].moderation.setRole(owner.account, slug, bob.account.username, 'vip')
    expect(await says(bob, 'as a vip')).toBe('sent')
  })

  test('only who is signed in, only who has followed long enough', async () => {
    const { owner, channel, rooms, says } = await room({ followersOnlyMinutes: 10 })
    const bob = await chatter(services)
    expect(await says(guest(), 'hello')).toBe('chat_signed_in_only')
    expect((await rooms[0].enter(guest())).username).toStartWith('guest_')
    expect(await says(bob, 'hello')).toBe('chat_followers_only')
    await opened.database.db
      .insert(follows)
      .values({ accountId: bob.account.id, channelId: channel.id, followedAt: new Date(now) })
    await chats[1].standingChanged(channel.slug, bob.account.id)
    now += 61_000
    expect(await says(bob, 'too early')).toBe('chat_followers_only')
    now += 10 * 60_000
    expect(await says(bob, 'now')).toBe('sent')
    expect(await says(owner, 'my own chat')).toBe('sent')
  })

  test('blocked words, links, floods and duplicates', async () => {
    const { owner, slug, says } = await room({ blockedWords: ['badword*'], links: 'refuse' })
    const bob = await chatter(services)
    expect(await says(bob, 'what a b4dw0rd')).toBe('chat_word_refused')
    expect(await says(bob, 'see example.com')).toBe('chat_link_refused')
    expect(await says(owner, 'see example.com, b4dword')).toBe('sent')
    expect([await says(bob, 'the same'), await says(bob, 'the same')]).toEqual(['sent', 'chat_duplicate'])
    now += 60_000
    const flood = await Promise.all(Array.from({ length: 12 }, (_, n) => says(bob, `number ${n}`)))
    expect(flood).toContain('chat_flood')
    await chats[0].moderation.updateSettings(owner.account, slug, { links: 'hold', wordAction: 'hold' })
    now += 60_000
    expect([await says(bob, 'see example.org'), await says(bob, 'badwords')]).toEqual(['held', 'held'])
    const { items } = await chats[0].review.held(owner.account, slug, { limit: 10 })
    expect(items.map(item => item.reason)).toEqual(['link', 'word'])
    const wrong = chats[0].moderation.updateSettings(owner.account, slug, { slowModeSeconds: -1 })
    await expect(wrong).rejects.toMatchObject({ reason: 'chat_settings_invalid' })
  })

  test('replies and mentions say whom they mean, now and when they are read again', async () => {
    const { owner, slug, rooms } = await room({})
    const bob = await chatter(services)
    const heard = listen(rooms[1])
    const first = await rooms[0].say(bob, { text: 'a question' })
    if (first.outcome !== 'sent') throw new Error(first.outcome)
    const { id } = first.message.message
    const text = `@${bob.account.username} and @nobody_here, an answer`
    await rooms[0].say(owner, { text, replyTo: id })
    const answer = {
      ...{ text, author: { username: owner.account.username, badges: ['owner'] } },
      ...{ mentions: [bob.account.username] },
      replyTo: { id, username: bob.account.username, text: 'a question' },
    }
    await waitFor(() => heard.logged.length === 2, { message: 'the answer' })
    expect(heard.logged[1]).toMatchObject({ message: answer })
    const late = createChat(opened.database, services, new TestWire().end())
    expect((await late.history(slug, { limit: 1 })).items).toMatchObject([answer])
    await chats[0].moderation.deleteMessage(bob.account, slug, id)
    expect((await chats[0].history(slug, { limit: 1 })).items).toMatchObject([{ text, replyTo: null }])
    const toDeleted = rooms[0].say(bob, { text: 'to nothing', replyTo: id })
    await expect(toDeleted).rejects.toMatchObject({ reason: 'message_not_found' })
    await late.close()
  })

  test('messages carry the stream they were said in, and go when their time is over', async () => {
    const { owner, slug, channel, rooms } = await room({ retentionDays: 7 })
    const kept = await room({ retentionDays: null })
    await kept.says(kept.owner, 'for ever')
    const old = await rooms[0].say(owner, { text: 'old' })
    if (old.outcome !== 'sent') throw new Error(old.outcome)
    const { id } = old.message.message
    await rooms[0].say(owner, { text: 'answer', replyTo: id })
    now += 8 * DAY_MS
    const stream = await services.streams.open(channel.id)
    const last = await rooms[0].say(owner, { text: 'new' })
    if (last.outcome !== 'sent') throw new Error(last.outcome)
    const stored = await new ChatRepository(opened.database.db).findMessage(
      channel.id,
      last.message.message.id,
    )
    expect(stored?.streamId).toBe(stream.id)
    const repository = new RetentionRepository(opened.database.db)
    await using _retention = new Retention({ repository, now: () => now, log: createLog('silent') })
    const isGone = async () => !(await new ChatRepository(opened.database.db).findMessage(channel.id, id))
    await waitFor(isGone, { message: 'what is old to be deleted at the start' })
    const late = createChat(opened.database, services, new TestWire().end())
    const texts = async (of: string) => (await late.history(of, { limit: 10 })).items.map(item => item.text)
    expect([await texts(slug), await texts(kept.slug)]).toEqual([['new'], ['for ever']])
    await late.close()
  })
  test('a room that is open shows nothing that is kept no longer, before it is deleted and after', async () => {
    const { owner, slug, rooms, says } = await room({ retentionDays: 7 })
    const old = await rooms[0].say(owner, { text: 'old' })
    if (old.outcome !== 'sent') throw new Error(old.outcome)
    const { id } = old.message.message
    now += 4 * DAY_MS
    await rooms[0].say(owner, { text: 'an answer to it', replyTo: id })
    await waitFor(() => rooms[1].seq === rooms[0].seq, { message: 'the other to have heard it' })
    const shown = async (chat: ChatService) =>
      (await chat.history(slug, { limit: 10 })).items.map(item => [item.text, item.replyTo?.text])
    now += 4 * DAY_MS
    const fresh = createChat(opened.database, services, new TestWire().end(), { now: () => now })
    const answer = ['an answer to it', undefined]
    for (const chat of chats) expect(await shown(chat)).toEqual([answer] as never)
    expect((await shown(fresh)).map(([text]) => text)).toEqual(['an answer to it'])
    const page = await chats[0].history(slug, { limit: 10, cursor: String(rooms[0].seq + 1) })
    expect(page.items.map(item => item.text)).toEqual(['an answer to it'])
    for (const each of rooms)
      expect((await each.read(0, 10)).events).toMatchObject([{ message: { text: 'an answer to it' } }])
    await expect(rooms[1].say(owner, { text: 'late', replyTo: id })).rejects.toMatchObject({
      reason: 'message_not_found',
    })
    expect(await says(owner, 'new')).toBe('sent')
    await fresh.close()
  })
})
