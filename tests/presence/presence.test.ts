/** Who is there: people counted once, by one process and by several on one Redis. */
import { afterEach, expect, test } from 'bun:test'
import { createLog } from '../../src/log.ts'
import { Presence, type PresenceChange } from '../../src/presence/presence.ts'
import { RedisPresenceStore } from '../../src/presence/redis-store.ts'
import { RedisConnection } from '../../src/redis/connection.ts'
import { startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const ROOM = 'channel-1'
const opened: Presence[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(each => each.close()))
})

/** A process, and who watches the room's stream there. */
async function openProcess(url?: string, tickMs = 50) {
  const watching = new Set<string>()
  const presence = await Presence.open({
    audiences: () => (watching.size > 0 ? [{ channelId: ROOM, viewerKeys: watching }] : []),
    store: url === undefined ? undefined : new RedisPresenceStore(await RedisConnection.open({ url, log })),
    log,
    tickMs,
    freshMs: 0,
  })
  opened.push(presence)
  const arrive = (username: string, viewerKey = `key of ${username}`, isGuest = false) =>
    presence.arrive(ROOM, { username, viewerKey, isGuest })
  return { presence, watching, arrive }
}

test('who watches and chats, in two tabs and two rooms, is one person', async () => {
  const { presence, watching, arrive } = await openProcess()
  for (const key of ['ada', 'bob']) watching.add(key)
  const leaveOne = arrive('ada', 'ada')
  const leaveTwo = arrive('ada', 'ada')
  arrive('carol')
  arrive('guest_12ab34', 'a guest', true)
  const leaveOther = presence.arrive('channel-2', { username: 'ada', viewerKey: 'ada', isGuest: false })
  expect([presence.viewers(ROOM), presence.chatters(ROOM)]).toEqual([4, 3])
  expect(await presence.names(ROOM, 10)).toEqual(['ada', 'carol'])
  expect(await presence.names(ROOM, 1)).toHaveLength(1)
  expect(presence.top(5)).toEqual([ROOM, 'channel-2'])
  leaveOne()
  leaveOne()
  expect(presence.chatters(ROOM)).toBe(3)
  leaveTwo()
  expect([presence.viewers(ROOM), presence.chatters(ROOM)]).toEqual([4, 2])
  leaveOther()
  expect(presence.top(5)).toEqual([ROOM])
})

test('an account that watches and chats by several ways and browsers is one person; a guest is told by the browser', async () => {
  const { presence, watching, arrive } = await openProcess()
  for (const key of ['laptop', 'phone', 'another']) watching.add(key)
  arrive('ada', 'laptop')
  arrive('ada', 'phone')
  arrive('ada', 'account:ada')
  expect([presence.viewers(ROOM), presence.chatters(ROOM)]).toEqual([2, 1])
  // The page had opened its chat before she signed in.
  arrive('guest_12ab34', 'laptop', true)
  arrive('guest_12ab34', 'another', true)
  expect([presence.viewers(ROOM), presence.chatters(ROOM), presence.ownChatters]).toEqual([2, 2, 2])
})

test('who watches by one process and chats by another is one person on Redis, too', async () => {
  await using redis = await startRedis()
  const [a, b] = [await openProcess(redis.url), await openProcess(redis.url)]
  a.watching.add('laptop').add('phone').add('of somebody else')
  const leave = b.arrive('ada', 'laptop')
  b.arrive('ada', 'phone')
  const counts = () => [a, b].map(({ presence }) => [presence.viewers(ROOM), presence.chatters(ROOM)])
  const bothCount = (people: number, message: string) => {
    const expected = [
      [people, 1],
      [people, 1],
    ]
    return waitFor(() => Bun.deepEquals(counts(), expected), { message, timeoutMs: 15_000 })
  }
  await bothCount(2, 'her to be one person')
  leave()
  await bothCount(3, 'the laptop, of which nobody says any more whose it is, to count by itself')
}, 40_000)

test('a room is told who came and went, together, and nothing while nothing changes', async () => {
  const { presence, watching, arrive } = await openProcess()
  const told: PresenceChange[] = []
  const leave = arrive('ada')
  const stop = presence.onChange(ROOM, change => told.push(change))
  await waitFor(() => told.length === 1, { message: 'the first count' })
  // Who was there already has not joined.
  expect(told[0]).toEqual({ viewers: 1, chatters: 1, joined: [], left: [] })
  leave()
  for (const name of ['bob', 'carol']) arrive(name)
  arrive('guest_1', 'a guest', true)
  watching.add('dave')
  await waitFor(() => told.length === 2, { message: 'the next' })
  expect(told[1]).toEqual({ viewers: 4, chatters: 3, joined: ['bob', 'carol'], left: ['ada'] })
  await Bun.sleep(200)
  expect(told).toHaveLength(2)
  const leaves = Array.from({ length: 300 }, (_, index) => arrive(`crowd_${index}`))
  await waitFor(() => told.length === 3, { message: 'the crowd' })
  expect(told[2]).toEqual({ viewers: 304, chatters: 303, joined: [], left: [] })
  for (const each of leaves) each()
  await waitFor(() => told.length === 4, { message: 'the crowd to go' })
  expect(told[3]).toMatchObject({ chatters: 3, joined: [], left: [] })
  stop()
  arrive('eve')
  await Bun.sleep(150)
  expect(told).toHaveLength(4)
})

test('processes on one Redis count together, each person once, and know each other’s names', async () => {
  await using redis = await startRedis()
  const [a, b] = [await openProcess(redis.url), await openProcess(redis.url)]
  const told: PresenceChange[] = []
  b.presence.onChange(ROOM, change => told.push(change))
  for (let index = 0; index < 2_500; index++) a.watching.add(`viewer ${index}`)
  for (let index = 2_000; index < 3_000; index++) b.watching.add(`viewer ${index}`)
  a.arrive('ada', 'viewer 0')
  b.arrive('ada', 'viewer 2999')
  const counts = () => [a, b].map(({ presence }) => [presence.viewers(ROOM), presence.chatters(ROOM)])
  await waitFor(
    () =>
      // Ada watches with two browsers.
      Bun.deepEquals(counts(), [
        [2_999, 1],
        [2_999, 1],
      ]),
    { message: 'both to agree' },
  )
  expect(await b.presence.names(ROOM, 10)).toEqual(['ada'])
  expect(b.presence.top(5)).toEqual([ROOM])
  const leave = a.arrive('bob', 'viewer 1')
  await waitFor(() => told.some(each => each.joined.includes('bob')), { message: 'bob to be announced' })
  leave()
  await waitFor(() => told.some(each => each.left.includes('bob')), { message: 'bob to have left' })
  // An orderly end takes its people along, those apart who are with the other.
  await a.presence.close()
  await waitFor(() => b.presence.viewers(ROOM) === 1_000, { message: 'the rest to go' })
  expect(b.presence.chatters(ROOM)).toBe(1)
  // Who is with both never seemed to have left.
  expect(told.flatMap(each => each.left)).toEqual(['bob'])
}, 40_000)

test('without Redis each counts its own, and all again when it is back', async () => {
  await using redis = await startRedis()
  const [a, b] = [await openProcess(redis.url), await openProcess(redis.url)]
  const told: PresenceChange[] = []
  a.presence.onChange(ROOM, change => told.push(change))
  a.watching.add('ada')
  b.watching.add('bob').add('carol')
  b.arrive('carol', 'carol')
  await waitFor(() => a.presence.viewers(ROOM) === 3, { message: 'all' })
  await redis.kill()
  await waitFor(() => a.presence.viewers(ROOM) === 1 && b.presence.viewers(ROOM) === 2, {
    message: 'its own',
  })
  expect(await a.presence.names(ROOM, 10)).toEqual([])
  told.length = 0
  await redis.restart()
  await waitFor(() => a.presence.viewers(ROOM) === 3 && b.presence.viewers(ROOM) === 3, {
    message: 'all again',
  })
  await waitFor(() => told.at(-1)?.viewers === 3, { message: 'the room to be told' })
  expect(told.flatMap(({ joined, left }) => [...joined, ...left])).toEqual([])
}, 30_000)

test('the people of a process that was killed are gone within 15 s', async () => {
  await using redis = await startRedis()
  const one = await openProcess(redis.url)
  one.watching.add('ada')
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/process.ts`, redis.url, ROOM], {
    stdout: 'ignore',
  })
  await waitFor(() => one.presence.viewers(ROOM) === 6, { message: 'those of the other', timeoutMs: 20_000 })
  child.kill('SIGKILL')
  await child.exited
  await waitFor(() => one.presence.viewers(ROOM) === 1, { message: 'them to be gone', timeoutMs: 15_000 })
}, 60_000)
