/** A reader's way through a room: nothing missed, nothing twice, and no more waiting than is bounded. */
import { expect, test } from 'bun:test'
import type { Room, RoomListener } from '../../src/chat/chat.ts'
import type { LoggedEvent, RoomEvent } from '../../src/chat/events.ts'
import { RoomFeed } from '../../src/chat/room-feed.ts'

const logged = (seq: number): LoggedEvent => ({ seq, type: 'deleted', id: `message ${seq}` })
const settings = {
  slowModeSeconds: 0,
  followersOnlyMinutes: null,
  isSignedInOnly: true,
  links: 'allow',
} as const

/** A room that holds `stored`, in which `onRead` happens while somebody reads. */
function fakeRoom(stored: LoggedEvent[], onRead: () => void = () => {}) {
  const listeners = new Set<RoomListener>()
  const state = { releases: 0, seq: stored.at(-1)?.seq ?? 0 }
  const room = {
    ...{ channelId: 'c', slug: 's', settings },
    get seq() {
      return state.seq
    },
    listen(listener: RoomListener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async read(after: number, limit: number) {
      const events = stored.filter(each => each.seq > after)
      onRead()
      await Promise.resolve()
      return { events: events.slice(-limit), isGap: events.length > limit }
    },
    release: () => void state.releases++,
  } as unknown as Room
  const tell = (...events: RoomEvent[]) => {
    for (const each of listeners) each.onEvents(events)
  }
  return { room, listeners, state, tell }
}

const chatter = {
  account: { id: 'bob', username: 'bob' },
  address: '192.0.2.7',
  viewerKey: 'key',
}
const open = (room: Room, after?: number, signal?: AbortSignal) =>
  RoomFeed.open({ room, chatter, isModerator: false, after, signal })

async function take(feed: RoomFeed, count: number) {
  const items = []
  for (let n = 0; n < count; n++) items.push(await feed.next())
  return items.map(item => (item && 'seq' in item.event ? item.event.seq : item?.event.type))
}

test('what comes while the missed is read is told once, behind it', async () => {
  const stored = [1, 2, 3, 4].map(logged)
  const fake = fakeRoom(stored, () => {
    fake.tell(logged(4))
    fake.tell({ type: 'notice', code: 'x', text: 'x' }, logged(5))
  })
  const feed = await open(fake.room, 2)
  fake.tell(logged(6))
  const first = await feed.next()
  expect(first).toEqual({ seq: 2, event: { type: 'settings', settings } })
  expect(await take(feed, 5)).toEqual([3, 4, 'notice', 5, 6])
  feed.close()
})

test('who has seen nothing begins with what is said next, and can resume from there', async () => {
  const fake = fakeRoom([1, 2].map(logged))
  const feed = await open(fake.room)
  expect(await feed.next()).toMatchObject({ seq: 2, event: { type: 'settings' } })
  const next = feed.next()
  fake.tell(logged(3))
  expect(await next).toEqual({ seq: 3, event: logged(3) })
  feed.close()
})

test('more than is told again is a gap, of which the reader hears', async () => {
  const fake = fakeRoom(Array.from({ length: 600 }, (_, n) => logged(n + 1)))
  const feed = await open(fake.room, 0)
  expect(await take(feed, 3)).toEqual(['settings', 'notice', 101])
  feed.close()
})

test('a reader who takes nothing is ended; one who is banned, at once; each gives everything back once', async () => {
  const slow = fakeRoom([])
  const waiting = await open(slow.room)
  for (let seq = 1; seq <= 1_001; seq++) slow.tell(logged(seq))
  expect(await waiting.next()).toBeUndefined()
  expect(waiting.end).toEqual({ cause: 'too_slow' })
  const room = fakeRoom([])
  const feed = await open(room.room)
  const expel = (accountId: string) => {
    for (const each of room.listeners) each.onExpelled?.({ accountId, reason: 'out' })
  }
  expel('alice')
  expect(feed.end).toBeUndefined()
  expel('bob')
  expect(await feed.next()).toBeUndefined()
  expect(feed.end).toMatchObject({ cause: 'expelled', error: { reason: 'chat_banned', message: 'out' } })
  for (const each of [waiting, feed]) each.close()
  for (const { state, listeners } of [slow, room]) expect([state.releases, listeners.size]).toEqual([1, 0])
})

test('the end of the request ends the feed, also before it has begun', async () => {
  const fake = fakeRoom([])
  const request = new AbortController()
  const feed = await open(fake.room, undefined, request.signal)
  await feed.next()
  const next = feed.next()
  request.abort()
  expect(await next).toBeUndefined()
  const late = await open(fake.room, 0, request.signal)
  expect(await late.next()).toBeUndefined()
  expect([fake.state.releases, fake.listeners.size]).toEqual([2, 0])
})
