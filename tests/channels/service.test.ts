/** Channels on both databases: addresses, owners, and stream keys that a stolen dump does not reveal. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { deriveKey } from '../../src/accounts/secret.ts'
import { ChannelsRepository } from '../../src/channels/repository.ts'
import { ChannelsService } from '../../src/channels/service.ts'
import type { IngestLimits } from '../../src/channels/settings.ts'
import { channels as table } from '../../src/db/schema.ts'
import type { ChannelRules as LiveRules } from '../../src/live/channel-rules.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  createAccount,
  createChannel,
  createServices,
  type TestServices,
  uniqueSlug,
} from '../support/platform.ts'

/** Of a new channel. */
const PUBLISHING = {
  visibility: 'public',
  vodVisibility: 'public',
  vodRetentionDays: null,
  clipsBy: 'everyone',
} as const

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let channels: ChannelsService

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database)
    channels = services.channels
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )

  test('a channel has the owner, title and address it was given', async () => {
    const owner = await createAccount(services)
    const slug = uniqueSlug()
    const made = await channels.create(owner.id, { slug, title: 'Émile’s 🎮', description: 'Two\nlines' })
    expect(made).toMatchObject({ slug, title: 'Émile’s 🎮', description: 'Two\nlines', owner })
    expect(await channels.getBySlug(slug)).toEqual(made)
    expect(await channels.listOwned(owner.id)).toEqual([made])
    expect(await reasonOf(channels.getBySlug('nobody-has-this'))).toBe('channel_not_found')
  })

  test.each([
    ['a', 'slug_invalid'],
    ['a'.repeat(65), 'slug_invalid'],
    ['Upper', 'slug_invalid'],
    ['has space', 'slug_invalid'],
    ['../etc', 'slug_invalid'],
    ['dot.dot', 'slug_invalid'],
    ...['dashboard', 'docs', 'trpc', 'hls', 'whep', 'whip', 'dash', 'flv', 'vod', 'chat', 'embed'].map(
      word => [word, 'slug_reserved'],
    ),
    ...['thumbnails', 'healthz', 'readyz', 'metrics', 'assets', 'api', 'sign-in'].map(word => [
      word,
      'slug_reserved',
    ]),
  ])('refuses the address %j', async (slug, reason) => {
    const owner = await createAccount(services)
    expect(await reasonOf(channels.create(owner.id, { slug: slug!, title: 't' }))).toBe(reason)
  })

  test('an address is taken once, also when two ask at once', async () => {
    const [alice, bob] = [await createAccount(services), await createAccount(services)]
    const slug = uniqueSlug()
    const both = [alice, bob].map(owner => reasonOf(channels.create(owner.id, { slug, title: 't' })))
    expect((await Promise.all(both)).sort()).toEqual(['accepted', 'slug_taken'])
  })

  test('an account has at most ten channels, also when it asks for all at once', async () => {
    const owner = await createAccount(services)
    const asked = Array.from({ length: 12 }, () => reasonOf(createChannel(services, owner.id)))
    const outcomes = await Promise.all(asked)
    expect(outcomes.filter(outcome => outcome === 'accepted')).toHaveLength(10)
    expect(outcomes.filter(outcome => outcome === 'channel_limit_reached')).toHaveLength(2)
  })

  test('nobody but the owner changes a channel or sees its key', async () => {
    const [owner, other] = [await createAccount(services), await createAccount(services)]
    const { id } = await createChannel(services, owner.id)
    expect(await reasonOf(channels.update(other.id, id, { title: 'mine' }))).toBe('not_owner')
    expect(await reasonOf(channels.streamKey(other.id, id))).toBe('not_owner')
    expect(await reasonOf(channels.rotateStreamKey(other.id, id))).toBe('not_owner')
    expect(await reasonOf(channels.streamKey(owner.id, Bun.randomUUIDv7()))).toBe('channel_not_found')
    expect(await channels.update(owner.id, id, { title: 'New' })).toMatchObject({
      title: 'New',
      description: '',
    })
    expect(await channels.update(owner.id, id, { description: 'd' })).toMatchObject({
      title: 'New',
      description: 'd',
    })
    expect(await channels.update(owner.id, id, {})).toMatchObject({ title: 'New', description: 'd' })
  })

  test('followers are counted once each, until they follow no more', async () => {
    const [owner, fan] = [await createAccount(services), await createAccount(services)]
    const { id } = await createChannel(services, owner.id)
    expect(await channels.following(id, fan.id)).toEqual({ followerCount: 0, isFollowing: false })
    await Promise.all([fan, fan, owner].map(each => channels.follow(each.id, id)))
    expect(await channels.following(id, fan.id)).toEqual({ followerCount: 2, isFollowing: true })
    expect(await channels.following(id, undefined)).toEqual({ followerCount: 2, isFollowing: false })
    for (const _ of ['once', 'twice']) await channels.unfollow(fan.id, id)
    expect(await channels.following(id, fan.id)).toEqual({ followerCount: 1, isFollowing: false })
    expect(await reasonOf(channels.follow(fan.id, Bun.randomUUIDv7()))).toBe('channel_not_found')
  })

  test('a stream key opens its channel alone, until it is rotated', async () => {
    const owner = await createAccount(services)
    const [one, two] = [await createChannel(services, owner.id), await createChannel(services, owner.id)]
    expect(one.streamKey).toMatch(/^live_[a-z2-7]{32}$/)
    expect(await channels.authorizeStreamKey(one.streamKey)).toMatchObject({ id: one.id, slug: one.slug })
    expect(await channels.authorizeStreamKey(two.streamKey)).toMatchObject({ id: two.id, slug: two.slug })
    const rotated = await channels.rotateStreamKey(owner.id, one.id)
    expect(await channels.streamKey(owner.id, one.id)).toBe(rotated)
    expect(await channels.authorizeStreamKey(rotated)).toMatchObject({ id: one.id, slug: one.slug })
    const wrong = [
      one.streamKey,
      '',
      'live_',
      `${rotated}a`,
      rotated.toUpperCase(),
      'x'.repeat(100_000),
      'nul\0',
    ]
    for (const key of wrong)
      expect(await reasonOf(channels.authorizeStreamKey(key))).toBe('stream_key_invalid')
  })

  test('the stored row reveals no key, and a moved ciphertext opens nothing', async () => {
    const owner = await createAccount(services)
    const [one, two] = [await createChannel(services, owner.id), await createChannel(services, owner.id)]
    const { db } = opened.database
    const [row] = await db.select().from(table).where(eq(table.id, one.id))
    const readable = [
      JSON.stringify(row),
      Buffer.from(row!.streamKeyCipher, 'base64').toString('latin1'),
    ].join()
    expect(readable).not.toContain(one.streamKey.slice(5, 17))
    await db.update(table).set({ streamKeyCipher: row!.streamKeyCipher }).where(eq(table.id, two.id))
    expect(await reasonOf(channels.streamKey(owner.id, two.id))).toBe('stream_key_unreadable')
  })

  test('with another secret keys still work and can be rotated, but not be seen', async () => {
    const owner = await createAccount(services)
    const { id, slug, streamKey } = await createChannel(services, owner.id)
    const changed = new ChannelsService({
      channels: new ChannelsRepository(opened.database.db),
      streamKeyKey: deriveKey('another secret', 'stream-key'),
    })
    expect(await reasonOf(changed.streamKey(owner.id, id))).toBe('stream_key_unreadable')
    expect(await changed.authorizeStreamKey(streamKey)).toMatchObject({ id, slug })
    expect(
      await changed.streamKey(owner.id, id).catch(() => changed.rotateStreamKey(owner.id, id)),
    ).toStartWith('live_')
  })

  test('a new channel rejects a second publisher, hands back from the backup, and limits nothing', async () => {
    const owner = await createAccount(services)
    const { id, streamKey } = await createChannel(services, owner.id)
    const settings = { secondPublisher: 'reject', backupReturn: 'automatic', onBreach: 'refuse' } as const
    expect(await channels.settings(owner.id, id)).toEqual({ ...settings, ...PUBLISHING, ingestLimits: {} })
    const { rules } = await channels.authorizeStreamKey(streamKey)
    expect(rules).toEqual({ ...settings, limits: {} })
  })

  test('settings change one by one, are stored, and a limit is taken away by null', async () => {
    const owner = await createAccount(services)
    const { id } = await createChannel(services, owner.id)
    await channels.updateSettings(owner.id, id, { secondPublisher: 'takeover' })
    await channels.updateSettings(owner.id, id, { ingestLimits: { maxHeight: 1080, videoCodecs: ['h264'] } })
    const changed = await channels.updateSettings(owner.id, id, {
      backupReturn: 'manual',
      onBreach: 'warn',
      ingestLimits: { maxHeight: null, maxFrameRate: 29.97, maxWidth: undefined },
    })
    const expected = {
      secondPublisher: 'takeover',
      backupReturn: 'manual',
      onBreach: 'warn',
      ingestLimits: { maxFrameRate: 29.97, videoCodecs: ['h264'] },
      ...PUBLISHING,
    } as const
    expect(changed).toEqual(expected)
    expect(await channels.settings(owner.id, id)).toEqual(expected)
    expect(await channels.updateSettings(owner.id, id, {})).toEqual(expected)
  })

  test('who may watch and clip, and what becomes of streams, is the owner’s to say', async () => {
    const owner = await createAccount(services)
    const { id, slug } = await createChannel(services, owner.id)
    const chosen = {
      visibility: 'private',
      vodVisibility: 'off',
      vodRetentionDays: 30,
      clipsBy: 'members',
    } as const
    expect(await channels.updateSettings(owner.id, id, chosen)).toMatchObject(chosen)
    expect(await channels.getBySlug(slug)).toMatchObject({ visibility: 'private', clipsBy: 'members' })
    const kept = await channels.updateSettings(owner.id, id, { vodRetentionDays: null, onBreach: 'warn' })
    expect(kept).toMatchObject({ ...chosen, vodRetentionDays: null })
  })

  test('two changes at once are both kept', async () => {
    const owner = await createAccount(services)
    const { id } = await createChannel(services, owner.id)
    const change = (ingestLimits: IngestLimits) => channels.updateSettings(owner.id, id, { ingestLimits })
    await Promise.all([change({ maxHeight: 720 }), change({ maxFrameRate: 30 }), change({ maxWidth: 1280 })])
    const { ingestLimits } = await channels.settings(owner.id, id)
    expect(ingestLimits).toEqual({ maxHeight: 720, maxFrameRate: 30, maxWidth: 1280 })
  })

  test('nobody but the owner sees or changes the settings', async () => {
    const [owner, other] = [await createAccount(services), await createAccount(services)]
    const { id } = await createChannel(services, owner.id)
    expect(await reasonOf(channels.settings(other.id, id))).toBe('not_owner')
    expect(await reasonOf(channels.updateSettings(other.id, id, { onBreach: 'warn' }))).toBe('not_owner')
  })

  test('of the instance and the channel the stricter limit holds, and so does the stricter action', async () => {
    const owner = await createAccount(services)
    const { id, streamKey } = await createChannel(services, owner.id)
    const instance = {
      maxHeight: 1080,
      maxBitrateBps: 6_000_000,
      videoCodecs: ['hevc', 'h264'],
      audioCodecs: ['aac'],
    } as const
    const limited = (onBreach: 'refuse' | 'warn') =>
      new ChannelsService({
        channels: new ChannelsRepository(opened.database.db),
        streamKeyKey: deriveKey('x', 'stream-key'),
        ingest: { limits: instance, onBreach },
      })
    const own = {
      maxHeight: 720,
      maxBitrateBps: 9_000_000,
      maxFrameRate: 30,
      videoCodecs: ['h264', 'av1'],
      audioCodecs: ['opus', 'aac'],
    } as const
    await channels.updateSettings(owner.id, id, { onBreach: 'warn', ingestLimits: own })
    const { rules } = await limited('refuse').authorizeStreamKey(streamKey)
    expect(rules.limits).toEqual({
      maxHeight: 720,
      maxBitrateBps: 6_000_000,
      maxFrameRate: 30,
      videoCodecs: ['h264'],
      audioCodecs: ['aac'],
    })
    expect(rules).toMatchObject({ onBreach: 'warn', refuseBeyond: instance })
    const lenient = (await limited('warn').authorizeStreamKey(streamKey)).rules
    expect([lenient.onBreach, lenient.refuseBeyond]).toEqual(['warn', undefined])
    await channels.updateSettings(owner.id, id, {
      onBreach: 'refuse',
      ingestLimits: { videoCodecs: ['av1'] },
    })
    const strict = (await limited('warn').authorizeStreamKey(streamKey)).rules
    expect([strict.onBreach, strict.refuseBeyond]).toEqual(['refuse', undefined])
    // Chosen before the instance took other codecs: the channel stays usable.
    expect(strict.limits.videoCodecs).toEqual(['hevc', 'h264'])
    const choose = limited('warn').updateSettings(owner.id, id, { ingestLimits: { videoCodecs: ['av1'] } })
    expect(await reasonOf(choose)).toBe('video_codecs_unavailable')
    const sound = limited('warn').updateSettings(owner.id, id, { ingestLimits: { audioCodecs: ['opus'] } })
    expect(await reasonOf(sound)).toBe('audio_codecs_unavailable')
    const asLive: LiveRules = rules
    expect(asLive.limits.maxHeight).toBe(720)
  })
})
