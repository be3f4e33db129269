/** Who may cut which part of what, and that a clip is never more visible than its source. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { ClipsRepository } from '../../src/clips/repository.ts'
import { ClipsService } from '../../src/clips/service.ts'
import { chatRoles } from '../../src/db/chat-schema.ts'
import { channels as channelTable } from '../../src/db/schema.ts'
import type { VodVisibility } from '../../src/vod/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let made: TestVods
  let clips: ClipsService
  let repository: ClipsRepository
  let started: string[] = []
  let now = 1_800_000_000_000

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database, { now: () => now })
    made = createVods(opened.database, { now: () => now })
    repository = new ClipsRepository(opened.database.db)
    clips = new ClipsService({
      ...{ clips: repository, vods: made.vods, manifest: made.manifest, channels: services.channels },
      start: async id => void started.push(id),
      now: () => now,
    })
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )
  /** A channel with these settings, and a finished video of twenty seconds in it. */
  const site = async (settings: Partial<typeof channelTable.$inferSelect> = {}) => {
    const owner = await createAccount(services)
    const channel = await createChannel(services, owner.id)
    if (Object.keys(settings).length > 0)
      await opened.database.db.update(channelTable).set(settings).where(eq(channelTable.id, channel.id))
    return { owner, channel }
  }
  const video = async (channelId: string, visibility: Exclude<VodVisibility, 'off'> = 'public') => {
    const { id } = await made.vods.create({ channelId, kind: 'upload', title: 'a video', visibility })
    await made.manifest.addSegments(Array.from({ length: 100 }, (_, sequence) => segmentRow(id, sequence)))
    await made.vods.finish(id)
    return made.vods.get(id)
  }
  const recording = async (channelId: string, visibility: VodVisibility) => {
    const { id: streamId } = await services.streams.open(channelId)
    const { id } = await made.vods.openRecording({ streamId, instanceId: null, visibility })
    await made.manifest.addSegments([segmentRow(id, 0), segmentRow(id, 1)])
    return made.vods.get(id)
  }
  const cut = (accountId: string, source: Awaited<ReturnType<typeof video>>, from = 2_000, to = 12_000) =>
    clips.create({ accountId, source, fromMs: from, toMs: to, title: 'a clip', isExact: false })

  test('a clip is its author’s, of the source’s channel, and a job makes it', async () => {
    const { channel, owner } = await site()
    const source = await video(channel.id)
    const viewer = await createAccount(services)
    started = []
    const { id } = await clips.create({
      ...{ accountId: viewer.id, source, fromMs: 1_500.4, toMs: 21_000, title: 'well done', isExact: true },
    })
    expect(started).toEqual([id])
    expect(await made.vods.get(id)).toMatchObject({
      ...{
        kind: 'clip',
        status: 'processing',
        title: 'well done',
        visibility: 'public',
        sourceId: source.id,
      },
      ...{
        author: { id: viewer.id },
        channel: { id: channel.id },
        clip: { fromMs: 1_500, toMs: 21_000, isExact: true },
      },
    })
    const stranger = await createAccount(services)
    expect(await reasonOf(made.vods.delete(stranger.id, id))).toBe('not_allowed')
    expect(await reasonOf(made.vods.delete(viewer.id, id))).toBe('accepted')
    const another = await cut(viewer.id, source)
    expect(await reasonOf(made.vods.delete(owner.id, another.id))).toBe('accepted')
    expect(await made.vods.find(another.id)).toBeUndefined()
  })

  test('the channel says who may', async () => {
    for (const [clipsBy, expected] of [
      ['everyone', ['accepted', 'accepted', 'accepted', 'accepted', 'accepted']],
      ['followers', ['clips_followers_only', 'accepted', 'accepted', 'accepted', 'accepted']],
      ['members', ['clips_members_only', 'clips_members_only', 'accepted', 'accepted', 'accepted']],
      ['nobody', ['clips_off', 'clips_off', 'clips_off', 'accepted', 'accepted']],
    ] as const) {
      const { channel, owner } = await site({ clipsBy })
      const source = await video(channel.id)
      const [stranger, follower, vip, moderator] = await Promise.all(
        Array.from({ length: 4 }, () => createAccount(services)),
      )
      await services.channels.follow(follower!.id, channel.id)
      const roles = [
        { accountId: vip!.id, role: 'vip' as const },
        { accountId: moderator!.id, role: 'moderator' as const },
      ].map(each => ({ ...each, channelId: channel.id, grantedAt: new Date(now) }))
      await opened.database.db.insert(chatRoles).values(roles)
      const people = [stranger, follower, vip, moderator, owner]
      const outcomes = await Promise.all(people.map(person => reasonOf(cut(person!.id, source))))
      expect([clipsBy, outcomes]).toEqual([clipsBy, [...expected]])
    }
  })

  test('it lasts a second to ninety, within the video', async () => {
    const { channel, owner } = await site()
    const source = await video(channel.id)
    const tries = async (from: number, to: number) => {
      now += 3_600_001
      const outcome = await cut(owner.id, source, from, to).catch(error => error.reason as string)
      if (typeof outcome === 'string') return outcome
      const { clip } = await made.vods.get(outcome.id)
      await made.vods.fail(outcome.id, 'not made here')
      return clip!.toMs
    }
    expect(await tries(0, 90_000)).toBe(90_000)
    // A player's end is a little beyond the video's.
    expect(await tries(150_000, 200_300)).toBe(200_000)
    for (const [from, to] of [
      [0, 90_001],
      [5_000, 5_999],
      [7_000, 6_000],
      [-1, 5_000],
      [150_000, 201_000],
      [199_500, 200_200],
    ] as const)
      expect(await tries(from, to)).toBe('clip_range_invalid')
  })

  test('of a running stream up to a minute ahead of what is stored; not of a clip, nor of what is not ready', async () => {
    const { channel, owner } = await site()
    const live = await recording(channel.id, 'public')
    expect(await reasonOf(cut(owner.id, live, 20_000, 60_000))).toBe('accepted')
    expect(await reasonOf(cut(owner.id, live, 20_000, 64_001))).toBe('clip_range_invalid')
    const { id } = await made.vods.create({
      channelId: channel.id,
      kind: 'upload',
      title: 'x',
      visibility: 'public',
    })
    expect(await reasonOf(cut(owner.id, await made.vods.get(id)))).toBe('clip_source_unready')
    const clip = await made.vods.get((await cut(owner.id, live, 0, 2_000)).id)
    expect(await reasonOf(cut(owner.id, clip, 0, 1_000))).toBe('clip_of_a_clip')
  })

  test('three at a time, thirty an hour', async () => {
    const { channel } = await site()
    const source = await video(channel.id)
    const { id } = await createAccount(services)
    const finished = async () => {
      const clip = await cut(id, source)
      await made.vods.fail(clip.id, 'not made here')
    }
    for (let count = 0; count < 3; count++) await cut(id, source)
    expect(await reasonOf(cut(id, source))).toBe('clip_limit_reached')
    for (const unfinished of await repository.listUnfinished(1_000)) await made.vods.fail(unfinished, 'no')
    for (let count = 3; count < 30; count++) await finished()
    expect(await reasonOf(cut(id, source))).toBe('clip_limit_reached')
    now += 3_600_001
    expect(await reasonOf(cut(id, source))).toBe('accepted')
  })

  test('a job that cannot be sent leaves no clip that waits for ever', async () => {
    const { channel, owner } = await site()
    const source = await video(channel.id)
    const broken = new ClipsService({
      ...{ clips: repository, vods: made.vods, manifest: made.manifest, channels: services.channels },
      start: () => Promise.reject(new Error('the queue is away')),
    })
    const request = { accountId: owner.id, source, fromMs: 0, toMs: 5_000, title: 'a clip', isExact: false }
    await expect(broken.create(request)).rejects.toThrow('the queue is away')
    const { items } = await made.vods.list({
      channelId: channel.id,
      kind: 'clip',
      limit: 9,
      accountId: owner.id,
    })
    expect(items.map(item => item.status)).toEqual(['failed'])
  })

  test('it is never more visible than what it was cut from', async () => {
    const { channel, owner } = await site()
    const viewer = await createAccount(services)
    for (const visibility of ['public', 'unlisted', 'private'] as const) {
      const clip = await cut(viewer.id, await video(channel.id, visibility))
      expect((await made.vods.get(clip.id)).visibility).toBe(visibility)
      await made.vods.fail(clip.id, 'not made here')
    }
    const source = await video(channel.id)
    const { id } = await cut(viewer.id, source)
    const seen = async () => (await made.vods.get(id)).visibility
    await made.vods.update(owner.id, source.id, { visibility: 'unlisted' })
    expect(await seen()).toBe('unlisted')
    const raise = (accountId: string, visibility: VodVisibility) =>
      reasonOf(made.vods.update(accountId, id, { visibility }))
    expect(await raise(viewer.id, 'public')).toBe('clip_too_visible')
    expect(await raise(owner.id, 'public')).toBe('clip_too_visible')
    expect(await raise(viewer.id, 'private')).toBe('accepted')
    expect(await raise(viewer.id, 'unlisted')).toBe('accepted')
    await made.vods.update(owner.id, source.id, { visibility: 'public' })
    expect(await seen()).toBe('unlisted')
    await made.vods.remove(source.id)
    expect(await raise(viewer.id, 'public')).toBe('clip_too_visible')
    expect(await raise(owner.id, 'public')).toBe('accepted')
  })

  test('of a running stream it is no more visible than the channel, nor than the recording that is kept', async () => {
    for (const [channelIs, recordingIs, expected] of [
      ['public', 'public', 'public'],
      ['public', 'private', 'private'],
      ['private', 'public', 'private'],
      ['unlisted', 'off', 'unlisted'],
      ['public', 'off', 'public'],
    ] as const) {
      const { channel, owner } = await site({ visibility: channelIs })
      const clip = await cut(owner.id, await recording(channel.id, recordingIs), 0, 4_000)
      expect((await made.vods.get(clip.id)).visibility).toBe(expected)
    }
  })
})
