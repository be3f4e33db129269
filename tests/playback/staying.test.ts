/** Changes of who may watch count at once, for those who watch already too, and on every instance. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { channels } from '../../src/db/schema.ts'
import { channelOf } from '../../src/playback/access.ts'
import type { OpenedPlayback } from '../../src/playback/open-playback.ts'
import { Standings } from '../../src/playback/standings.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { waitFor } from '../support/wait-for.ts'
import { AccessStage, HOUR, log } from './access-stage.ts'

let stage: AccessStage

beforeAll(async () => {
  stage = await AccessStage.open()
}, 30_000)
beforeEach(() => stage.begin())
afterAll(() => stage[Symbol.asyncDispose]())

describe('who stays', () => {
  /** Watches over one connection; answers why they were sent away. */
  function stay(tokens: readonly string[], at: OpenedPlayback = stage.playback) {
    const refused: string[] = []
    const leave = at.admissions.stay(stage.channelId, tokens, reason => refused.push(reason.reason))
    return { refused, leave }
  }
  const sentAway = (guest: { refused: string[] }) =>
    waitFor(() => guest.refused.length > 0, { message: 'the guest to be sent away', intervalMs: 1 })

  test('is sent away once, when the channel closes to them, and who belongs to it is not', async () => {
    await stage.setVisibility('unlisted')
    const [anybody, owners] = [await stage.tokenFor({}), await stage.tokenFor({ accountId: stage.owner })]
    await stage.setVisibility('public')
    await stage.playback.admissions.admit(stage.channelId, [])
    const [none, some, own, left] = [stay([]), stay([anybody]), stay([owners]), stay([])]
    left.leave()
    await stage.setVisibility('private')
    await Promise.all([none, some].map(sentAway))
    await stage.setVisibility('private')
    await stage.setVisibility('public')
    expect([none.refused, some.refused]).toEqual([['playback_token_missing'], ['playback_token_invalid']])
    expect([own.refused, left.refused]).toEqual([[], []])
    none.leave()
    none.leave()
  })

  test('may stay when their token expires, for there is no way to show another', async () => {
    await stage.setVisibility('private')
    const share = await stage.playback.service.share(stage.owner, {
      channelId: stage.channelId,
      name: '',
      days: 1,
    })
    const [own, shared] = [
      stay([await stage.tokenFor({ accountId: stage.owner })]),
      stay([await stage.tokenFor({ token: share.token })]),
    ]
    stage.now += 10 * HOUR
    await stage.playback.service.changed(stage.channelId)
    // The link itself has an end.
    stage.now += 15 * HOUR
    await stage.playback.service.changed(stage.channelId)
    await sentAway(shared)
    expect(own.refused).toEqual([])
  })

  test('is sent away when the link that let them in is revoked', async () => {
    await stage.setVisibility('private')
    const share = await stage.playback.service.share(stage.owner, {
      channelId: stage.channelId,
      name: '',
      days: 1,
    })
    const guest = stay([await stage.tokenFor({ token: share.token })])
    await stage.playback.service.revokeShare(stage.owner, share.id)
    await sentAway(guest)
  })

  test('is sent away at once when the channel was closed while they were let in', async () => {
    await stage.setVisibility('private')
    await sentAway(stay([]))
  })
})

describe('another instance', () => {
  test('hears of a change, and sends away who watches there', async () => {
    const other = await stage.another()
    await other.admissions.admit(stage.channelId, [])
    expect(other.admissions.isOpen(stage.channelId)).toBe(true)
    const refused: string[] = []
    other.admissions.stay(stage.channelId, [], reason => refused.push(reason.reason))
    await stage.setVisibility('private')
    await waitFor(() => refused.length > 0, { message: 'the viewer there to be sent away', intervalMs: 1 })
    expect(other.admissions.isOpen(stage.channelId)).toBe(false)
    await other[Symbol.asyncDispose]()
  })

  test('finds out at its next heartbeat when nothing can be heard', async () => {
    const deaf = new LocalBus({ log })
    const other = await stage.another(deaf)
    await other.admissions.admit(stage.channelId, [])
    await stage.setVisibility('private')
    expect(other.admissions.isOpen(stage.channelId)).toBe(true)
    const refused: string[] = []
    other.admissions.stay(stage.channelId, [], reason => refused.push(reason.reason))
    await other.refresh()
    expect(other.admissions.isOpen(stage.channelId)).toBe(false)
    await waitFor(() => refused.length > 0, { message: 'the viewer there to be sent away', intervalMs: 1 })
    await other[Symbol.asyncDispose]()
    await deaf.close()
  })
})

test('while the visibility is read anew after a change, nobody passes by what it was', async () => {
  await stage.playback.admissions.admit(stage.channelId, [])
  expect(stage.playback.admissions.isOpen(stage.channelId)).toBe(true)
  await stage.opened.database.db
    .update(channels)
    .set({ visibility: 'private' })
    .where(eq(channels.id, stage.channelId))
  const changing = stage.playback.service.changed(stage.channelId)
  expect(stage.playback.admissions.isOpen(stage.channelId)).toBe(false)
  expect(await stage.show()).toBe('playback_token_missing')
  await changing
})

test('many who come at once cost a query for all of them, and none while it holds', async () => {
  let queries = 0
  const repository = {
    findMembers: async (_: string, ids: readonly string[]) => {
      queries++
      await Promise.resolve()
      return new Set(ids)
    },
    findGoodShares: async () => [],
  }
  const standings = new Standings({ repository, now: () => stage.now })
  const channel = channelOf(stage.channelId, 'private')
  const askAll = () =>
    Promise.all(Array.from({ length: 1_000 }, (_, id) => standings.isLetIn(channel, `account:${id}`)))
  expect(new Set(await askAll())).toEqual(new Set([true]))
  expect(queries).toBe(1)
  stage.now += 29_999
  await askAll()
  expect(queries).toBe(1)
  stage.now += 1
  await askAll()
  standings.forget(stage.channelId)
  await askAll()
  expect(queries).toBe(3)
})
