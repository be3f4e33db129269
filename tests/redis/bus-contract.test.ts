/** What every bus keeps: both kinds, the one over Redis with a real server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createLog } from '../../src/log.ts'
import type { Bus } from '../../src/redis/bus.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { RedisBus } from '../../src/redis/redis-bus.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
let redis: TestRedis

beforeAll(async () => {
  redis = await startRedis()
}, 30_000)
afterAll(() => redis[Symbol.asyncDispose]())

const kinds: Record<string, () => Promise<Bus>> = {
  local: async () => new LocalBus({ log }),
  redis: () => RedisBus.open({ url: redis.url, log }),
}

describe.each(Object.keys(kinds))('%s', kind => {
  let bus: Bus
  beforeAll(async () => {
    bus = await kinds[kind]!()
  }, 30_000)
  afterAll(() => bus.close())

  test('a text is heard once by each listener of its topic, and by no other', async () => {
    const heard = { one: [] as string[], two: [] as string[], other: [] as string[] }
    await bus.subscribe('room:1', text => heard.one.push(text))
    await bus.subscribe('room:1', text => heard.two.push(text))
    await bus.subscribe('room:10', text => heard.other.push(text))
    expect(bus.isConnected).toBe(true)
    await bus.publish('room:1', 'hello 🔥 "quoted"\n')
    await bus.publish('room:10', 'elsewhere')
    await waitFor(() => heard.other.length === 1, { message: 'the last text' })
    expect(heard).toEqual({
      one: ['hello 🔥 "quoted"\n'],
      two: ['hello 🔥 "quoted"\n'],
      other: ['elsewhere'],
    })
  })

  test('everybody hears the same order, also of what a listener publishes', async () => {
    const heard: string[][] = [[], []]
    await bus.subscribe('order', text => {
      heard[0]!.push(text)
      if (text === '5') void bus.publish('order', 'echo')
    })
    await bus.subscribe('order', text => heard[1]!.push(text))
    for (let i = 0; i < 50; i++) void bus.publish('order', String(i))
    await waitFor(() => heard[1]!.length === 51, { message: 'all texts' })
    expect(heard[0]).toEqual(heard[1]!)
    expect(heard[0]!.filter(text => text !== 'echo')).toEqual(Array.from({ length: 50 }, (_, i) => String(i)))
  })

  test('who has stopped hears nothing more; who stops twice stops nobody else', async () => {
    const heard: string[] = []
    const kept: string[] = []
    const stop = await bus.subscribe('stop', text => heard.push(text))
    await bus.subscribe('stop', text => kept.push(text))
    stop()
    stop()
    await bus.publish('stop', 'after')
    await waitFor(() => kept.length === 1, { message: 'the one that stayed' })
    expect(heard).toEqual([])
  })

  test('the last to stop may be followed by a first', async () => {
    const heard: string[] = []
    const stop = await bus.subscribe('again', () => {})
    stop()
    await bus.subscribe('again', text => heard.push(text))
    await bus.publish('again', 'here')
    await waitFor(() => heard.length === 1, { message: 'the text' })
  })

  test('a listener that throws hurts no other', async () => {
    const heard: string[] = []
    await bus.subscribe('throwing', () => {
      throw new Error('mine alone')
    })
    await bus.subscribe('throwing', text => heard.push(text))
    await bus.publish('throwing', 'one')
    await bus.publish('throwing', 'two')
    await waitFor(() => heard.length === 2, { message: 'both texts' })
  })

  test('closed, it takes nothing more, and closes twice', async () => {
    const other = await kinds[kind]!()
    await other.subscribe('closing', () => {})
    await other.close()
    await other.close()
    expect(await rejected(other.publish('closing', 'late'))).toBe(true)
    expect(await rejected(other.subscribe('closing', () => {}))).toBe(true)
  })
})

function rejected(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  )
}
