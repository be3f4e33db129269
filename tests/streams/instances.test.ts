/** Several processes on one PostgreSQL: who carries a stream, and who ends those of a process that died. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { Database } from '../../src/db/database.ts'
import { instances } from '../../src/db/schema.ts'
import { createLog } from '../../src/log.ts'
import { Heartbeat, loadInstanceId } from '../../src/streams/heartbeat.ts'
import { StreamsRepository } from '../../src/streams/repository.ts'
import { StreamsService } from '../../src/streams/service.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
let opened: TestDatabase
let other: Database
let services: TestServices

beforeAll(async () => {
  opened = await openTestDatabase('postgres')
  other = await Database.open(opened.options)
  services = createServices(opened.database)
}, 30_000)
afterAll(async () => {
  await other.close()
  await opened[Symbol.asyncDispose]()
})

test('a living instance’s stream is neither replaced nor ended; a dead one’s is, by any other', async () => {
  const [a, b] = [await instance(opened.database), await instance(other)]
  const channel = await channelOfSomebody()
  const { id } = await a.streams.open(channel.id)
  await a.streams.goLive(id)
  await expect(b.streams.open(channel.id)).rejects.toMatchObject({
    kind: 'CONFLICT',
    reason: 'channel_live_elsewhere',
  })
  expect(await b.streams.endAbandoned()).toBe(0)
  expect(await b.streams.endOrphans()).toBe(0)
  expect(await a.streams.findEnded([id])).toEqual([])

  await die(a.heartbeat, a.id)
  expect(await b.streams.endAbandoned()).toBe(1)
  // Should it still live, it learns that its stream was given up.
  expect(await a.streams.findEnded([id])).toEqual([id])
  expect((await b.streams.open(channel.id)).id).not.toBe(id)
  await b.heartbeat.close()
})

test('a dead instance’s channel is taken over before anybody has swept', async () => {
  const [a, b] = [await instance(opened.database), await instance(other)]
  const channel = await channelOfSomebody()
  const left = await a.streams.open(channel.id)
  await die(a.heartbeat, a.id)
  await b.streams.open(channel.id)
  expect((await b.streams.get(left.id)).status).toBe('ended')
  await b.heartbeat.close()
})

test('what a dead instance left is not shown before anybody has ended it', async () => {
  const [a, b] = [await instance(opened.database), await instance(other)]
  const channel = await channelOfSomebody()
  const { id } = await a.streams.open(channel.id)
  await a.streams.goLive(id)
  const shown = async ({ streams }: typeof a) => {
    const { items } = await streams.live({ limit: 100 })
    const [onAir] = await streams.listOnAir([channel.id])
    return [items.some(item => item.id === id), onAir?.id, (await streams.findOpen(channel.id))?.id]
  }
  expect(await shown(b)).toEqual([true, id, id])
  await die(a.heartbeat, a.id)
  expect(await shown(b)).toEqual([false, undefined, undefined])
  // Itself it is sure that it lives.
  expect(await shown(a)).toEqual([true, id, id])
  await b.heartbeat.close()
})

test('a restarted instance ends what its predecessor left, and nothing of others', async () => {
  const [a, b] = [await instance(opened.database), await instance(other)]
  const [one, two] = [await channelOfSomebody(), await channelOfSomebody()]
  const left = await a.streams.open(one.id)
  const kept = await b.streams.open(two.id)
  const successor = await instance(opened.database, a.id)
  expect(await successor.streams.endOrphans()).toBe(1)
  expect((await b.streams.get(left.id)).status).toBe('ended')
  expect((await b.streams.get(kept.id)).status).toBe('starting')
  await Promise.all([a, b, successor].map(each => each.heartbeat.close()))
})

test('an instance beats until it is closed, and calls nobody dead before it has beaten for a while itself', async () => {
  const steady: boolean[] = []
  const { id, heartbeat } = await instance(opened.database)
  heartbeat.onBeat(async isSteady => void steady.push(isSteady))
  const seen = async () => {
    const [row] = await other.db.select().from(instances).where(eq(instances.id, id))
    return row?.seenAt.getTime()
  }
  const first = (await seen())!
  await waitFor(async () => (await seen())! > first && steady.length > 0, { message: 'another beat' })
  expect(steady[0]).toBe(false)
  await heartbeat.close()
  await heartbeat.close()
  expect(await seen()).toBeUndefined()
})

test('an instance keeps its id over a restart, for itself alone', async () => {
  await using folder = await tempFolder()
  const [one, two] = await Promise.all([loadInstanceId(folder.path), loadInstanceId(folder.path)])
  expect(two).toBe(one)
  const file = join(folder.path, 'instance-id')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await Bun.write(file, 'no id')
  await expect(loadInstanceId(folder.path)).rejects.toThrow(file)
})

async function instance(database: Database, id: string = crypto.randomUUID()) {
  const heartbeat = await Heartbeat.open({ db: database.db, id, isAlone: false, log, beatMs: 50 })
  return { id, heartbeat, streams: new StreamsService({ streams: new StreamsRepository(database.db, id) }) }
}

/** As after SIGKILL, 16 s ago. */
async function die(heartbeat: Heartbeat, id: string): Promise<void> {
  await heartbeat.close()
  await other.db.insert(instances).values({ id, seenAt: sql`now() - interval '16 seconds'` })
}

async function channelOfSomebody() {
  return createChannel(services, (await createAccount(services)).id)
}
