/** Views and positions on both databases: once a person and day; where to go on. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Views } from '../../src/vod/views.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

const DAY_MS = 86_400_000

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let made: TestVods
  let views: Views
  let now = 1_800_000_000_000

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database)
    made = createVods(opened.database)
    views = new Views(opened.database.db, () => now)
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  /** Ten minutes long. */
  const published = async () => {
    const { id: channelId } = await createChannel(services, (await createAccount(services)).id)
    const { id } = await made.vods.create({ channelId, kind: 'upload', title: 'Film', visibility: 'public' })
    await made.manifest.addSegments([segmentRow(id, 0, { durationSeconds: 600 })])
    await made.vods.finish(id)
    return made.vods.get(id)
  }
  const browser = (viewerKey: string | undefined) => ({ accountId: undefined, viewerKey })

  test('a person counts once a day, an account in whichever browser, whoever is nobody not at all', async () => {
    const vod = await published()
    const account = await createAccount(services)
    const mine = (viewerKey: string) => ({ accountId: account.id, viewerKey })
    await Promise.all([1, 2, 3].map(() => views.watched(vod, browser('a'), 10_000)))
    await Promise.all(['x', 'y'].map(key => views.watched(vod, mine(key), 10_000)))
    await views.watched(vod, browser(undefined), 10_000)
    await views.watched(vod, browser('b'), 1_000)
    expect((await made.vods.get(vod.id)).viewCount).toBe(2)
    now += DAY_MS
    await views.watched(vod, browser('a'), 20_000)
    expect((await made.vods.get(vod.id)).viewCount).toBe(3)
    await views.forgetOld()
    await views.watched(vod, browser('a'), 30_000)
    expect((await made.vods.get(vod.id)).viewCount).toBe(3)
  })

  test('an account goes on where it stopped, and begins anew where it had come to the end', async () => {
    const vod = await published()
    const [one, other] = [await createAccount(services), await createAccount(services)]
    const position = () => views.position(vod.id, one.id)
    const watch = (ms: number) => views.watched(vod, { accountId: one.id, viewerKey: 'k' }, ms)
    expect(await position()).toBe(0)
    await watch(100_000)
    await watch(250_000)
    expect(await position()).toBe(250_000)
    expect(await views.position(vod.id, other.id)).toBe(0)
    await watch(590_000)
    expect(await position()).toBe(0)
  })
})
