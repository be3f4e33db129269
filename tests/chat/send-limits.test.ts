/** What accounts and addresses may send, moderators too, in all rooms together. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Chatter } from '../../src/chat/chat.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, type TestServices } from '../support/platform.ts'
import { channelWithOwner, chatter, createChat, guest, TestWire } from './chats.ts'

let opened: TestDatabase
let services: TestServices
let chat: ChatService
let now = Date.now()

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  services = createServices(opened.database)
  const rates = { account: { burst: 40, perSecond: 10 }, address: { burst: 120, perSecond: 30 } }
  chat = createChat(opened.database, services, new TestWire().end(), { now: () => now, rates })
}, 30_000)
afterAll(async () => {
  await chat.close()
  await opened[Symbol.asyncDispose]()
})

const elsewhere = () => guest().address

/** How many of `count` were taken, and why the others were not. */
async function flood(count: number, who: (index: number) => Chatter, slugs: readonly string[]) {
  const outcomes = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const room = await chat.open(slugs[index % slugs.length]!)
    const outcome = await room.say(who(index), { text: `number ${index} ${Math.random()}` }).then(
      said => said.outcome,
      error => error.reason as string,
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    room.release()
  }
  return Object.fromEntries(outcomes)
}

test('an owner who floods from many addresses and into many rooms is stopped, and may go on when time has passed', async () => {
  const { owner, slug } = await channelWithOwner(services)
  const second = await services.channels.create(owner.account.id, { slug: `${slug}-b`, title: 'b' })
  const who = () => ({ ...owner, address: elsewhere() })
  expect(await flood(100, who, [slug, second.slug])).toEqual({ sent: 40, rate_limited: 60 })
  now += 1_000
  expect(await flood(20, who, [slug])).toEqual({ sent: 10, rate_limited: 10 })
})

test('many accounts from one address are stopped together; who is elsewhere is not', async () => {
  const { slug } = await channelWithOwner(services)
  const address = elsewhere()
  const people = await Promise.all(Array.from({ length: 50 }, () => chatter(services)))
  const somebody = (index: number) => ({ ...people[index % people.length]!, address })
  expect(await flood(200, somebody, [slug])).toEqual({ sent: 120, rate_limited: 80 })
  expect(await flood(1, () => people[0]!, [slug])).toEqual({ sent: 1 })
})

test('a command counts like a message', async () => {
  const { owner, slug } = await channelWithOwner(services)
  const room = await chat.open(slug)
  const help = () => room.say(owner, { text: '/help' })
  for (let index = 0; index < 40; index++) await help()
  await expect(help()).rejects.toMatchObject({ reason: 'rate_limited', retryAfterSeconds: 1 })
  room.release()
})
