/** Reactions and likes: what a crowd clicks reaches everybody as few sums. */
import { afterAll, beforeAll, describe, expect, jest, test } from 'bun:test'
import { Likes } from '../../src/chat/likes.ts'
import { Reactions } from '../../src/chat/reactions.ts'
import { RoomReactions } from '../../src/chat/reactions-room.ts'
import type { Bus } from '../../src/redis/bus.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'

const channelId = 'a channel'

/** Instances that hear each other's texts. */
async function instances(count: number) {
  const texts: string[] = []
  const listeners: ((text: string) => void)[] = []
  const bus: Bus = {
    isConnected: true,
    publish: async (_, text) => {
      texts.push(text)
      for (const listener of listeners) listener(text)
    },
    subscribe: async (_, listener) => {
      listeners.push(listener)
      return () => {}
    },
    onConnection: () => () => {},
    close: async () => {},
  }
  const open = async () => {
    const events: { counts: Readonly<Record<string, number>>; likes: number }[] = []
    const tell = (_: string, event: (typeof events)[number]) => void events.push(event)
    return { reactions: await Reactions.open({ bus, tell, countLikes: async () => 7 }), events }
  }
  const rooms = await Promise.all(Array.from({ length: count }, open))
  return { rooms, texts, bus }
}

const sum = (events: readonly { counts: Readonly<Record<string, number>> }[], reaction: string) =>
  events.reduce((total, { counts }) => total + (counts[reaction] ?? 0), 0)

describe('reactions', () => {
  test('of a crowd on two instances are all counted, in two events a second', async () => {
    jest.useFakeTimers()
    try {
      const { rooms, texts } = await instances(2)
      for (let tick = 0; tick < 20; tick++) {
        for (let person = 0; person < 50; person++)
          rooms[person % 2]!.reactions.add(channelId, `${tick} ${person}`, person % 5 === 0 ? '🔥' : '❤️')
        jest.advanceTimersByTime(100)
        await Promise.resolve()
      }
      for (let rest = 0; rest < 12; rest++) {
        jest.advanceTimersByTime(100)
        await Promise.resolve()
      }
      for (const { events } of rooms) {
        expect(sum(events, '🔥')).toBe(200)
        expect(sum(events, '❤️')).toBe(800)
        expect(events.length).toBeLessThanOrEqual(7)
        expect(events.every(event => event.likes === 7)).toBeTrue()
      }
      expect(texts.length).toBeLessThanOrEqual(12)
      for (const { reactions } of rooms) reactions.close()
    } finally {
      jest.useRealTimers()
    }
  })

  test('of one person are limited, and only known ones are taken', () => {
    const reactions = new RoomReactions({ publish() {}, emit() {}, countLikes: async () => 0 })
    const react = (reaction: string, now: number) => {
      try {
        reactions.add('bob', reaction, now)
        return 'counted'
      } catch (error) {
        return (error as { reason: string }).reason
      }
    }
    const outcomes = Array.from({ length: 30 }, () => react('🔥', 0))
    expect(outcomes.filter(outcome => outcome === 'counted')).toHaveLength(20)
    expect(outcomes.at(-1)).toBe('rate_limited')
    expect(react('🔥', 1_000)).toBe('counted')
    expect(['💩', '', '__proto__', '🔥🔥'].map(each => react(each, 60_000))).toEqual(
      Array(4).fill('reaction_unknown'),
    )
    reactions.close()
  })

  test('texts that no instance sends do no harm; a change of the likes is told', async () => {
    const { rooms, bus } = await instances(1)
    const { reactions, events } = rooms[0]!
    for (const counts of [{ '💩': 3 }, { '🔥': -1 }, { '🔥': 1e99 }, { '🔥': '3' }])
      await bus.publish('', JSON.stringify({ channelId, counts }))
    expect(events).toEqual([])
    await bus.publish('', JSON.stringify({ channelId, counts: { '🔥': 3, '💩': 3 } }))
    await waitFor(() => events.length > 0, { message: 'an event' })
    expect(events).toEqual([{ type: 'reactions', counts: { '🔥': 3 }, likes: 7 }] as never)
    reactions.likesChanged(channelId)
    await waitFor(() => events.length > 1, { message: 'the likes' })
    expect(events[1]).toEqual({ type: 'reactions', counts: {}, likes: 7 } as never)
    reactions.close()
  })
})

describe.each([...databaseKinds])('likes on %s', kind => {
  let opened: TestDatabase
  beforeAll(async () => {
    opened = await openTestDatabase(kind)
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  test('count people once, are taken back, and are told of in few words', async () => {
    const services = createServices(opened.database)
    const owner = await createAccount(services)
    const { id: channelId } = await createChannel(services, owner.id)
    const { id } = await services.streams.open(channelId)
    const told: string[] = []
    const likes = new Likes({ db: opened.database.db, onChanged: id => told.push(id) })
    const stream = { id, channelId }
    expect(await likes.count(id)).toBe(0)
    await Promise.all(Array.from({ length: 20 }, (_, n) => likes.like(stream, `viewer ${n % 10}`)))
    expect(await likes.like(stream, owner.id)).toBe(11)
    expect(await likes.isLikedBy(id, owner.id)).toBeTrue()
    await waitFor(() => told.length > 0, { message: 'the news' })
    expect(told).toEqual([channelId])
    expect(await likes.unlike(stream, owner.id)).toBe(10)
    expect(await likes.unlike(stream, owner.id)).toBe(10)
    expect(await likes.count(id)).toBe(10)
    expect(await likes.isLikedBy(id, owner.id)).toBeFalse()
    likes.close()
  })
})
