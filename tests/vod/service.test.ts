/** VODs on both databases: from recording to published, who sees and changes what, page by page, and the end. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { chatRoles } from '../../src/db/chat-schema.ts'
import { channels as channelTable } from '../../src/db/schema.ts'
import type { VodService } from '../../src/vod/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let made: TestVods
  let vods: VodService
  let now = 1_800_000_000_000

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database, { now: () => now })
    made = createVods(opened.database, { now: () => now })
    vods = made.vods
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )
  const ownedChannel = async () => {
    const owner = await createAccount(services)
    return { owner, channel: await createChannel(services, owner.id) }
  }
  const withRole = async (channelId: string, role: 'moderator' | 'vip') => {
    const account = await createAccount(services)
    await opened.database.db
      .insert(chatRoles)
      .values({ channelId, accountId: account.id, role, grantedAt: new Date(now) })
    return account
  }
  const recording = async (channelId: string, options: { visibility?: 'off' | 'private' } = {}) => {
    const stream = await services.streams.open(channelId)
    await services.streams.goLive(stream.id)
    return { stream, ...(await vods.openRecording({ streamId: stream.id, instanceId: null, ...options })) }
  }
  const published = async (channelId: string, visibility: 'public' | 'unlisted' | 'private' = 'public') => {
    const { id } = await vods.create({ channelId, kind: 'upload', title: visibility, visibility })
    await vods.finish(id)
    return id
  }
  const listed = async (channelId: string, accountId?: string) =>
    (await vods.list({ channelId, limit: 50, accountId })).items.map(vod => vod.title).toSorted()

  test('a recording has its stream’s title and the channel’s visibility, and is opened once', async () => {
    const { channel } = await ownedChannel()
    await opened.database.db
      .update(channelTable)
      .set({ vodVisibility: 'unlisted' })
      .where(eq(channelTable.id, channel.id))
    const { id, stream } = await recording(channel.id)
    expect(await vods.get(id)).toMatchObject({
      ...{
        kind: 'live',
        status: 'recording',
        streamId: stream.id,
        title: channel.title,
        visibility: 'unlisted',
      },
      ...{ channel: { id: channel.id, slug: channel.slug, ownerId: channel.owner.id }, author: null },
      ...{ startedAt: new Date(now), durationMs: null, tags: [], storyboard: null },
    })
    expect(await vods.openRecording({ streamId: stream.id, instanceId: null })).toEqual({ id })
    expect((await vods.findByStream(stream.id))?.id).toBe(id)
    expect((await vods.findRecording(channel.id))?.id).toBe(id)
    const nowhere = vods.openRecording({ streamId: Bun.randomUUIDv7(), instanceId: null })
    expect(await reasonOf(nowhere)).toBe('stream_not_found')
  })

  test('what was recorded is published with the length of its source and the size of all', async () => {
    const { channel } = await ownedChannel()
    const { id } = await recording(channel.id)
    const rows = [0, 1, 2].flatMap(sequence => [
      segmentRow(id, sequence, { durationSeconds: sequence === 1 ? 2.51 : 2 }),
      segmentRow(id, sequence, { rendition: '720p', sizeBytes: 10 }),
    ])
    await made.manifest.addSegments(rows)
    await made.manifest.addSegments(rows)
    now += 5_000
    expect(await vods.finish(id)).toBe('ready')
    expect(await vods.get(id)).toMatchObject({
      ...{ status: 'ready', durationMs: 6_510, sizeBytes: 3_030, targetDurationSeconds: 3 },
      publishedAt: new Date(now),
    })
    now += 5_000
    expect(await vods.finish(id)).toBe('ready')
    expect((await vods.get(id)).publishedAt).toEqual(new Date(now - 5_000))
    expect(made.finished.filter(each => each === id)).toEqual([id])
    expect(await vods.findRecording(channel.id)).toBeUndefined()
  })

  test('what is not to be published, or has no media, is removed', async () => {
    const { channel } = await ownedChannel()
    const empty = await recording(channel.id)
    await made.manifest.addSegments([segmentRow(empty.id, 0, { isGap: true, sizeBytes: 0 })])
    const off = await recording(channel.id, { visibility: 'off' })
    await made.manifest.addSegments([segmentRow(off.id, 0)])
    for (const { id } of [empty, off]) {
      expect(await vods.finish(id)).toBe('removed')
      expect(await reasonOf(vods.get(id))).toBe('vod_not_found')
      expect(made.removed).toContain(id)
      expect(await vods.finish(id)).toBe('removed')
    }
    expect((await vods.listByStatus('deleted')).map(vod => vod.id)).toContain(off.id)
    await vods.forget(off.id)
    expect((await vods.listByStatus('deleted')).map(vod => vod.id)).not.toContain(off.id)
    expect(await made.manifest.segments(off.id)).toEqual([])
  })

  test('a lost object becomes a gap of the same length, and the size falls by it', async () => {
    const { channel } = await ownedChannel()
    const { id } = await recording(channel.id)
    await made.manifest.addInit(id, {
      ...{ rendition: 'source', index: 0, kind: 'source', data: new Uint8Array([1, 2, 3]) },
      track: { kind: 'video', codec: 'h264', codecString: 'avc1.640020', timescale: 90_000 },
    })
    await made.manifest.addSegments([0, 1, 2].map(sequence => segmentRow(id, sequence)))
    await vods.finish(id)
    await made.manifest.markGap(id, 'source', 1)
    await made.manifest.markGap(id, 'source', 1)
    expect((await vods.get(id)).sizeBytes).toBe(2_000)
    const [one, two] = await made.manifest.segments(id, { rendition: 'source', from: 1 })
    expect(one).toMatchObject({ sequence: 1, isGap: true, durationSeconds: 2, sizeBytes: 0, checksum: '' })
    expect(new Uint8Array(two!.samples)).toEqual(new Uint8Array([2]))
    expect(await made.manifest.findEntry(id, 'source', 0)).not.toHaveProperty('samples')
    expect(new Uint8Array((await made.manifest.findInit(id, 'source', 0))!.data)).toEqual(
      new Uint8Array([1, 2, 3]),
    )
  })

  test('each sees in a channel’s list what they may know of', async () => {
    const { owner, channel } = await ownedChannel()
    const [moderator, vip] = [await withRole(channel.id, 'moderator'), await withRole(channel.id, 'vip')]
    const author = await createAccount(services)
    for (const visibility of ['public', 'unlisted', 'private'] as const)
      await published(channel.id, visibility)
    const clip = { channelId: channel.id, kind: 'clip', title: 'clip in work', visibility: 'public' } as const
    await vods.create({ ...clip, authorId: author.id })
    await recording(channel.id, { visibility: 'off' })
    expect(await listed(channel.id)).toEqual(['public'])
    expect(await listed(channel.id, (await createAccount(services)).id)).toEqual(['public'])
    expect(await listed(channel.id, vip.id)).toEqual(['private', 'public'])
    expect(await listed(channel.id, author.id)).toEqual(['clip in work', 'public'])
    for (const { id } of [owner, moderator])
      expect(await listed(channel.id, id)).toEqual(['clip in work', 'private', 'public', 'unlisted'])
  })

  test('pages hold every VOD once, latest first, while some come and go', async () => {
    const { channel } = await ownedChannel()
    const ids: string[] = []
    for (let i = 0; i < 7; i++) {
      ids.unshift(await published(channel.id))
      if (i !== 3) now += 1_000
    }
    const page = (cursor?: string) =>
      vods.list({ channelId: channel.id, kind: 'upload', limit: 3, cursor, accountId: undefined })
    const first = await page()
    await published(channel.id)
    await vods.remove(first.items.at(-1)!.id)
    const second = await page(first.nextCursor)
    const third = await page(second.nextCursor)
    const seen = [first, second, third].flatMap(each => each.items.map(item => item.id))
    expect(seen).toEqual(ids)
    expect(third.nextCursor).toBeUndefined()
    expect(await reasonOf(page("1.' or 1=1"))).toBe('cursor_invalid')
  })

  test('who runs the channel or made it changes and deletes it, and nobody else', async () => {
    const { owner, channel } = await ownedChannel()
    const [moderator, vip, author] = [
      await withRole(channel.id, 'moderator'),
      await withRole(channel.id, 'vip'),
      await createAccount(services),
    ]
    const clip = { channelId: channel.id, kind: 'clip', title: 'Goal', visibility: 'public' } as const
    const { id } = await vods.create({ ...clip, authorId: author.id })
    expect(await reasonOf(vods.update(vip.id, id, { title: 'Mine' }))).toBe('not_allowed')
    expect(await reasonOf(vods.delete(vip.id, id))).toBe('not_allowed')
    for (const { id: accountId } of [owner, moderator, author])
      expect(await vods.update(accountId, id, { title: accountId, tags: ['a', 'b'] })).toMatchObject({
        ...{ title: accountId, tags: ['a', 'b'], description: '' },
      })
    expect(await reasonOf(vods.update(owner.id, id, { visibility: 'off' }))).toBe('visibility_off')
    expect(await reasonOf(vods.update(owner.id, id, { thumbnailMs: 1 }))).toBe('thumbnail_outside')
    await vods.delete(author.id, id)
    expect(made.removed).toContain(id)
    expect(await reasonOf(vods.update(owner.id, id, {}))).toBe('vod_not_found')
    expect(await vods.find(id)).toBeUndefined()
    const live = await recording(channel.id)
    expect(await reasonOf(vods.delete(owner.id, live.id))).toBe('vod_recording')
  })

  test('a job tells of its progress, and of what it could not do', async () => {
    const { owner, channel } = await ownedChannel()
    const upload = { channelId: channel.id, kind: 'upload', title: 'Film', visibility: 'public' } as const
    const { id } = await vods.create({ ...upload, authorId: owner.id })
    await vods.setProgress(id, 0.25)
    expect(await vods.get(id)).toMatchObject({ status: 'processing', progress: 0.25, author: owner })
    await vods.fail(id, 'This is no video.')
    await vods.finish(id)
    expect(await vods.get(id)).toMatchObject({
      status: 'failed',
      problem: 'This is no video.',
      progress: null,
    })
    expect(await reasonOf(vods.create({ ...upload, channelId: Bun.randomUUIDv7() }))).toBe(
      'channel_not_found',
    )
  })
})
