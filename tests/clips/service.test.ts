/** Who may cut which part of what. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { ClipsService } from '../../src/clips/service.ts'
import { chatRoles } from '../../src/db/chat-schema.ts'
import { databaseKinds } from '../support/database.ts'
import { ClipSite, makerOf, type Person, reasonOf } from './clip-site.ts'

describe.each([...databaseKinds])('%s', kind => {
  let site: ClipSite
  beforeAll(async () => {
    site = await ClipSite.open(kind)
  }, 30_000)
  afterAll(() => site[Symbol.asyncDispose]())

  test('a clip is its author’s, of the source’s channel, and a job makes it', async () => {
    const { channel, owner } = await site.channel()
    const source = await site.video(channel.id)
    const viewer = await site.person()
    site.started.length = 0
    const asked = {
      of: { vodId: source.id },
      fromMs: 1_500.4,
      toMs: 21_000,
      title: 'well done',
      isExact: true,
    }
    const { id } = await site.clips.create(makerOf(viewer), asked)
    expect(site.started).toEqual([id])
    expect(await site.made.vods.get(id)).toMatchObject({
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
    const stranger = await site.person()
    expect(await reasonOf(site.made.vods.delete(stranger.id, id))).toBe('not_allowed')
    expect(await reasonOf(site.made.vods.delete(viewer.id, id))).toBe('accepted')
    const another = await site.cut(viewer, source)
    expect(await reasonOf(site.made.vods.delete(owner.id, another.id))).toBe('accepted')
    expect(await site.made.vods.find(another.id)).toBeUndefined()
  })

  test('the channel says who may', async () => {
    for (const [clipsBy, expected] of [
      ['everyone', ['accepted', 'accepted', 'accepted', 'accepted', 'accepted']],
      ['followers', ['clips_followers_only', 'accepted', 'accepted', 'accepted', 'accepted']],
      ['members', ['clips_members_only', 'clips_members_only', 'accepted', 'accepted', 'accepted']],
      ['nobody', ['clips_off', 'clips_off', 'clips_off', 'accepted', 'accepted']],
    ] as const) {
      const { channel, owner } = await site.channel({ clipsBy })
      const source = await site.video(channel.id)
      const [stranger, follower, vip, moderator] = await Promise.all(
        Array.from({ length: 4 }, () => site.person()),
      )
      await site.services.channels.follow(follower!.id, channel.id)
      const roles = [
        { accountId: vip!.id, role: 'vip' as const },
        { accountId: moderator!.id, role: 'moderator' as const },
      ].map(each => ({ ...each, channelId: channel.id, grantedAt: new Date(site.now) }))
      await site.opened.database.db.insert(chatRoles).values(roles)
      const people = [stranger, follower, vip, moderator, owner]
      const outcomes = await Promise.all(people.map(person => reasonOf(site.cut(person!, source))))
      expect([clipsBy, outcomes]).toEqual([clipsBy, [...expected]])
    }
  }, 20_000)

  test('it lasts a second to ninety, within the video', async () => {
    const { channel, owner } = await site.channel()
    const source = await site.video(channel.id)
    const tries = async (from: number, to: number) => {
      site.now += 3_600_001
      const outcome = await site.cut(owner, source, from, to).catch(error => error.reason as string)
      if (typeof outcome === 'string') return outcome
      const { clip } = await site.made.vods.get(outcome.id)
      await site.made.vods.fail(outcome.id, 'not made here')
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
    const { channel, owner } = await site.channel()
    const live = await site.recording(channel.id, 'public')
    expect(await reasonOf(site.cut(owner, live, 20_000, 60_000))).toBe('accepted')
    expect(await reasonOf(site.cut(owner, live, 20_000, 64_001))).toBe('clip_range_invalid')
    const { id } = await site.made.vods.create({
      channelId: channel.id,
      kind: 'upload',
      title: 'x',
      visibility: 'public',
    })
    expect(await reasonOf(site.cut(owner, { id }))).toBe('vod_not_found')
    const clip = await site.cut(owner, live, 0, 2_000)
    await site.made.vods.finish(clip.id)
    expect(await reasonOf(site.cut(owner, clip, 0, 1_000))).toBe('clip_of_a_clip')
  })

  test('three at a time, thirty an hour', async () => {
    const { channel } = await site.channel()
    const source = await site.video(channel.id)
    const person = await site.person()
    const finished = async () => {
      const clip = await site.cut(person, source)
      await site.made.vods.fail(clip.id, 'not made here')
    }
    for (let count = 0; count < 3; count++) await site.cut(person, source)
    expect(await reasonOf(site.cut(person, source))).toBe('clip_limit_reached')
    for (const unfinished of await site.repository.listUnfinished(1_000))
      await site.made.vods.fail(unfinished, 'no')
    for (let count = 3; count < 30; count++) await finished()
    expect(await reasonOf(site.cut(person, source))).toBe('clip_limit_reached')
    site.now += 3_600_001
    expect(await reasonOf(site.cut(person, source))).toBe('accepted')
  })

  test('a job that cannot be sent leaves no clip that waits for ever', async () => {
    const { channel, owner } = await site.channel()
    const source = await site.video(channel.id)
    const broken = new ClipsService({
      ...site.parts(),
      start: () => Promise.reject(new Error('the queue is away')),
    })
    await expect(
      broken.create(makerOf(owner), {
        of: { vodId: source.id },
        fromMs: 0,
        toMs: 5_000,
        title: 'a clip',
        isExact: false,
      }),
    ).rejects.toThrow('the queue is away')
    const { items } = await site.made.vods.list({
      channelId: channel.id,
      kind: 'clip',
      limit: 9,
      accountId: owner.id,
    })
    expect(items.map(item => item.status)).toEqual(['failed'])
  })

  test('only of what they may watch', async () => {
    const stranger = await site.person()
    const { channel, owner } = await site.channel({ visibility: 'private' })
    expect(await reasonOf(site.cut(stranger, await site.video(channel.id, 'private')))).toBe('vod_not_found')
    expect(await reasonOf(site.cut(stranger, { id: Bun.randomUUIDv7() }))).toBe('vod_not_found')
    expect(await reasonOf(site.cut(owner, { slug: channel.slug }, 0, 4_000))).toBe('not_live')
    expect(await reasonOf(site.cut(owner, { slug: 'nowhere' }, 0, 4_000))).toBe('channel_not_found')
    await site.recording(channel.id, 'off')
    expect(await reasonOf(site.cut(stranger, { slug: channel.slug }, 0, 4_000))).toBe('playback_forbidden')
    expect(await reasonOf(site.cut(owner, { slug: channel.slug }, 0, 4_000))).toBe('accepted')
  })

  test('who was sent a link may cut what it is for, with its token', async () => {
    const guest = await site.person()
    const { channel, owner } = await site.channel({ visibility: 'private' })
    const source = await site.video(channel.id, 'private')
    const asked = { channelId: channel.id, vodId: source.id, name: 'a friend', days: 1 }
    const { token } = await site.playback.service.share(owner.id, asked)
    const request = { fromMs: 0, toMs: 5_000, title: 'a clip', isExact: false, token }
    const ofVideo = site.clips.create(makerOf(guest), { ...request, of: { vodId: source.id } })
    expect((await site.made.vods.get((await ofVideo).id)).visibility).toBe('private')
    await site.recording(channel.id, 'private')
    const ofLive = site.clips.create(makerOf(guest), { ...request, of: { slug: channel.slug } })
    expect(await reasonOf(ofLive)).toBe('playback_forbidden')
  })

  test('the chat’s bans, timeouts and words hold for clips, and who is shadowed is not listed', async () => {
    const { channel, owner } = await site.channel()
    const source = await site.video(channel.id)
    const [ada, bob, eve] = [await site.person(), await site.person(), await site.person()]
    const { moderation } = site.chat
    await moderation.ban(owner, channel.slug, { username: ada.username })
    expect(await reasonOf(site.cut(ada, source))).toBe('chat_banned')
    await moderation.timeout(owner, channel.slug, { username: bob.username }, { seconds: 60 })
    expect(await reasonOf(site.cut(bob, source))).toBe('chat_timed_out')
    site.now += 61_000
    const held = { links: 'hold', wordAction: 'hold', followersOnlyMinutes: 10 } as const
    await moderation.updateSettings(owner, channel.slug, { ...held, blockedWords: ['badword'] })
    const named = (person: Person, title: string) => reasonOf(site.cut(person, source, 0, 5_000, title))
    expect(await named(bob, 'a badword')).toBe('chat_word_refused')
    expect(await named(bob, 'see example.com')).toBe('chat_link_refused')
    expect(await named(bob, 'fine')).toBe('accepted')
    expect(await named(owner, 'see example.com')).toBe('accepted')
    await moderation.shadow(owner, channel.slug, { username: eve.username })
    expect((await site.made.vods.get((await site.cut(eve, source)).id)).visibility).toBe('unlisted')
  })
})
