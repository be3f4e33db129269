/** What moderators do is seen on every instance, is right about who may do it, and is logged. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Chatter, Room } from '../../src/chat/chat.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, type TestServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channelWithOwner, chatter, createChat, guest, type Heard, listen, TestWire } from './chats.ts'

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let chats: [ChatService, ChatService]
  let now = Date.now()
  type Somebody = Awaited<ReturnType<typeof chatter>>
  let [owner, moderator, bob]: Somebody[] = []
  let slug: string
  let [here, there]: Room[] = []
  let heard: [Heard, Heard]

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
  /** A channel, its owner, a moderator and Bob; they speak on the first instance, and Bob on the second. */
  beforeEach(async () => {
    ;({ owner, slug } = await channelWithOwner(services))
    ;[moderator, bob] = [await chatter(services), await chatter(services)]
    ;[here, there] = [await chats[0].open(slug), await chats[1].open(slug)]
    heard = [listen(here), listen(there)]
    await chats[0].moderation.setRole(owner.account, slug, moderator.account.username, 'moderator')
  })

  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      error => error.reason,
    )
  const says = (who: Chatter, text: string, room = there!) => reasonOf(room.say(who, { text }))
  const sent = async (who: Chatter, text: string, room = there!) => {
    const said = await room.say(who, { text })
    if (said.outcome !== 'sent') throw new Error(said.outcome)
    return said.message.message
  }
  const both = (texts: readonly string[]) =>
    waitFor(() => heard.every(each => Bun.deepEquals(each.texts, texts)), {
      message: `both to show ${texts}`,
    })
  const command = (text: string, who: Chatter = moderator!) => here!.say(who, { text })
  const history = async () => (await chats[1].history(slug, { limit: 50 })).items.map(item => item.text)
  const logged = async () => {
    const { items } = await chats[1].review.log(owner!.account, slug, { limit: 50 })
    return items.map(({ actor, action, target, reason }) => [actor?.username, action, target?.name, reason])
  }

  test('a deleted message is gone everywhere; its author may delete it, a stranger may not', async () => {
    const [one, two] = [await sent(bob!, 'one'), await sent(bob!, 'two')]
    await sent(moderator!, 'three')
    const alice = await chatter(services)
    const remove = (who: Somebody, id: string) =>
      reasonOf(chats[1].moderation.deleteMessage(who.account, slug, id))
    expect(await remove(alice, one.id)).toBe('not_moderator')
    expect(await remove(bob!, one.id)).toBe('done')
    await command(`/delete ${two.id} not nice`)
    await both(['three'])
    expect(await history()).toEqual(['three'])
    expect(await remove(bob!, one.id)).toBe('message_not_found')
    expect(await remove(bob!, 'no id')).toBe('message_not_found')
    expect(await logged()).toContainEqual([
      moderator!.account.username,
      'delete',
      bob!.account.username,
      'not nice',
    ])
  })

  test('a timeout silences on every instance, hides what was said, and ends by itself', async () => {
    await sent(bob!, 'rude')
    await command(`/timeout ${bob!.account.username} 600 be nice`)
    await both([])
    expect(heard[1].logged.at(-1)).toMatchObject({ type: 'expelled', seconds: 600 })
    expect(heard[1].expulsions).toEqual([])
    await waitFor(() => heard[1].standings.includes(bob!.account.id), { message: 'the standing to change' })
    const refused = await there!.say(bob!, { text: 'me again' }).catch(error => error)
    expect(refused).toMatchObject({ reason: 'chat_timed_out', retryAfterSeconds: 600 })
    expect((await there!.enter(bob!)).timedOutUntil).toBe(new Date(now + 600_000).toISOString())
    now += 601_000
    expect(await says(bob!, 'sorry')).toBe('done')
    await command(`/timeout ${bob!.account.username}`)
    await command(`/untimeout ${bob!.account.username}`)
    await waitFor(async () => (await says(bob!, `thanks ${Math.random()}`)) === 'done', {
      message: 'his voice',
    })
  })

  test('who is banned is out everywhere and does not come in again until it is taken back', async () => {
    await sent(bob!, 'spam')
    await command(`/ban ${bob!.account.username} spam`)
    await both([])
    const out = { accountId: bob!.account.id, reason: expect.any(String) }
    await waitFor(() => heard.every(each => each.expulsions.length === 1), { message: 'him to be out' })
    expect(heard.map(each => each.expulsions)).toEqual([[out], [out]])
    expect(await reasonOf(there!.enter(bob!))).toBe('chat_banned')
    expect(await says(bob!, 'hello')).toBe('chat_banned')
    const { items } = await chats[1].review.bans(moderator!.account, slug, { limit: 10 })
    expect(items).toMatchObject([
      { kind: 'ban', account: { username: bob!.account.username }, reason: 'spam', until: null },
    ])
    await command(`/unban ${bob!.account.username}`)
    await waitFor(async () => (await reasonOf(there!.enter(bob!))) === 'done', { message: 'him to come in' })
    expect(await reasonOf(command(`/unban ${bob!.account.username}`))).toBe('ban_not_found')
    expect((await chats[1].review.bans(moderator!.account, slug, { limit: 10 })).items).toEqual([])
  })

  test('a range of addresses is banned, and a guest by one of their messages', async () => {
    const inside = { ...(await chatter(services)), address: '203.0.113.77' }
    await command('/ban 203.0.113.9/24 bots')
    await waitFor(() => heard[1].expulsions.length === 1, { message: 'the range to be out' })
    expect(heard[1].expulsions).toMatchObject([{ addressRange: '203.0.113.0/24' }])
    expect(await reasonOf(there!.enter(inside))).toBe('chat_banned')
    expect(await reasonOf(there!.enter(guest('203.0.113.78')))).toBe('chat_banned')
    // Moderators are not shut out by those who share their address.
    expect(await reasonOf(there!.enter({ ...moderator!, address: '203.0.113.79' }))).toBe('done')
    expect(await reasonOf(command('/ban 10.0.0.0/8'))).toBe('address_range_invalid')

    await command('/signedin off')
    await waitFor(() => !there!.settings.isSignedInOnly, { message: 'guests to be welcome' })
    const [stranger, other] = [guest('2001:db8:5:6::/64'), guest()]
    const message = await sent(stranger, 'buy this')
    await sent(other, 'hello')
    expect(message.author.username).toMatch(/^guest_[0-9a-f]{6}$/)
    await chats[0].moderation.ban(moderator!.account, slug, { messageId: message.id }, { reason: 'ads' })
    await both(['hello'])
    await waitFor(() => heard[1].expulsions.length === 2, { message: 'the guest to be out' })
    expect(heard[1].expulsions.at(-1)).toMatchObject({ addressRange: '2001:db8:5:6::/64' })
    expect(await says(stranger, 'again')).toBe('chat_banned')
    expect(await says(other, 'still here')).toBe('done')
  })

  test('who is shadow-banned hears themselves alone, and moderators know', async () => {
    await command(`/shadowban ${bob!.account.username} spam`)
    await waitFor(
      async () => (await there!.say(bob!, { text: `hi ${Math.random()}` })).outcome === 'hidden',
      { message: 'him to be hidden' },
    )
    await sent(moderator!, 'quiet today')
    await both(['quiet today'])
    expect(await history()).toEqual(['quiet today'])
    expect(await reasonOf(there!.enter(bob!))).toBe('done')
    await command(`/unshadowban ${bob!.account.username}`)
    await waitFor(async () => (await there!.say(bob!, { text: `${Math.random()}` })).outcome === 'sent', {
      message: 'him to be heard',
    })
  })

  test('who is shadow-banned finds their own where they said it, may answer and delete it, and no others can', async () => {
    await sent(bob!, 'before')
    await sent(moderator!, 'meanwhile')
    await command(`/shadowban ${bob!.account.username} spam`)
    await waitFor(async () => (await there!.enter(bob!)) && heard[1].standings.length > 1, {
      message: 'the standing to have changed',
    })
    const hidden = await there!.say(bob!, { text: 'buy this' })
    if (hidden.outcome !== 'hidden') throw new Error(hidden.outcome)
    const { id } = hidden.message
    now += 1_000
    await sent(moderator!, 'later')
    now += 1_000
    const answer = await there!.say(bob!, { text: 'so cheap', replyTo: id })
    expect(answer).toMatchObject({ outcome: 'hidden', message: { replyTo: { id, text: 'buy this' } } })
    const seen = async (reader: Chatter, page: { limit: number; cursor?: string | undefined }) => {
      const { items, nextCursor } = await chats[0].history(slug, page, reader)
      return { texts: items.map(item => item.text), nextCursor }
    }
    const everybody = ['later', 'meanwhile', 'before']
    const own = ['so cheap', 'later', 'buy this', 'meanwhile', 'before']
    expect((await seen(bob!, { limit: 50 })).texts).toEqual(own)
    const first = await seen(bob!, { limit: 1 })
    const second = await seen(bob!, { limit: 1, cursor: first.nextCursor })
    const third = await seen(bob!, { limit: 1, cursor: second.nextCursor })
    expect([first.texts, second.texts, third.texts]).toEqual([
      ['so cheap', 'later'],
      ['buy this', 'meanwhile'],
      ['before'],
    ])
    for (const who of [moderator!, guest(), await chatter(services)])
      expect((await seen(who, { limit: 50 })).texts).toEqual(everybody)
    expect(await reasonOf(there!.say(moderator!, { text: 'what?', replyTo: id }))).toBe('message_not_found')
    for (const each of heard) expect(each.hidden).toEqual(['buy this', 'so cheap'])
    expect(await reasonOf(chats[1].moderation.deleteMessage(bob!.account, slug, id))).toBe('done')
    expect((await seen(bob!, { limit: 50 })).texts).toEqual(own.filter(text => text !== 'buy this'))
    await command(`/unshadowban ${bob!.account.username}`)
    await waitFor(
      async () => !(await there!.say(bob!, { text: `${Math.random()}` })).outcome.match('hidden'),
      {
        message: 'him to be heard',
      },
    )
    expect((await seen(bob!, { limit: 50 })).texts).toContain('so cheap')
    await command('/clear')
    expect((await seen(bob!, { limit: 50 })).texts).toEqual([])
  })

  test('a cleared chat is empty for all, for who comes later, and in the history', async () => {
    await sent(bob!, 'one')
    await sent(moderator!, 'two')
    await command('/clear')
    await both([])
    await sent(bob!, 'three')
    await both(['three'])
    expect(await history()).toEqual(['three'])
    const missed = await there!.read(0, 100)
    expect(missed.events.map(event => event.type)).toEqual(['cleared', 'message'])
    const late = createChat(opened.database, services, new TestWire().end())
    expect(await (await late.open(slug)).read(0, 100)).toEqual(missed)
    await late.close()
  })

  test('nobody acts on the owner, moderators not on each other, and only the owner grants roles', async () => {
    const second = await chatter(services)
    await command(`/mod ${second.account.username}`, owner!)
    const names = { owner: owner!.account.username, second: second.account.username }
    expect(await reasonOf(command(`/ban ${names.owner}`))).toBe('target_protected')
    expect(await reasonOf(command(`/timeout ${names.second}`))).toBe('target_protected')
    expect(await reasonOf(command(`/mod ${bob!.account.username}`))).toBe('not_owner')
    expect(await reasonOf(command(`/ban ${names.second}`, bob!))).toBe('not_moderator')
    expect(await reasonOf(command(`/mod ${names.owner}`, owner!))).toBe('is_owner')
    expect(await reasonOf(command(`/unvip ${names.second}`, owner!))).toBe('role_not_found')
    expect(await reasonOf(command('/ban nobody_at_all'))).toBe('account_not_found')
    expect(await reasonOf(command('/fly'))).toBe('chat_command_unknown')
    await command(`/unmod ${names.second}`, owner!)
    await command(`/ban ${names.second}`)
    await command(`/vip ${bob!.account.username}`, owner!)
    await waitFor(async () => (await there!.enter(bob!)).badges[0] === 'vip', { message: 'his badge' })
    expect((await chats[0].review.roles(owner!.account, slug)).map(each => each.role).sort()).toEqual([
      'moderator',
      'vip',
    ])
    expect(await reasonOf(chats[0].review.log(bob!.account, slug, { limit: 5 }))).toBe('not_moderator')
  })

  test('held messages wait for a moderator, who shows or drops them; the log says who and why', async () => {
    const { moderation, review } = chats[0]
    await moderation.updateSettings(owner!.account, slug, { isFirstMessageHeld: true })
    await waitFor(async () => (await there!.say(bob!, { text: 'first' })).outcome === 'held', {
      message: 'it to be held',
    }).catch(() => {})
    await there!.say(bob!, { text: 'second' })
    await waitFor(() => heard[0].moderation.length === 2, { message: 'moderators to be told' })
    const held = await review.held(moderator!.account, slug, { limit: 1 })
    expect(held.items).toMatchObject([{ message: { text: 'first' }, reason: 'first_message' }])
    const rest = await review.held(moderator!.account, slug, { limit: 1, cursor: held.nextCursor })
    expect(rest.items).toMatchObject([{ message: { text: 'second' } }])
    expect(rest.nextCursor).toBeUndefined()
    await review.reject(moderator!.account, slug, rest.items[0]!.message.id, 'rude')
    await command(`/approve ${held.items[0]!.message.id}`)
    await both(['first'])
    expect(await reasonOf(command(`/approve ${held.items[0]!.message.id}`))).toBe('message_not_held')
    expect(heard[1].moderation.slice(2)).toMatchObject([{ isApproved: false }, { isApproved: true }])
    expect(heard[1].logged).toEqual(heard[0].logged)
    // Who was shown once is known.
    await waitFor(async () => (await there!.say(bob!, { text: `${Math.random()}` })).outcome === 'sent', {
      message: 'him to be known',
    })
    const entries = await logged()
    expect(entries).toContainEqual([moderator!.account.username, 'reject', bob!.account.username, 'rude'])
    expect(entries).toContainEqual([undefined, 'hold', bob!.account.username, 'first_message'])
    expect(entries.map(entry => entry[1])).toEqual([
      ...['approve', 'reject', 'hold', 'hold'],
      ...['settings', 'grant'],
    ])
    const page = await review.log(owner!.account, slug, { limit: 4 })
    const next = await review.log(owner!.account, slug, { limit: 4, cursor: page.nextCursor })
    expect([...page.items, ...next.items].map(entry => entry.action)).toEqual(
      entries.map(entry => entry[1] as never),
    )
  })
})
