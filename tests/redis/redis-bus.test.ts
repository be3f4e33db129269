/** The bus when Redis is killed, hangs, comes back, or was never there. */
import { expect, test } from 'bun:test'
import { createLog } from '../../src/log.ts'
import { RedisBus } from '../../src/redis/redis-bus.ts'
import { freePort } from '../support/free-port.ts'
import { startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

const silent = createLog('silent')

test('a killed Redis is noticed, refuses at once, and is heard again on every topic when it is back', async () => {
  await using redis = await startRedis()
  const [one, two] = await Promise.all([openBus(redis.url), openBus(redis.url)])
  const states: boolean[] = []
  const heard: string[] = []
  one.onConnection(isConnected => {
    expect(one.isConnected).toBe(isConnected)
    states.push(isConnected)
  })
  for (let i = 0; i < 1_200; i++) await one.subscribe(`topic:${i}`, text => heard.push(text))
  await two.publish('topic:7', 'before')
  await waitFor(() => heard.length === 1, { message: 'the text of before' })

  await redis.kill()
  await waitFor(() => !one.isConnected && !two.isConnected, { message: 'the loss to be noticed' })
  await expect(two.publish('topic:7', 'lost')).rejects.toThrow('Redis is away')
  // Asked for while it is away, it is heard afterwards.
  await one.subscribe('late', text => heard.push(text))

  await redis.restart()
  await waitFor(() => one.isConnected && two.isConnected, { message: 'Redis to be back' })
  for (const topic of ['topic:0', 'topic:1199', 'late']) await two.publish(topic, topic)
  await waitFor(() => heard.length === 4, { message: 'all topics' })
  expect(heard).toEqual(['before', 'topic:0', 'topic:1199', 'late'])
  expect(states).toEqual([false, true])
  await Promise.all([one.close(), two.close()])
}, 30_000)

test('a Redis that hangs counts as away, and what was under way is refused', async () => {
  await using redis = await startRedis()
  const bus = await openBus(redis.url)
  redis.pause()
  await expect(bus.publish('topic', 'into the void')).rejects.toThrow()
  expect(bus.isConnected).toBe(false)
  redis.resume()
  await waitFor(() => bus.isConnected, { message: 'Redis to be back' })
  const heard: string[] = []
  await bus.subscribe('topic', text => heard.push(text))
  await bus.publish('topic', 'there')
  await waitFor(() => heard.length === 1, { message: 'the text' })
  await bus.close()
}, 30_000)

test('at the start, no Redis is an error that names the setting, and a wrong password is not told to anybody', async () => {
  await using redis = await startRedis({ password: 'the-right-secret' })
  const lines: string[] = []
  const log = createLog('trace', { write: line => void lines.push(line) })
  const wrong = redis.url.replace('the-right-secret', 'the-wrong-secret')
  const nobody = `redis://127.0.0.1:${await freePort()}`
  const reasons = await Promise.all(
    [wrong, nobody].map(url => RedisBus.open({ url, log }).catch((error: Error) => error.message)),
  )
  expect(reasons[0]).toMatch(/REDIS_URL.*WRONGPASS/)
  expect(reasons[1]).toMatch(/REDIS_URL.*ECONNREFUSED/)
  const bus = await RedisBus.open({ url: redis.url, log })
  await redis.kill()
  await waitFor(() => !bus.isConnected, { message: 'the loss to be noticed' })
  await bus.close()
  expect(lines.join('') + reasons.join('')).not.toMatch(/the-(right|wrong)-secret/)
  expect(lines.join('')).toContain('Redis is away')
}, 30_000)

function openBus(url: string): Promise<RedisBus> {
  return RedisBus.open({ url, log: silent })
}
