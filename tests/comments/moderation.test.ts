/** The chat's rules below videos, on both databases. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { CommentsService, Visitor } from '../../src/comments/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { type BelowVideos, nobody, openBelowVideos } from './below-videos.ts'

setDefaultTimeout(30_000)

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let stage: BelowVideos
  let comments: CommentsService
  const clock = { now: Date.now() }

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    stage = await openBelowVideos(opened, clock)
    comments = stage.comments
  }, 60_000)
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await opened[Symbol.asyncDispose]()
  })

  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )
  const texts = async (vodId: string, viewer?: Visitor) => {
    const page = { vodId, order: 'newest' as const, limit: 100 }
    return (await comments.listThreads(viewer ?? nobody, page)).items.map(each => each.text)
  }
  const says = (who: Visitor, vodId: string, text: string) => {
    clock.now += 11_000
    return comments.add(who, { vodId, text }).then(
      ({ status }) => status as string,
      error => error.reason as string,
    )
  }

  test('blocked words and links are refused or held, and moderators decide', async () => {
    const { vodId, owner, slug } = await stage.video()
    const { moderation, review } = stage.chat
    const [ada, moderator] = [await stage.person(), await stage.person()]
    await moderation.setRole(owner.account, slug, moderator.account.username, 'moderator')
    await moderation.updateSettings(owner.account, slug, { blockedWords: ['badword*'], links: 'refuse' })
    expect(await says(ada, vodId, 'what a\nb4dw0rd')).toBe('chat_word_refused')
    expect(await says(ada, vodId, 'see\nexample.com')).toBe('chat_link_refused')
    expect(await says(moderator, vodId, 'see example.com')).toBe('visible')
    await moderation.updateSettings(owner.account, slug, { links: 'hold', wordAction: 'hold' })
    expect([await says(ada, vodId, 'see example.org'), await says(ada, vodId, 'badwords')]).toEqual([
      'held',
      'held',
    ])
    expect(await texts(vodId)).toEqual(['see example.com'])
    expect(await texts(vodId, ada)).toEqual(['badwords', 'see example.org', 'see example.com'])
    expect(await reasonOf(comments.held(ada.account, slug, { limit: 10 }))).toBe('not_moderator')
    const { items } = await comments.held(moderator.account, slug, { limit: 10 })
    expect(items).toMatchObject([
      {
        reason: 'link',
        vodTitle: 'A video',
        comment: { author: { id: ada.account.id }, text: 'see example.org' },
      },
      { reason: 'word', comment: { text: 'badwords' } },
    ])
    const [link, word] = items.map(each => each.comment.id) as [string, string]
    expect(await reasonOf(comments.edit(ada, link, 'something else'))).toBe('comment_held')
    expect(await reasonOf(comments.review(ada.account, link, { isApproved: true }))).toBe('not_moderator')
    const both = [true, false].map(isApproved => comments.review(moderator.account, link, { isApproved }))
    const outcomes = await Promise.all(both.map(reasonOf))
    expect(outcomes.toSorted()).toEqual(['accepted', 'comment_not_held'])
    await comments.review(owner.account, word, { isApproved: false, reason: 'no' })
    const approved = outcomes[0] === 'accepted' ? ['see example.org'] : []
    expect(await texts(vodId, ada)).toEqual([...approved, 'see example.com'])
    expect((await comments.held(owner.account, slug, { limit: 10 })).items).toEqual([])
    const log = await review.log(owner.account, slug, { limit: 5 })
    expect(log.items[0]).toMatchObject({
      action: 'reject',
      reason: 'no',
      details: { vodId, commentId: word },
    })
    expect(log.items[2]).toMatchObject({ action: 'hold', actor: null, target: { id: ada.account.id } })
  })

  test('an edit that the rules would not have let pass goes back to the moderators', async () => {
    const { vodId, owner, slug } = await stage.video()
    const ada = await stage.person()
    await stage.chat.moderation.updateSettings(owner.account, slug, { links: 'hold' })
    const { id } = await comments.add(ada, { vodId, text: 'harmless' })
    expect((await comments.edit(ada, id, 'harmless: example.com')).status).toBe('held')
    expect(await texts(vodId)).toEqual([])
    await comments.review(owner.account, id, { isApproved: true })
    expect(await texts(vodId)).toEqual(['harmless: example.com'])
  })

  test('a first comment is held once; who has spoken in the chat is no stranger', async () => {
    const { vodId, owner, slug } = await stage.video()
    const [ada, bob] = [await stage.person(), await stage.person()]
    await stage.chat.moderation.updateSettings(owner.account, slug, { isFirstMessageHeld: true })
    expect(await says(ada, vodId, 'hello')).toBe('held')
    const [held] = (await comments.held(owner.account, slug, { limit: 1, vodId })).items
    expect(held?.reason).toBe('first_message')
    await comments.review(owner.account, held!.comment.id, { isApproved: true })
    expect(await says(ada, vodId, 'hello again')).toBe('visible')
    const room = await stage.chat.open(slug)
    const said = await room.say({ ...bob, viewerKey: 'bob' }, { text: 'in the chat' })
    expect(said.outcome).toBe('held')
    const waiting = await stage.chat.review.held(owner.account, slug, { limit: 1 })
    await stage.chat.review.approve(owner.account, slug, waiting.items[0]!.message.id)
    room.release()
    expect(await says(bob, vodId, 'below the video')).toBe('visible')
  })

  test('a flood and the same twice are refused, on all videos of the channel', async () => {
    const { vodId } = await stage.video()
    const ada = await stage.person()
    expect(await says(ada, vodId, 'the same')).toBe('visible')
    clock.now += 60_000
    expect(await says(ada, vodId, 'The same!')).toBe('chat_duplicate')
    clock.now += 600_000
    expect(await says(ada, vodId, 'the same')).toBe('visible')
    clock.now += 600_000
    const flood = Array.from({ length: 8 }, (_, n) => comments.add(ada, { vodId, text: `number ${n}` }))
    const outcomes = await Promise.all(flood.map(reasonOf))
    expect(outcomes.filter(each => each === 'chat_flood')).toHaveLength(3)
  })

  test('bans and timeouts of accounts and of addresses keep out; who is hidden does not know', async () => {
    const { vodId, owner, slug } = await stage.video()
    const { moderation } = stage.chat
    const [ada, bob, eve] = [await stage.person(), await stage.person(), await stage.person()]
    expect(await says(ada, vodId, 'before')).toBe('visible')
    await moderation.timeout(owner.account, slug, { username: ada.account.username }, { seconds: 60 })
    expect(await says(ada, vodId, 'silenced')).toBe('chat_timed_out')
    expect((await comments.about(ada, vodId)).me?.timedOutUntil).toBeString()
    // A timeout takes nothing away that was written before.
    expect(await texts(vodId)).toEqual(['before'])
    clock.now += 61_000
    const spam = await comments.add(eve, { vodId, text: 'buy my stuff' })
    await moderation.ban(owner.account, slug, { messageId: spam.id }, { isAddressToo: true })
    expect(await texts(vodId)).toEqual(['before'])
    expect(await says(eve, vodId, 'let me in')).toBe('chat_banned')
    const neighbour = { ...bob, address: eve.address }
    expect(await says(neighbour, vodId, 'from the same house')).toBe('chat_banned')
    const [first] = (await comments.listThreads(nobody, { vodId, order: 'newest', limit: 1 })).items
    expect(await reasonOf(comments.like(eve, first!.id))).toBe('chat_banned')
    expect((await comments.about(eve, vodId)).me?.isBanned).toBe(true)
    await moderation.shadow(owner.account, slug, { username: bob.account.username })
    expect(await says(bob, vodId, 'can you hear me')).toBe('visible')
    expect(await texts(vodId, bob)).toEqual(['can you hear me', 'before'])
    expect(await texts(vodId, owner)).toEqual(['before'])
    const [own] = (await comments.listThreads(bob, { vodId, order: 'newest', limit: 1 })).items
    expect(await comments.like(bob, own!.id)).toEqual({ likeCount: 1, isLiked: true })
    clock.now += 11_000
    const reply = await comments.add(bob, { vodId, text: 'hello?', replyTo: own!.id })
    expect(reply.status).toBe('visible')
    expect((await comments.edit(bob, own!.id, 'edited')).text).toBe('edited')
    expect((await comments.about(nobody, vodId)).count).toBe(1)
  })

  test('owners and moderators are not taken away by moderators', async () => {
    const { vodId, owner, slug } = await stage.video()
    const [moderator, other] = [await stage.person(), await stage.person()]
    for (const each of [moderator, other])
      await stage.chat.moderation.setRole(owner.account, slug, each.account.username, 'moderator')
    const [own, theirs] = [
      await comments.add(owner, { vodId, text: 'mine' }),
      await comments.add(other, { vodId, text: 'a colleague’s' }),
    ]
    expect(await reasonOf(comments.delete(moderator, own.id))).toBe('target_protected')
    expect(await reasonOf(comments.delete(moderator, theirs.id))).toBe('target_protected')
    await comments.delete(owner, theirs.id)
    expect(await texts(vodId)).toEqual(['mine'])
  })
})
