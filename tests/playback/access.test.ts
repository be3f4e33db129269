/** Who may watch what: by visibility, as a member, by a share link, and by a token that was given before. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { chatRoles } from '../../src/db/chat-schema.ts'
import type { Visibility } from '../../src/playback/access.ts'
import type { Watchable } from '../../src/playback/service.ts'
import { createChannel } from '../support/platform.ts'
import { createVods } from '../support/vods.ts'
import { AccessStage, HOUR, reasonOf } from './access-stage.ts'

let stage: AccessStage

beforeAll(async () => {
  stage = await AccessStage.open()
}, 30_000)
beforeEach(() => stage.begin())
afterAll(() => stage[Symbol.asyncDispose]())

describe('a channel that is', () => {
  test('public is watched by everybody, and nobody needs a token', async () => {
    expect(await stage.ask({})).toBe('open')
    expect(await stage.ask({ token: 'nonsense' })).toBe('open')
    expect(await stage.show()).toBe('in')
    expect(stage.playback.admissions.isOpen(stage.channelId)).toBe(true)
  })

  test('unlisted is watched by whoever asks where it is, with a token', async () => {
    await stage.setVisibility('unlisted')
    expect(stage.playback.admissions.isOpen(stage.channelId)).toBe(false)
    expect(await stage.ask({})).toBe('token')
    expect(await stage.ask({ accountId: stage.stranger, token: 'nonsense' })).toBe('token')
    expect(await stage.show(await stage.tokenFor({}))).toBe('in')
    expect(await stage.show()).toBe('playback_token_missing')
    expect(await stage.show('nonsense')).toBe('playback_token_invalid')
  })

  test('private is watched by its owner and by who has a role in it', async () => {
    await stage.setVisibility('private')
    expect(await stage.ask({})).toBe('not_signed_in')
    expect(await stage.ask({ accountId: stage.stranger })).toBe('playback_forbidden')
    expect(await stage.ask({ token: 'nonsense' })).toBe('playback_token_invalid')
    expect(await stage.show()).toBe('playback_token_missing')
    for (const accountId of [
      stage.owner,
      await stage.grant('moderator'),
      await stage.grant('vip'),
      await stage.grant('subscriber'),
    ]) {
      expect(await stage.ask({ accountId, token: 'nonsense' })).toBe('token')
      expect(await stage.show(await stage.tokenFor({ accountId }))).toBe('in')
    }
  })

  test('gone is watched by nobody', async () => {
    const id = crypto.randomUUID()
    const thing = await stage.playback.service.channel(id)
    expect(await stage.ask({ accountId: stage.owner }, thing)).toBe('playback_forbidden')
    expect(stage.playback.admissions.isOpen(id)).toBe(false)
  })
})

test('who was let in as anybody is shut out when the channel becomes private, and members are not', async () => {
  await stage.setVisibility('unlisted')
  const [anybody, members] = [await stage.tokenFor({}), await stage.tokenFor({ accountId: stage.owner })]
  await stage.setVisibility('private')
  expect(await stage.show(anybody)).toBe('playback_token_invalid')
  expect(await stage.show(anybody, members)).toBe('in')
  expect(await stage.ask({ token: anybody })).toBe('playback_token_invalid')
  await stage.setVisibility('public')
  expect(await stage.show()).toBe('in')
})

test('a token is renewed by itself, for as long as whom it was given to may watch', async () => {
  await stage.setVisibility('private')
  const member = await stage.grant('vip')
  let token = await stage.tokenFor({ accountId: member })
  for (let hours = 0; hours < 12; hours += 3) {
    stage.now += 3 * HOUR
    const renewed = await stage.tokenFor({ token })
    expect(renewed).not.toBe(token)
    token = renewed
  }
  expect(await stage.show(token)).toBe('in')
  await stage.opened.database.db.delete(chatRoles).where(eq(chatRoles.accountId, member))
  // Nobody was told: it is read anew within half a minute.
  stage.now += 30_000
  expect(await stage.show(token)).toBe('playback_token_invalid')
  expect(await stage.ask({ token })).toBe('playback_token_invalid')
  stage.now += 4 * HOUR
  expect(await stage.ask({ token: await stage.tokenFor({ accountId: stage.owner }) })).toBe('token')
  expect(await stage.ask({ token })).toBe('playback_token_invalid')
})

describe('a share link', () => {
  test('lets in whoever has it, until it ends', async () => {
    await stage.setVisibility('private')
    const share = await stage.playback.service.share(stage.owner, {
      channelId: stage.channelId,
      name: 'press',
      days: 1,
    })
    expect(await stage.show(share.token)).toBe('playback_token_invalid')
    const token = await stage.tokenFor({ token: share.token })
    expect(await stage.show(token)).toBe('in')
    expect(await stage.ask({ accountId: stage.stranger, token: share.token })).toBe('token')
    stage.now += 23 * HOUR
    const last = await stage.playback.service.passFor(await stage.playback.service.channel(stage.channelId), {
      accountId: undefined,
      token: share.token,
    })
    expect(last!.expiresAt.getTime()).toBeLessThanOrEqual(share.expiresAt.getTime())
    stage.now += HOUR
    expect(await stage.show(last!.token)).toBe('playback_token_invalid')
    expect(await stage.ask({ token: share.token })).toBe('playback_token_invalid')
    expect(await stage.playback.service.shares(stage.owner, stage.channelId)).toEqual([])
  })

  test('that is revoked lets nobody in from that moment on, while others go on', async () => {
    await stage.setVisibility('private')
    const [one, other] = await Promise.all(
      ['one', 'other'].map(name =>
        stage.playback.service.share(stage.owner, { channelId: stage.channelId, name, days: 365 }),
      ),
    )
    expect(
      (await stage.playback.service.shares(stage.owner, stage.channelId)).map(({ name, token }) => ({
        name,
        token,
      })),
    ).toEqual(
      expect.arrayContaining([
        { name: 'one', token: one!.token },
        { name: 'other', token: other!.token },
      ]),
    )
    const [first, second] = [
      await stage.tokenFor({ token: one!.token }),
      await stage.tokenFor({ token: other!.token }),
    ]
    expect(await stage.show(first)).toBe('in')
    await stage.playback.service.revokeShare(stage.owner, one!.id)
    expect(await stage.show(first)).toBe('playback_token_invalid')
    expect(await stage.ask({ token: one!.token })).toBe('playback_token_invalid')
    // Nor does a token that it gave bring another.
    expect(await stage.ask({ token: first })).toBe('playback_token_invalid')
    expect(await stage.show(second)).toBe('in')
    expect(
      (await stage.playback.service.shares(stage.owner, stage.channelId)).map(({ name }) => name),
    ).toEqual(['other'])
    expect(await stage.playback.service.revokeShare(stage.owner, one!.id).catch(reasonOf)).toBe(
      'share_not_found',
    )
  })

  test('is made, seen and revoked by the owner alone, and there are only so many', async () => {
    const { service } = stage.playback
    const asked = { channelId: stage.channelId, name: '', days: 1 }
    const moderator = await stage.grant('moderator')
    const share = await service.share(stage.owner, asked)
    for (const accountId of [stage.stranger, moderator]) {
      expect(await service.share(accountId, asked).catch(reasonOf)).toBe('not_owner')
      expect(await service.shares(accountId, stage.channelId).catch(reasonOf)).toBe('not_owner')
      expect(await service.revokeShare(accountId, share.id).catch(reasonOf)).toBe('not_owner')
    }
    for (let made = 1; made < 200; made++) await service.share(stage.owner, asked)
    expect(await service.share(stage.owner, asked).catch(reasonOf)).toBe('too_many_shares')
    // Those that have expired make room.
    stage.now += 25 * HOUR
    await service.share(stage.owner, asked)
    expect(await service.shares(stage.owner, stage.channelId)).toHaveLength(1)
  }, 30_000)
})

describe('a video', () => {
  async function video(visibility: Visibility, authorId?: string): Promise<Watchable> {
    const { vods } = createVods(stage.opened.database)
    const { id } = await vods.create({
      channelId: stage.channelId,
      kind: 'upload',
      title: 't',
      visibility,
      authorId,
    })
    return { kind: 'vod', id, channelId: stage.channelId, visibility, authorId }
  }
  const showTo = (thing: Watchable, ...tokens: string[]) =>
    stage.playback.admissions.admitTo(thing, tokens).then(() => 'in', reasonOf)

  test('is watched by its own visibility, whatever the channel’s', async () => {
    await stage.setVisibility('private')
    expect(await stage.ask({}, await video('public'))).toBe('open')
    expect(await stage.ask({}, await video('unlisted'))).toBe('token')
    const hidden = await video('private')
    expect(await stage.ask({}, hidden)).toBe('not_signed_in')
    expect(await stage.ask({ accountId: stage.owner }, hidden)).toBe('token')
    expect(await stage.ask({ accountId: stage.stranger }, await video('private', stage.stranger))).toBe(
      'token',
    )
    expect(await stage.ask({}, { ...hidden, visibility: 'off' })).toBe('not_signed_in')
  })

  test('is opened by no token but its own', async () => {
    await stage.setVisibility('private')
    const [one, other] = [await video('private'), await video('private')]
    const token = await stage.tokenFor({ accountId: stage.owner }, one)
    expect(await showTo(one, token)).toBe('in')
    expect(await showTo(other, token)).toBe('playback_token_invalid')
    expect(await stage.show(token)).toBe('playback_token_invalid')
    const live = await stage.tokenFor({ accountId: stage.owner })
    expect(await showTo(one, live)).toBe('playback_token_invalid')
    expect(await showTo(one)).toBe('playback_token_missing')
  })

  test('has share links of its own', async () => {
    await stage.setVisibility('private')
    const [one, other] = [await video('private'), await video('private')]
    const share = await stage.playback.service.share(stage.owner, {
      channelId: stage.channelId,
      vodId: one.id,
      name: '',
      days: 7,
    })
    expect(await stage.ask({ token: share.token }, one)).toBe('token')
    expect(await stage.ask({ token: share.token }, other)).toBe('playback_token_invalid')
    expect(await stage.ask({ token: share.token })).toBe('playback_token_invalid')
    const ofChannel = await stage.playback.service.share(stage.owner, {
      channelId: stage.channelId,
      name: '',
      days: 7,
    })
    expect(await stage.ask({ token: ofChannel.token }, one)).toBe('playback_token_invalid')
    expect(
      (await stage.playback.service.shares(stage.owner, stage.channelId, one.id)).map(({ id }) => id),
    ).toEqual([share.id])
    const elsewhere = (await createChannel(stage.services, stage.stranger)).id
    const stolen = stage.playback.service.share(stage.stranger, {
      channelId: elsewhere,
      vodId: one.id,
      name: '',
      days: 7,
    })
    expect(await stolen.catch(reasonOf)).toBe('vod_not_found')
  })
})
