/** What takes VODs away, on both databases: objects before rows, and nothing before its time. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { Upkeep } from '../../src/vod/upkeep.ts'
import { UpkeepRepository } from '../../src/vod/upkeep-repository.ts'
import { Views } from '../../src/vod/views.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

const DAY_MS = 86_400_000
const { signal } = new AbortController()

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let folder: TempFolder
  let store: ObjectStore
  let services: TestServices
  let made: TestVods
  let now = 1_800_000_000_000

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    folder = await tempFolder()
    store = await DirectoryStore.open(folder.path)
    services = createServices(opened.database, { now: () => now })
    made = createVods(opened.database, { now: () => now })
  }, 30_000)
  afterAll(async () => {
    await opened[Symbol.asyncDispose]()
    await folder.remove()
  })

  const upkeep = (retentionDays?: number, sent: string[] = []) =>
    new Upkeep({
      ...{ vods: made.vods, repository: new UpkeepRepository(opened.database.db), store, retentionDays },
      ...{ views: new Views(opened.database.db), now: () => now },
      jobs: {
        send: async (name, { vodId }: { vodId?: string }) => sent.push(`${name} ${vodId}`) > 0,
        work: async () => {},
        schedule: async () => {},
      },
    })
  const channelKeeping = async (vodRetentionDays: number | null) => {
    const owner = await createAccount(services)
    const channel = await createChannel(services, owner.id)
    await services.channels.updateSettings(owner.id, channel.id, { vodRetentionDays })
    return channel
  }
  const recorded = async (channelId: string) => {
    const stream = await services.streams.open(channelId)
    const { id } = await made.vods.openRecording({ streamId: stream.id, instanceId: null })
    await made.manifest.addSegments([segmentRow(id, 0)])
    await made.vods.finish(id)
    return id
  }
  const statuses = (ids: readonly string[]) =>
    Promise.all(ids.map(async id => (await made.vods.find(id))?.status ?? 'gone'))

  test('a deleted VOD’s objects go, then its row; those of others stay', async () => {
    const channel = await channelKeeping(null)
    const [one, other] = [await recorded(channel.id), await recorded(channel.id)]
    const keys = [`vods/${one}/source/0.m4s`, `vods/${one}/frames/0-160.jpg`, `uploads/${one}/chunk-0.mp4`]
    for (const key of [...keys, `vods/${other}/source/0.m4s`]) await store.put(key, new Uint8Array(9))
    await made.vods.remove(one)
    await upkeep().remove(one, signal)
    await upkeep().remove(one, signal)
    expect((await Array.fromAsync(store.list(''))).map(each => each.key)).toEqual([
      `vods/${other}/source/0.m4s`,
    ])
    expect(await statuses([one, other])).toEqual(['gone', 'ready'])
    expect((await made.vods.listByStatus('deleted')).map(vod => vod.id)).not.toContain(one)
  })

  test('a stream’s VOD is kept as long as the channel and the instance want, the shorter of both', async () => {
    const [week, forEver] = [await channelKeeping(7), await channelKeeping(null)]
    const ids = [await recorded(week.id), await recorded(forEver.id)]
    const upload = await made.vods.create({
      channelId: week.id,
      kind: 'upload',
      title: 'u',
      visibility: 'public',
    })
    await made.vods.finish(upload.id)
    now += 6 * DAY_MS
    await upkeep().sweep(signal)
    expect(await statuses(ids)).toEqual(['ready', 'ready'])
    now += 2 * DAY_MS
    await upkeep().sweep(signal)
    expect(await statuses([...ids, upload.id])).toEqual(['gone', 'ready', 'ready'])
    await upkeep(30).sweep(signal)
    expect(await statuses(ids)).toEqual(['gone', 'ready'])
    now += 30 * DAY_MS
    await upkeep(30).sweep(signal)
    expect(await statuses([...ids, upload.id])).toEqual(['gone', 'gone', 'ready'])
  })

  test('what should be gone and is not is sent for again', async () => {
    const id = await recorded((await channelKeeping(null)).id)
    await made.vods.remove(id)
    const sent: string[] = []
    await upkeep(undefined, sent).sweep(signal)
    expect(sent).toContain(`vod.remove ${id}`)
  })

  test('pictures that nobody has made are sent for again, for a day', async () => {
    const channel = await channelKeeping(null)
    const [one, other] = [await recorded(channel.id), await recorded(channel.id)]
    const storyboard = { intervalMs: 1_000, pictures: 1, width: 2, height: 2, columns: 1, rows: 1 }
    await made.vods.describe(other, { storyboard })
    const asked = async () => {
      const sent: string[] = []
      await upkeep(undefined, sent).sweep(signal)
      return [one, other].map(id => sent.includes(`vod.finish-pictures ${id}`))
    }
    expect(await asked()).toEqual([false, false])
    now += 3_600_000
    expect(await asked()).toEqual([true, false])
    now += 2 * DAY_MS
    expect(await asked()).toEqual([false, false])
  })
})
