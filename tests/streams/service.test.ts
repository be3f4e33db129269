/** Stream records on both databases: their life, who is live, page by page. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { StreamsService } from '../../src/streams/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let streams: StreamsService
  let now = 1_800_000_000_000

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database, { now: () => now })
    streams = services.streams
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  const channelOfSomebody = async () => createChannel(services, (await createAccount(services)).id)
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )

  test('a stream starts with the channel’s title, goes live once, and ends once', async () => {
    const channel = await channelOfSomebody()
    const { id } = await streams.open(channel.id)
    expect(await streams.get(id)).toMatchObject({
      status: 'starting',
      title: channel.title,
      startedAt: null,
      endedAt: null,
    })
    now += 1_000
    await streams.goLive(id)
    const startedAt = new Date(now)
    now += 1_000
    await streams.goLive(id)
    expect(await streams.get(id)).toMatchObject({ status: 'live', startedAt, endedAt: null })
    expect(await streams.findOpen(channel.id)).toMatchObject({ id })
    await streams.end(id)
    const endedAt = new Date(now)
    now += 1_000
    await streams.end(id)
    await streams.goLive(id)
    expect(await streams.get(id)).toMatchObject({ status: 'ended', startedAt, endedAt })
    expect(await streams.findOpen(channel.id)).toBeUndefined()
  })

  test('opening ends what the same channel left open, and nothing of another', async () => {
    const [one, two] = [await channelOfSomebody(), await channelOfSomebody()]
    const left = await streams.open(one.id)
    const others = await streams.open(two.id)
    const next = await streams.open(one.id)
    expect((await streams.get(left.id)).status).toBe('ended')
    expect((await streams.get(others.id)).status).toBe('starting')
    expect(await streams.findOpen(one.id)).toMatchObject({ id: next.id })
    expect(await reasonOf(streams.open(Bun.randomUUIDv7()))).toBe('channel_not_found')
  })

  test('what a dead process left open is ended at the start', async () => {
    const channel = await channelOfSomebody()
    const { id } = await streams.open(channel.id)
    await streams.goLive(id)
    expect(await streams.endOrphans()).toBeGreaterThanOrEqual(1)
    expect((await streams.get(id)).status).toBe('ended')
    expect(await streams.endOrphans()).toBe(0)
    expect(await streams.live({ limit: 10 })).toEqual({ items: [] })
  })

  test('pages hold every live stream once, latest first, while streams start and end in between', async () => {
    await streams.endOrphans()
    const ids: string[] = []
    for (let i = 0; i < 7; i++) {
      const { id } = await streams.open((await channelOfSomebody()).id)
      await streams.goLive(id)
      ids.unshift(id)
      if (i !== 3) now += 1_000
    }
    await streams.open((await channelOfSomebody()).id)
    const first = await streams.live({ limit: 3 })
    await streams.goLive((await streams.open((await channelOfSomebody()).id)).id)
    await streams.end(first.items.at(-1)!.id)
    const second = await streams.live({ limit: 3, cursor: first.nextCursor })
    const third = await streams.live({ limit: 3, cursor: second.nextCursor })
    const seen = [first, second, third].flatMap(page => page.items.map(item => item.id))
    expect(seen.toSorted()).toEqual(ids.toSorted())
    expect([seen[0], seen[1]]).toEqual([ids[0], ids[1]])
    expect(third.nextCursor).toBeUndefined()
    const starts = [first, second, third].flatMap(page => page.items.map(item => item.startedAt!.getTime()))
    expect(starts).toEqual(starts.toSorted((a, b) => b - a))
  })

  test.each(['', 'x', 'zzzzzzzzzz.0190a5a0-0000-7000-8000-000000000000', "1.' or 1=1", 'k5m.x'])(
    'refuses the cursor %j',
    async cursor => expect(await reasonOf(streams.live({ limit: 3, cursor }))).toBe('cursor_invalid'),
  )

  test('listOnAir keeps the order asked for and leaves out what is not on air', async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => (await channelOfSomebody()).id))
    const [one, , three] = await Promise.all(ids.map(id => streams.open(id)))
    await streams.goLive(one!.id)
    await streams.goLive(three!.id)
    const listed = await streams.listOnAir(ids.toReversed())
    expect(listed.map(stream => stream.id)).toEqual([three!.id, one!.id])
    expect(await streams.listOnAir([])).toEqual([])
  })

  test('nobody but the owner renames a stream', async () => {
    const [owner, other] = [await createAccount(services), await createAccount(services)]
    const { id } = await streams.open((await createChannel(services, owner.id)).id)
    expect(await reasonOf(streams.rename(other.id, id, 'mine'))).toBe('not_owner')
    expect(await streams.rename(owner.id, id, 'Finals')).toMatchObject({ id, title: 'Finals' })
    expect(await reasonOf(streams.getOwned(other.id, id))).toBe('not_owner')
    expect(await reasonOf(streams.get(Bun.randomUUIDv7()))).toBe('stream_not_found')
  })
})
