/** Two instances on one database agree on one order, each event once, whatever happens to the bus between them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { LoggedEvent } from '../../src/chat/events.ts'
import { ChatRepository } from '../../src/chat/repository.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, type TestServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channelWithOwner, chatter, createChat, listen, TestWire } from './chats.ts'

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let wire: TestWire
  let chats: [ChatService, ChatService]

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database)
    wire = new TestWire()
    chats = [
      createChat(opened.database, services, wire.end()),
      createChat(opened.database, services, wire.end()),
    ]
  }, 60_000)
  afterAll(async () => {
    await Promise.all(chats.map(chat => chat.close()))
    await opened[Symbol.asyncDispose]()
  })

  const roomsOf = async (slug: string) => [await chats[0].open(slug), await chats[1].open(slug)] as const
  const seqs = (events: readonly LoggedEvent[]) => events.map(event => event.seq)
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

  test('hundreds of messages at once from both come in one order to all, each once, without a gap', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const rooms = await roomsOf(slug)
    const heard = rooms.map(listen)
    const texts = upTo(400).map(n => `message ${n}`)
    let lost = 0
    // Every tenth text on the wire is lost: the database mends it.
    wire.loses = () => ++lost % 10 === 0
    const said = await Promise.all(
      texts.map(async (text, index) => {
        await Bun.sleep(Math.random() * 300)
        return rooms[index % 2]!.say(owner, { text })
      }),
    )
    wire.loses = () => false
    await chats[0].moderation.clear(owner.account, slug)
    await chats[1].moderation.clear(owner.account, slug)
    await waitFor(() => heard.every(({ logged }) => logged.length === 402), { message: 'all to hear all' })
    expect(seqs(heard[0]!.logged)).toEqual(upTo(402))
    expect(heard[1]!.logged).toEqual(heard[0]!.logged)
    // What the sender was answered is what all were told.
    const places = said.map(each => each.outcome === 'sent' && each.message.seq).sort((a, b) => +a - +b)
    expect(places).toEqual(upTo(400))
    // In groups, not one by one.
    expect(heard[0]!.batches.length).toBeLessThan(400)
  }, 30_000)

  test('the bus away and back: nothing is lost, nothing comes twice, and the listeners are told', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const rooms = await roomsOf(slug)
    const heard = rooms.map(listen)
    await rooms[0].say(owner, { text: 'before' })
    wire.cut(true)
    await rooms[0].say(owner, { text: 'while away, from the first' })
    await rooms[1].say(owner, { text: 'while away, from the second' })
    await waitFor(() => heard.every(({ texts }) => texts.length === 3), {
      message: 'the database to be read',
    })
    await rooms[0].say(owner, { text: 'just before the return' })
    const late = listen(rooms[1])
    await waitFor(() => late.events.some(event => event.type === 'notice'), {
      message: 'who comes to be told',
    })
    wire.cut(false)
    await rooms[1].say(owner, { text: 'after' })
    await waitFor(() => heard.every(({ texts }) => texts.length === 5), { message: 'all to hear all' })
    expect(seqs(heard[0]!.logged)).toEqual(upTo(5))
    expect(heard[1]!.logged).toEqual(heard[0]!.logged)
    const notices = () =>
      heard.map(({ events }) => events.flatMap(event => (event.type === 'notice' ? [event.code] : [])))
    const told = ['degraded', 'restored']
    await waitFor(() => Bun.deepEquals(notices(), [told, told]), { message: 'both notices everywhere' })
  }, 20_000)

  test('a ban is known to the other instance even while the bus is away', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const bob = await chatter(services)
    const rooms = await roomsOf(slug)
    const heard = rooms.map(listen)
    await rooms[1].say(bob, { text: 'hello' })
    wire.cut(true)
    await chats[0].moderation.ban(owner.account, slug, { username: bob.account.username })
    await chats[0].moderation.ban(owner.account, slug, { addressRange: '203.0.113.0/24' })
    const ranges = () => heard[1]!.expulsions.map(each => each.addressRange ?? each.accountId)
    await waitFor(() => new Set(ranges()).size === 2, { message: 'both bans' })
    expect(new Set(ranges())).toEqual(new Set([bob.account.id, '203.0.113.0/24']))
    await expect(rooms[1].say(bob, { text: 'still here' })).rejects.toMatchObject({ reason: 'chat_banned' })
    wire.cut(false)
  }, 20_000)

  test('who comes back reads what was missed, without what was deleted meanwhile', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const [room] = await roomsOf(slug)
    const ids: string[] = []
    for (const n of upTo(6)) {
      const said = await room.say(owner, { text: `number ${n}` })
      if (said.outcome === 'sent') ids.push(said.message.message.id)
    }
    await chats[0].moderation.deleteMessage(owner.account, slug, ids[3]!)
    const fromMemory = await room.read(2, 100)
    expect(seqs(fromMemory.events)).toEqual([3, 5, 6, 7])
    expect(fromMemory.events.at(-1)).toEqual({ seq: 7, type: 'deleted', id: ids[3]! })
    // An instance that was started later says the same.
    const late = createChat(opened.database, services, wire.end())
    expect(await (await late.open(slug)).read(2, 100)).toEqual(fromMemory)
    expect(await (await late.open(slug)).read(0, 2)).toMatchObject({
      isGap: true,
      events: [{ seq: 6 }, { seq: 7 }],
    })
    await late.close()
  })

  test('history goes back page by page, each message once, while people speak', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const [room] = await roomsOf(slug)
    for (const n of upTo(7)) await room.say(owner, { text: `number ${n}` })
    const first = await chats[1].history(slug, { limit: 3 })
    expect(first.items.map(item => item.text)).toEqual(['number 7', 'number 6', 'number 5'])
    expect(first.seq).toBe(7)
    await room.say(owner, { text: 'meanwhile' })
    const second = await chats[1].history(slug, { limit: 3, cursor: first.nextCursor })
    expect(second.items.map(item => item.text)).toEqual(['number 4', 'number 3', 'number 2'])
    const third = await chats[1].history(slug, { limit: 3, cursor: second.nextCursor })
    expect(third.items.map(item => item.text)).toEqual(['number 1'])
    expect(third.nextCursor).toBeUndefined()
    await expect(chats[1].history(slug, { limit: 3, cursor: 'x' })).rejects.toMatchObject({
      reason: 'cursor_invalid',
    })
  })

  test('when the database is slow, so many wait and no more', async () => {
    const { owner, slug } = await channelWithOwner(services)
    const gate = Promise.withResolvers<void>()
    class Slow extends ChatRepository {
      override async append(...args: Parameters<ChatRepository['append']>) {
        await gate.promise
        return super.append(...args)
      }
    }
    const slow = createChat(opened.database, services, wire.end(), {
      repository: new Slow(opened.database.db),
    })
    const room = await slow.open(slug)
    const outcomes = upTo(1_500).map(n =>
      room.say(owner, { text: `number ${n}` }).then(
        () => 'sent',
        error => error.reason,
      ),
    )
    const busy = outcomes.map(async each => (await each) === 'busy' || Promise.reject(new Error('not yet')))
    expect(await Promise.any(busy)).toBe(true)
    gate.resolve()
    const all = await Promise.all(outcomes)
    expect(all.filter(each => each === 'busy').length).toBeGreaterThan(0)
    expect(all.filter(each => each === 'sent').length).toBe(room.seq)
    await slow.close()
  }, 30_000)
})
