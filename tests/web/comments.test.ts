/** The comments below a video, in Chromium: with mouse, keyboard and screen reader, on a wide page and on a phone. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, openPage } from './browser.ts'
import { FakeComments, me } from './fake-comments.ts'
import { ApiFailure } from './fake-site.ts'
import { PartsSite } from './parts-site.ts'

setDefaultTimeout(30_000)

let browser: Browser
let site: PartsSite
let comments: FakeComments

beforeAll(async () => {
  browser = await launchBrowser()
  site = await PartsSite.open()
})
afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})
beforeEach(() => {
  site.calls.length = 0
  comments = new FakeComments()
  site.answers = comments.answers()
})

async function openComments(options: Parameters<typeof openPage>[1] = {}) {
  const watched = await openPage(browser, { viewport: { width: 900, height: 800 }, ...options })
  await watched.page.goto(`${site.url}/comments`)
  await watched.page.getByRole('heading', { name: /comment/ }).waitFor()
  return watched
}

function item(page: Page, text: string | RegExp) {
  return page.locator('.comment', { hasText: text }).last()
}

const texts = (page: Page) => page.locator('.comment-text').allTextContents()
const focused = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
  )

test('by keyboard alone: a comment is written, answered, liked, changed and deleted', async () => {
  comments.put('a fine film')
  await using watched = await openComments()
  const { page, problems } = watched
  await page.getByRole('heading', { name: '1 comment' }).waitFor()
  await page.getByLabel('Comment', { exact: true }).focus()
  await page.keyboard.type('so it is')
  await page.keyboard.press('Enter')
  await page.keyboard.type('indeed')
  await page.keyboard.press('Control+Enter')
  await item(page, 'so it is').waitFor()
  expect(site.named('comments.add')).toMatchObject([{ text: 'so it is\nindeed' }])
  await page.getByRole('heading', { name: '2 comments' }).waitFor()
  await page.getByRole('status').filter({ hasText: 'Your comment is there.' }).waitFor({ state: 'attached' })
  await item(page, 'a fine film').getByRole('button', { name: 'Reply to fan1' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA')
  await page.keyboard.press('Escape')
  expect(await focused(page)).toBe('Reply to fan1')
  await page.keyboard.press('Enter')
  await page.keyboard.type('I agree')
  await page.keyboard.press('Control+Enter')
  await page.locator('.replies', { hasText: 'I agree' }).waitFor()
  expect(await focused(page)).toBe('Reply to fan1')
  await item(page, 'a fine film').getByRole('button', { name: /^Like/ }).press('Space')
  await page.getByRole('button', { name: 'Like fan1’s comment, 1 so far', pressed: true }).waitFor()
  await item(page, 'I agree').getByRole('button', { name: 'More for grace’s comment' }).press('Enter')
  await page.getByRole('menuitem', { name: 'Copy text' }).waitFor()
  await page.keyboard.press('ArrowDown')
  expect(await focused(page)).toBe('Edit')
  await page.keyboard.press('Enter')
  await page.keyboard.type(' with you')
  await page.keyboard.press('Control+Enter')
  await item(page, 'I agree with you').getByText('(edited)').waitFor()
  expect(await focused(page)).toBe('grace’s comment')
  await item(page, 'so it is').getByRole('button', { name: 'More for grace’s comment' }).press('Enter')
  await page.getByRole('menuitem', { name: 'Delete' }).press('Enter')
  await page.waitForFunction(() => !document.body.textContent?.includes('so it is'))
  // What had the focus is gone: reading goes on at the comments, not at the top of the page.
  await page.locator('h2:focus', { hasText: '2 comments' }).waitFor()
  expect(problems).toEqual([])
})

test('threads are ordered and read page by page, replies where somebody asks', async () => {
  const heads = Array.from({ length: 12 }, (_, n) =>
    comments.put(`thread ${n}.`, { likeCount: (n * 5) % 12 }),
  )
  for (let n = 0; n < 7; n++) comments.put(`reply ${n}.`, {}, heads[11])
  const quoted = comments.put('reply to a reply', {}, comments.all.at(-1))
  await using watched = await openComments()
  const { page, problems } = watched
  await item(page, 'thread 11.').waitFor()
  expect(await texts(page)).toHaveLength(5)
  await page.getByRole('button', { name: 'Show more comments' }).click()
  await item(page, 'thread 2.').waitFor()
  await page.getByRole('button', { name: 'Show more comments' }).click()
  await item(page, 'thread 0.').waitFor()
  expect(await page.getByRole('button', { name: 'Show more comments' }).count()).toBe(0)
  await page.getByRole('button', { name: '8 replies', expanded: false }).click()
  await item(page, 'reply 4.').waitFor()
  await page.getByRole('button', { name: 'Show more replies' }).click()
  await item(page, 'reply to a reply').getByText(`@${quoted.replyTo?.username}`).waitFor()
  expect((await texts(page)).slice(1, 8).map(each => each.trim())).toEqual(
    [0, 1, 2, 3, 4, 5, 6].map(n => `reply ${n}.`),
  )
  await page.getByRole('button', { name: 'Hide replies', expanded: true }).click()
  await page.getByText('Most liked').click()
  await page.waitForFunction(() =>
    document.querySelector('.comment-text')?.textContent?.includes('thread 7.'),
  )
  expect((await texts(page)).map(each => each.trim())).toEqual(
    heads
      .toSorted((a, b) => b.likeCount - a.likeCount)
      .slice(0, 5)
      .map(each => each.text),
  )
  expect(problems).toEqual([])
})

test('moderators decide what waits, delete, silence and ban; a removed head stays for its replies', async () => {
  comments.isModerator = true
  const head = comments.put('an old thread')
  comments.put('an answer to it', {}, head)
  const spam = comments.put('buy my stuff')
  comments.put('buy more', { author: spam.author })
  const waiting = { ...comments.put('see example.com'), status: 'held' as const }
  comments.all.pop()
  comments.held = [{ comment: waiting, reason: 'link', vodTitle: 'A film' }]
  await using watched = await openComments()
  const { page, problems } = watched
  await page.getByRole('button', { name: '1 comment waits for review' }).click()
  await page.getByRole('button', { name: `Show ${waiting.author?.username}’s comment` }).click()
  await item(page, 'see example.com').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('.chat-held').length === 0)
  expect(site.named('comments.review')).toEqual([{ id: waiting.id, isApproved: true }])
  const more = (text: string) => item(page, text).getByRole('button', { name: /^More for/ })
  await more('see example.com').click()
  await page.getByRole('menuitem', { name: '10 minutes' }).click()
  await page.getByRole('status').filter({ hasText: 'is timed out.' }).waitFor({ state: 'attached' })
  expect(site.named('chat.timeout')).toEqual([{ slug: 'ada', messageId: waiting.id, seconds: 600 }])
  await more('buy my stuff').click()
  await page.getByRole('menuitem', { name: `Ban ${spam.author?.username}` }).click()
  await page.waitForFunction(() => !/buy my stuff|buy more/.test(document.body.textContent ?? ''))
  expect(site.named('chat.ban')).toEqual([{ slug: 'ada', messageId: spam.id }])
  await more('an old thread').click()
  await page.getByRole('menuitem', { name: 'Delete comment' }).click()
  await page.getByText('This comment was removed.').waitFor()
  await page.getByRole('button', { name: '1 reply' }).click()
  await item(page, 'an answer to it').waitFor()
  await page.getByRole('heading', { name: '2 comments' }).waitFor()
  expect(problems).toEqual([])
})

test('refusals are told in the server’s words and the text stays; a failed like is taken back', async () => {
  comments.put('lovely', { likeCount: 3 })
  await using watched = await openComments()
  const { page } = watched
  site.answers['comments.add'] = () => new ApiFailure(403, 'chat_link_refused', 'Links are not wanted here.')
  const field = page.getByLabel('Comment', { exact: true })
  await field.fill('see example.org')
  await page.getByRole('button', { name: 'Comment', exact: true }).click()
  await page.getByRole('alert').filter({ hasText: 'Links are not wanted here.' }).waitFor()
  expect(await field.inputValue()).toBe('see example.org')
  site.answers['comments.like'] = () => new ApiFailure(403, 'chat_banned', 'You are banned from this chat.')
  await item(page, 'lovely').getByRole('button', { name: /^Like/ }).click()
  await page.getByRole('alert').filter({ hasText: 'You are banned' }).waitFor()
  await page.getByRole('button', { name: 'Like fan1’s comment, 3 so far', pressed: false }).waitFor()
  site.answers['comments.add'] = ({ text }) =>
    comments.put(String(text), { status: 'held', author: { ...me, badges: [] } })
  await page.getByRole('button', { name: 'Comment', exact: true }).click()
  await item(page, 'see example.org').getByText('Waits for a moderator').waitFor()
  expect(
    await item(page, 'see example.org')
      .getByRole('button', { name: /^Reply/ })
      .count(),
  ).toBe(0)
})

test('who is not signed in reads, and is asked to sign in; then writes without leaving', async () => {
  comments.put('hello')
  comments.account = null
  site.answers['auth.signIn'] = () => {
    comments.account = me
    return {}
  }
  await using watched = await openComments({ colorScheme: 'dark' })
  const { page, problems } = watched
  await item(page, 'hello').getByRole('button', { name: /^Like/ }).click()
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Sign in to comment' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Username').fill('grace')
  await dialog.getByLabel('Password').fill('correct horse')
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Comment', { exact: true }).waitFor()
  expect(problems).toEqual([])
})

test('a text cannot become anything else, long ones are cut, and a phone’s width is enough', async () => {
  comments.put(`<img src=x onerror=alert(1)> see https://example.org/loom\nand\n${'wide'.repeat(60)}`)
  const long = comments.put(Array.from({ length: 30 }, (_, n) => `line ${n}`).join('\n'))
  comments.put('deep', { author: { ...me, badges: ['owner'] } }, long)
  comments.isModerator = true
  for (const [width, colorScheme] of [
    [360, 'light'],
    [360, 'dark'],
    [1_100, 'dark'],
  ] as const) {
    await using watched = await openComments({ viewport: { width, height: 780 }, colorScheme })
    const { page, problems } = watched
    await item(page, '<img src=x onerror=alert(1)>').waitFor()
    const link = page.locator('.comment-text a')
    expect(await link.getAttribute('href')).toBe('https://example.org/loom')
    expect(await link.getAttribute('rel')).toContain('nofollow')
    const height = () =>
      page
        .locator('.comment-text')
        .first()
        .evaluate(each => each.clientHeight)
    const before = await height()
    await page.getByRole('button', { name: 'Read more', expanded: false }).click()
    expect(await height()).toBeGreaterThan(before * 2)
    await page.getByRole('button', { name: 'Show less', expanded: true }).click()
    await page.getByRole('button', { name: '1 reply' }).click()
    await item(page, 'deep').waitFor()
    await item(page, 'line 0')
      .getByRole('button', { name: /^More for/ })
      .click()
    const menu = (await page.getByRole('menu').boundingBox())!
    expect(menu.x).toBeGreaterThanOrEqual(0)
    expect(menu.x + menu.width).toBeLessThanOrEqual(width)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    expect(problems).toEqual([])
  }
})
