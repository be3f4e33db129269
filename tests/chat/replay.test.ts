/** What was said while a video was made, on both databases. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { deriveKey } from '../../src/accounts/secret.ts'
import { Composer } from '../../src/chat/composer.ts'
import { Replay } from '../../src/chat/replay.ts'
import { ReplayRepository } from '../../src/chat/replay-repository.ts'
import { ChatRepository } from '../../src/chat/repository.ts'
import { Retention } from '../../src/chat/retention.ts'
import { RetentionRepository } from '../../src/chat/retention-repository.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { createLog } from '../../src/log.ts'
import { type OpenedPlayback, openPlayback } from '../../src/playback/open-playback.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { ShownVods } from '../../src/vod/shown-vods.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, TEST_SECRET, type TestServices } from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'
import { channelWithOwner, chatter, createChat, TestWire } from './chats.ts'

setDefaultTimeout(30_000)

const START = 1_800_000_000_000
const DAY_MS = 86_400_000
const log = createLog('silent')
const nobody = { accountId: undefined }

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let made: TestVods
  let chat: ChatService
  let replay: Replay
  let playback: OpenedPlayback
  let now = START

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    const clock = { now: () => now }
    services = createServices(opened.database, clock)
    made = createVods(opened.database, clock)
    chat = createChat(opened.database, services, new TestWire().end(), clock)
    const { db } = opened.database
    const repository = new ChatRepository(db)
    const composer = new Composer({ repository, emotes: { resolve: async () => [] } })
    const { vods } = made
    const bus = new LocalBus({ log })
    playback = await openPlayback({ db, bus, key: deriveKey(TEST_SECRET, 'playback'), log, ...clock })
    const shown = new ShownVods({ vods, playback: playback.service })
    replay = new Replay({ replay: new ReplayRepository(db), repository, composer, shown, vods, ...clock })
  }, 60_000)
  afterAll(async () => {
    await chat.close()
    await playback[Symbol.asyncDispose]()
    await opened[Symbol.asyncDispose]()
  })

  /** Segments of 2 s from START, with a publisher's drop of 30 s after the fifth. */
  async function recorded(visibility: 'public' | 'private' = 'public') {
    now = START
    const { owner, channel, slug } = await channelWithOwner(services)
    const stream = await services.streams.open(channel.id)
    const { id: vodId } = await made.vods.openRecording({ streamId: stream.id, instanceId: null, visibility })
    const startsAtMs = (n: number) => START + n * 2_000 + (n >= 5 ? 30_000 : 0)
    await made.manifest.addSegments(
      Array.from({ length: 10 }, (_, n) => segmentRow(vodId, n, { startsAtMs: startsAtMs(n) })),
    )
    const room = await chat.open(slug)
    const bob = await chatter(services)
    const say = async (atMs: number, text: string, who = bob) => {
      now = START + atMs
      const said = await room.say(who, { text })
      if (said.outcome !== 'sent') throw new Error(said.outcome)
      return said.message.message.id
    }
    const end = async () => {
      await services.streams.end(stream.id)
      await made.vods.finish(vodId)
      now += 3_000
    }
    return { owner, channel, slug, stream, vodId, room, bob, say, end }
  }

  const read = async (vodId: string, fromMs = 0, toMs = 100_000) => {
    const { items } = await replay.read(nobody, { vodId, fromMs, toMs, limit: 500 })
    return items.map(each => [each.text, each.offsetMs] as const)
  }
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )

  test('messages come in the time of the picture; those of a drop at the cut; of before and after at the ends', async () => {
    const { vodId, say, end } = await recorded()
    await say(-4_000, 'waiting')
    await say(1_500, 'one and a half')
    await say(9_999, 'just before')
    await say(12_000, 'where is it?')
    await say(39_000, 'still away')
    await say(41_250, 'back')
    await say(75_000, 'that was it')
    await end()
    expect(await read(vodId)).toEqual([
      ['waiting', 0],
      ['one and a half', 1_500],
      ['just before', 9_999],
      ['where is it?', 10_000],
      ['still away', 10_000],
      ['back', 11_250],
      ['that was it', 20_000],
    ])
    expect((await read(vodId, 0, 10_000)).map(([text]) => text)).toEqual([
      'waiting',
      'one and a half',
      'just before',
    ])
    expect(await read(vodId, 10_000, 11_250)).toEqual([
      ['where is it?', 10_000],
      ['still away', 10_000],
    ])
    expect(await read(vodId, 11_250, 20_000)).toEqual([['back', 11_250]])
    expect(await read(vodId, 20_000, 20_001)).toEqual([['that was it', 20_000]])
  })

  test('pages follow each other without loss, even where many speak in one millisecond', async () => {
    const { vodId, say, end, owner } = await recorded()
    const people = await Promise.all(Array.from({ length: 6 }, () => chatter(services)))
    const said: string[] = []
    for (let n = 0; n < 4; n++)
      await Promise.all(people.map((who, index) => say(5_000 + n * 3_000, `${n} of ${index}`, who)))
    for (let n = 0; n < 4; n++) said.push(...people.map((_, index) => `${n} of ${index}`))
    await end()
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await replay.read(
        { accountId: owner.account.id },
        { vodId, fromMs: 0, toMs: 60_000, limit: 5, cursor },
      )
      seen.push(...page.items.map(each => each.text))
      cursor = page.nextCursor
    } while (cursor)
    expect(seen.toSorted()).toEqual(said.toSorted())
    const wrong = replay.read(nobody, { vodId, fromMs: 0, toMs: 1, limit: 5, cursor: 'x' })
    expect(await reasonOf(wrong)).toBe('cursor_invalid')
  })

  test('what is deleted, hidden, held or cleared is not replayed, even when that was long after', async () => {
    const { vodId, slug, owner, bob, room, say, end } = await recorded()
    const [eve, spammer] = [await chatter(services), await chatter(services)]
    await chat.moderation.updateSettings(owner.account, slug, { links: 'hold' })
    const deleted = await say(1_000, 'to be deleted')
    now = START + 2_000
    await room.say(eve, { text: 'see example.com' })
    await say(3_000, 'buy my stuff', spammer)
    await chat.moderation.shadow(owner.account, slug, { username: eve.account.username })
    now = START + 4_000
    await room.say(eve, { text: 'nobody hears this' })
    const question = await say(5_000, 'a question')
    now = START + 6_000
    await room.say(owner, { text: 'an answer', replyTo: question })
    await end()
    expect(await read(vodId)).toEqual([
      ['to be deleted', 1_000],
      ['buy my stuff', 3_000],
      ['a question', 5_000],
      ['an answer', 6_000],
    ])
    now += 40 * DAY_MS
    await chat.moderation.deleteMessage(owner.account, slug, deleted)
    await chat.moderation.ban(owner.account, slug, { username: spammer.account.username })
    await chat.moderation.deleteMessage(bob.account, slug, question)
    const { items } = await replay.read(nobody, { vodId, fromMs: 0, toMs: 60_000, limit: 10 })
    expect(items).toMatchObject([{ text: 'an answer', replyTo: null, offsetMs: 6_000 }])
    const held = await chat.review.held(owner.account, slug, { limit: 10 })
    await chat.review.approve(owner.account, slug, held.items[0]!.message.id)
    expect((await read(vodId))[0]).toEqual(['see example.com', 2_000])
    await chat.moderation.clear(owner.account, slug)
    expect(await read(vodId)).toEqual([])
  })

  test('a clip replays its part, and a clip of a clip its own', async () => {
    const { vodId, channel, say, end } = await recorded()
    await say(3_000, 'before')
    await say(8_500, 'in both')
    await say(25_000, 'in the cut')
    await say(43_000, 'in the first')
    await say(47_000, 'after')
    await end()
    const cut = async (sourceId: string, parts: readonly [startsAtMs: number, seconds: number][]) => {
      const clip = { fromMs: 0, toMs: 1, isExact: false }
      const asked = { kind: 'clip' as const, title: 'Clip', visibility: 'public' as const, sourceId, clip }
      const { id } = await made.vods.create({ ...asked, channelId: channel.id })
      await made.manifest.addSegments(
        parts.map(([startsAtMs, durationSeconds], n) =>
          segmentRow(id, n, { startsAtMs: START + startsAtMs, durationSeconds }),
        ),
      )
      await made.vods.finish(id)
      return id
    }
    const first = await cut(vodId, [
      [8_000, 2],
      [40_000, 6],
    ])
    expect(await read(first)).toEqual([
      ['in both', 500],
      ['in the cut', 2_000],
      ['in the first', 5_000],
    ])
    expect(await read(first, 501, 5_000)).toEqual([['in the cut', 2_000]])
    const second = await cut(first, [
      [8_250, 1.75],
      [40_000, 0.5],
    ])
    expect(await read(second)).toEqual([
      ['in both', 250],
      ['in the cut', 1_750],
    ])
    await made.vods.remove(vodId)
    await made.vods.forget(vodId)
    expect(await read(second)).toEqual([])
  })

  test('a private video’s chat is for who may watch it; an upload has none', async () => {
    const { vodId, channel, owner, say, end } = await recorded('private')
    await say(1_000, 'among us')
    await end()
    const request = { vodId, fromMs: 0, toMs: 60_000, limit: 10 }
    expect(await reasonOf(replay.read(nobody, request))).toBe('not_signed_in')
    const page = await replay.read({ accountId: owner.account.id }, request)
    expect(page).toMatchObject({ items: [{ text: 'among us' }], isPublic: false })
    const upload = { channelId: channel.id, kind: 'upload' as const, title: 'A file' }
    const { id } = await made.vods.create({ ...upload, visibility: 'public' })
    await made.vods.finish(id)
    expect(await read(id)).toEqual([])
  })

  test('the chat of what is still recorded grows with it', async () => {
    const { vodId, say } = await recorded()
    await say(1_000, 'early')
    expect(await read(vodId)).toEqual([['early', 1_000]])
    await made.manifest.addSegments([segmentRow(vodId, 10, { startsAtMs: START + 50_000 })])
    await say(51_500, 'later')
    expect((await read(vodId)).at(-1)).toEqual(['later', 21_500])
  })

  test('a room’s retention spares what a video replays, and takes it when the video is gone', async () => {
    const { vodId, slug, owner, channel, say, end } = await recorded()
    await chat.moderation.updateSettings(owner.account, slug, { retentionDays: 7 })
    const gone = await say(1_000, 'deleted anyway')
    await say(2_000, 'kept')
    await end()
    await say(now - START + 60_000, 'after the stream')
    await chat.moderation.deleteMessage(owner.account, slug, gone)
    now += 8 * DAY_MS
    const { db } = opened.database
    await using retention = new Retention({
      ...{ repository: new RetentionRepository(db), now: () => now, log },
    })
    await retention.run()
    expect(await new ChatRepository(db).findMessage(channel.id, gone)).toBeUndefined()
    expect(await read(vodId)).toEqual([['kept', 2_000]])
    await made.vods.remove(vodId)
    expect(await retention.run()).toBe(1)
  })
})
