/** What a page holds of threads, as comments come, change and go. */
import { expect, test } from 'bun:test'
import type { Comment } from '../../src/web/comments/comments-api.ts'
import { appended, changed, withNew, without, withReplies } from '../../src/web/comments/threads.ts'
import { FakeComments } from './fake-comments.ts'

const fake = new FakeComments()
const head = fake.put('head', { replyCount: 3 })
const first = fake.put('first', {}, head)
const second = fake.put('second', {}, first)
const held = fake.put('third', { status: 'held' }, head)
const other = fake.put('other')
const read = withReplies(appended([], [other, head]), head.id, { items: [first, second] })
const isIt =
  (...some: readonly Comment[]) =>
  (each: Comment) =>
    some.some(one => one.id === each.id)

test('a thread on two pages is there once; replies that are there already are not added', () => {
  expect(appended(read, [head, other, first]).map(each => each.head.id)).toEqual([
    other.id,
    head.id,
    first.id,
  ])
  const again = withReplies(read, head.id, { items: [second, held], nextCursor: 'next' })
  expect(again[1]?.replies?.map(each => each.id)).toEqual([first.id, second.id, held.id])
  expect(again[1]?.cursor).toBe('next')
})

test('what is new is first of the threads, last of its thread; what is held is not counted', () => {
  const more = withNew(withNew(read, fake.put('new')), fake.put('a reply', {}, head))
  expect(more.map(each => each.head.text)).toEqual(['new', 'other', 'head'])
  expect(more[2]?.head.replyCount).toBe(4)
  expect(withNew(read, held)[1]?.head.replyCount).toBe(3)
})

test('what goes is not counted, nor quoted; a head stays for as long as something is below it', () => {
  const less = without(read, isIt(first))
  expect(less[1]).toMatchObject({ head: { replyCount: 2 }, replies: [{ id: second.id, replyTo: null }] })
  const [, removed] = without(read, isIt(head))
  expect(removed?.head).toMatchObject({ status: 'removed', author: null, text: '', replyCount: 3 })
  expect(without(read, isIt(other)).map(each => each.head.id)).toEqual([head.id])
  const alone = changed(read, head.id, { replyCount: 2 })
  expect(without(alone, isIt(head, first, second)).map(each => each.head.id)).toEqual([other.id])
})
