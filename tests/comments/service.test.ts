/** Comments on videos on both databases: threads, pages, likes, edits, and who sees what. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Comment } from '../../src/comments/records.ts'
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
  const textsOf = (items: readonly Comment[]) => items.map(each => each.text)
  const threads = async (vodId: string, viewer?: Visitor, order: 'newest' | 'liked' = 'newest') =>
    (await comments.listThreads(viewer ?? nobody, { vodId, order, limit: 100 })).items
  const replies = async (vodId: string, threadId: string, viewer?: Visitor) =>
    (await comments.listReplies(viewer ?? nobody, { vodId, threadId, limit: 100 })).items
  /** Says `text` when its author may again. */
  const say = (who: Visitor, vodId: string, text: string, replyTo?: string) => {
    clock.now += 11_000
    return comments.add(who, { vodId, text, replyTo })
  }

  test('threads come newest first, their replies oldest first, both page by page', async () => {
    const { vodId, owner } = await stage.video()
    const ada = await stage.person()
    const heads: Comment[] = []
    for (let n = 0; n < 7; n++) heads.push(await say(ada, vodId, `thread ${n}`))
    for (let n = 0; n < 5; n++) await say(owner, vodId, `reply ${n}`, heads[3]!.id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await comments.listThreads(nobody, { vodId, order: 'newest', limit: 3, cursor })
      expect(page.items.length).toBeLessThanOrEqual(3)
      seen.push(...textsOf(page.items))
      cursor = page.nextCursor
      // What is new is on the first page alone.
      if (seen.length === 3) await say(ada, vodId, 'meanwhile')
    } while (cursor)
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map(n => `thread ${n}`))
    const inThread = { vodId, threadId: heads[3]!.id, limit: 3 }
    const first = await comments.listReplies(nobody, inThread)
    const second = await comments.listReplies(nobody, { ...inThread, cursor: first.nextCursor })
    expect(textsOf([...first.items, ...second.items])).toEqual([0, 1, 2, 3, 4].map(n => `reply ${n}`))
    expect(second.nextCursor).toBeUndefined()
    expect(first.items[0]).toMatchObject({
      ...{ threadId: heads[3]!.id, author: { id: owner.account.id, badges: ['owner'] } },
      ...{ replyTo: { id: heads[3]!.id, username: ada.account.username }, replyCount: 0 },
    })
    expect((await threads(vodId)).find(each => each.id === heads[3]!.id)?.replyCount).toBe(5)
    expect(await comments.about(ada, vodId)).toMatchObject({ count: 13, me: { isModerator: false } })
    const wrong = comments.listThreads(nobody, { vodId, order: 'newest', limit: 3, cursor: 'nonsense' })
    expect(await reasonOf(wrong)).toBe('cursor_invalid')
  })

  test('a reply to a reply is in the same thread and says whom it answers', async () => {
    const { vodId } = await stage.video()
    const other = await stage.video()
    const [ada, bob] = [await stage.person(), await stage.person()]
    const head = await say(ada, vodId, 'a question')
    const answer = await say(bob, vodId, 'an answer', head.id)
    const thanks = await say(ada, vodId, 'thanks', answer.id)
    expect(thanks).toMatchObject({
      threadId: head.id,
      replyTo: { id: answer.id, username: bob.account.username },
    })
    expect(await reasonOf(say(ada, other.vodId, 'lost', answer.id))).toBe('comment_not_found')
    expect(await reasonOf(say(ada, vodId, 'to nothing', Bun.randomUUIDv7()))).toBe('comment_not_found')
    await comments.delete(bob, answer.id)
    expect(await replies(vodId, head.id)).toMatchObject([{ text: 'thanks', replyTo: null }])
  })

  test('likes are counted once an account, exactly, though many like at once', async () => {
    const { vodId } = await stage.video()
    const people = await Promise.all(Array.from({ length: 12 }, () => stage.person()))
    const [first, second, third] = [
      await say(people[0]!, vodId, 'first'),
      await say(people[1]!, vodId, 'second'),
      await say(people[2]!, vodId, 'third'),
    ]
    // Everybody three times at once; every third changes their mind meanwhile.
    await Promise.all(
      people.flatMap((who, index) => [
        comments.like(who, second.id),
        comments.like(who, second.id),
        index % 3 === 0 ? comments.unlike(who, second.id) : comments.like(who, second.id),
      ]),
    )
    await Promise.all(people.slice(0, 4).map(who => comments.unlike(who, second.id)))
    const liked = await Promise.all(people.slice(4).map(who => comments.like(who, second.id)))
    expect(Math.max(...liked.map(each => each.likeCount))).toBe(8)
    await comments.like(people[0]!, third.id)
    const shown = await threads(vodId, people[0], 'liked')
    expect(shown.map(({ text, likeCount, isLiked }) => [text, likeCount, isLiked])).toEqual([
      ['second', 8, false],
      ['third', 1, true],
      ['first', 0, false],
    ])
    const page = await comments.listThreads(nobody, { vodId, order: 'liked', limit: 2 })
    const rest = { vodId, order: 'liked' as const, limit: 2, cursor: page.nextCursor }
    expect(textsOf((await comments.listThreads(nobody, rest)).items)).toEqual(['first'])
    await comments.delete(people[0]!, first.id)
    expect(await reasonOf(comments.like(people[1]!, first.id))).toBe('comment_not_found')
  })

  test('its author edits it, which is marked; what is deleted leaves its thread, and no text', async () => {
    const { vodId, owner, slug } = await stage.video()
    const [ada, bob] = [await stage.person(), await stage.person()]
    const head = await say(ada, vodId, '  two\r\n\r\n\r\n\r\nlines \u202e ')
    expect(head).toMatchObject({ text: 'two\n\nlines', editedAt: null })
    expect(await reasonOf(comments.edit(bob, head.id, 'not mine'))).toBe('not_author')
    expect((await comments.edit(ada, head.id, 'two\n\nlines')).editedAt).toBeNull()
    const edited = await comments.edit(ada, head.id, 'better')
    expect(edited).toMatchObject({ text: 'better', editedAt: new Date(clock.now) })
    expect(await reasonOf(comments.edit(ada, head.id, 'x'.repeat(2_001)))).toBe('chat_text_too_long')
    await say(bob, vodId, 'a reply', head.id)
    expect(await reasonOf(comments.delete(bob, head.id))).toBe('not_moderator')
    await comments.delete(owner, head.id, 'off topic')
    expect(await threads(vodId, ada)).toMatchObject([
      { id: head.id, status: 'removed', text: '', author: null, replyCount: 1 },
    ])
    expect(textsOf(await replies(vodId, head.id))).toEqual(['a reply'])
    expect(await reasonOf(comments.edit(ada, head.id, 'again'))).toBe('comment_not_found')
    expect(await reasonOf(comments.delete(ada, head.id))).toBe('comment_not_found')
    const lonely = await say(ada, vodId, 'nobody answers')
    await comments.delete(ada, lonely.id)
    expect(await threads(vodId)).toHaveLength(1)
    const log = await stage.chat.review.log(owner.account, slug, { limit: 10 })
    expect(log.items).toMatchObject([
      { action: 'delete', actor: { id: ada.account.id }, details: { vodId, commentId: lonely.id } },
      {
        action: 'delete',
        actor: { id: owner.account.id },
        target: { id: ada.account.id },
        reason: 'off topic',
      },
    ])
  })

  test('only who may see a video sees and writes its comments', async () => {
    const { vodId, owner, slug, channelId } = await stage.video('private')
    const [ada, member] = [await stage.person(), await stage.person()]
    await stage.chat.moderation.setRole(owner.account, slug, member.account.username, 'vip')
    const head = await say(member, vodId, 'among us')
    expect(head.author?.badges).toEqual(['vip'])
    const attempts = (who: typeof ada) => [
      comments.listThreads(who, { vodId, order: 'newest', limit: 10 }),
      comments.listReplies(who, { vodId, threadId: head.id, limit: 10 }),
      comments.about(who, vodId),
      comments.add(who, { vodId, text: 'hello' }),
      comments.like(who, head.id),
      comments.delete(who, head.id),
    ]
    const outcomes = await Promise.all(attempts(ada).map(reasonOf))
    expect(outcomes).toEqual(outcomes.map(() => 'playback_forbidden'))
    expect(await reasonOf(comments.about(nobody, vodId))).toBe('not_signed_in')
    const link = await stage.playback.share(owner.account.id, { channelId, vodId, name: 'For Ada', days: 1 })
    const invited = { ...ada, token: link.token }
    expect(await reasonOf(comments.add(invited, { vodId, text: 'let in by a link' }))).toBe('accepted')
    expect(await comments.about({ ...nobody, token: link.token }, vodId)).toMatchObject({
      count: 2,
      me: null,
    })
    await comments.like(invited, head.id)
    expect(textsOf(await threads(vodId, owner))).toEqual(['let in by a link', 'among us'])
    const unlisted = await stage.video('unlisted')
    expect((await comments.add(ada, { vodId: unlisted.vodId, text: 'found it' })).status).toBe('visible')
  })
})
