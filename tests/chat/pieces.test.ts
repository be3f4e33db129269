/** The pieces on which the rest relies: delivery by place, ranges of addresses, and a path to the crowd without queries. */
import { expect, test } from 'bun:test'
import { AddressRanges, rangeOf } from '../../src/chat/address-ranges.ts'
import { Delivery } from '../../src/chat/delivery.ts'
import type { LoggedEvent } from '../../src/chat/events.ts'
import { MembersRepository } from '../../src/chat/members-repository.ts'
import { Recent } from '../../src/chat/recent.ts'
import { Standings } from '../../src/chat/standings.ts'
import { openTestDatabase } from '../support/database.ts'
import { createServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channelWithOwner, chatter, createChat, TestWire } from './chats.ts'

const event = (seq: number): LoggedEvent => ({ seq, type: 'deleted', id: String(seq) })
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('however events come, and though reading fails at first, they are told in order, each once', async () => {
  for (let round = 0; round < 15; round++) {
    const told: number[] = []
    let failures = 0
    const delivery = new Delivery({
      seq: 0,
      read: async after => {
        if (round === 0 && failures++ === 0) throw new Error('the database is away')
        const events = upTo(100)
          .filter(seq => seq > after)
          .slice(0, 30)
          .map(event)
        return { events, through: events.at(-1)?.seq ?? 100 }
      },
      tell: events => told.push(...events.map(({ seq }) => seq)),
      onError: () => {},
    })
    // Some are lost, some come twice, all in disorder; the last one comes.
    const coming = upTo(99)
      .filter(() => Math.random() < 0.8)
      .flatMap(seq => (Math.random() < 0.2 ? [seq, seq] : [seq]))
      .sort(() => Math.random() - 0.5)
    for (const seq of [...coming, 100]) delivery.accept([event(seq)])
    await waitFor(() => delivery.seq === 100, { message: 'all to be told', intervalMs: 5 })
    expect(told).toEqual(upTo(100))
    delivery.close()
  }
}, 20_000)

test('places whose messages are gone from the database hold nothing up', async () => {
  const told: number[] = []
  const delivery = new Delivery({
    seq: 0,
    read: async () => ({ events: [event(2)], through: 5 }),
    tell: events => told.push(...events.map(({ seq }) => seq)),
    onError: () => {},
  })
  await delivery.catchUp(5)
  delivery.accept([event(5), event(6)])
  expect(told).toEqual([2, 6])
  delivery.close()
})

test('the last events are remembered, and those before are not guessed', () => {
  const recent = new Recent(0)
  recent.add(upTo(2_000).map(event))
  expect(recent.after(1_990, 100, 0)?.events.map(({ seq }) => seq)).toEqual(upTo(2_000).slice(1_990))
  expect(recent.after(1_990, 3, 0)).toEqual({ events: [1_998, 1_999, 2_000].map(event), isGap: true })
  expect(recent.after(10, 100, 0)).toBeUndefined()
  expect(recent.after(2_000, 100, 0)).toEqual({ events: [], isGap: false })
})

test.each([
  ['192.0.2.77', '192.0.2.77/32'],
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['192.0.255.255/17', '192.0.128.0/17'],
  ['2001:DB8:0:1::5', '2001:db8:0:1::/64'],
  ['2001:db8::/33', '2001:db8::/33'],
  ['2001:db8:ffff:ffff::1/47', '2001:db8:fffe::/47'],
  ['::1/128', '::1/128'],
])('the range %s is spelled %s', (typed, spelled) => {
  expect(rangeOf(typed)).toBe(spelled)
  expect(rangeOf(spelled)).toBe(spelled)
})

test.each([
  '',
  '192.0.2',
  '192.0.2.0/33',
  '10.0.0.0/8',
  '::/0',
  '::1/129',
  '1.2.3.4/24/1',
  '1.2.3.4/x',
  'bob',
])('the range %j is refused', typed => {
  expect(() => rangeOf(typed)).toThrow(expect.objectContaining({ reason: 'address_range_invalid' }))
})

test('an address is found in the ranges that hold it', () => {
  const range = (addressRange: string) => ({ kind: 'ban', addressRange, until: null }) as const
  const ranges = new AddressRanges([range('192.0.2.0/24'), range('192.0.0.0/16'), range('2001:db8::/48')])
  const found = (address: string) => ranges.find(address).map(each => each.addressRange)
  expect(found('192.0.2.1')).toEqual(['192.0.2.0/24', '192.0.0.0/16'])
  expect(found('192.0.3.1')).toEqual(['192.0.0.0/16'])
  expect(found('2001:db8:0:7::/64')).toEqual(['2001:db8::/48'])
  expect(found('2001:db8:1::/64')).toEqual([])
  expect(found('unknown')).toEqual([])
})

test('a crowd that comes at once and speaks costs a few queries, and who is known costs none', async () => {
  await using opened = await openTestDatabase('pglite')
  const services = createServices(opened.database)
  const { owner, channel, slug } = await channelWithOwner(services)
  let reads = 0
  class Counting extends MembersRepository {
    override findMembers(...args: Parameters<MembersRepository['findMembers']>) {
      reads++
      return super.findMembers(...args)
    }
  }
  const standings = new Standings({
    ...{ channelId: channel.id, ownerId: owner.account.id, guestKey: 'key', now: Date.now },
    members: new Counting(opened.database.db),
    maxAgeMs: () => 60_000,
  })
  const people = Array.from({ length: 5_000 }, () => ({
    account: { id: crypto.randomUUID(), username: 'somebody' },
    address: '192.0.2.1',
  }))
  await Promise.all(people.map(person => standings.of(person)))
  const afterArrival = reads
  await Promise.all(people.map(person => standings.of(person)))
  expect(afterArrival).toBeLessThanOrEqual(10)
  expect(reads).toBe(afterArrival)

  const chat = createChat(opened.database, services, new TestWire().end())
  const room = await chat.open(slug)
  const bob = await chatter(services)
  await room.say(bob, { text: 'known from now on' })
  let statements = 0
  const { db } = opened.database
  const execute = db.execute.bind(db)
  const count = (query: never) => {
    statements++
    return execute(query)
  }
  Object.assign(db, { execute: count, select: forbidden })
  await Promise.all(upTo(4).map(n => room.say(bob, { text: `number ${n}` })))
  // What came while the first was stored went together.
  expect(statements).toBeLessThanOrEqual(2)
  await chat.close()
}, 30_000)

function forbidden(): never {
  throw new Error('a query that the path of a message must not make')
}
