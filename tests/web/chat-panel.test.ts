import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, openPage } from './browser.ts'
import { ChatSite, guest, message, messageId, owner, viewer } from './chat-site.ts'

setDefaultTimeout(30_000)

let browser: Browser
let site: ChatSite

beforeAll(async () => {
  browser = await launchBrowser()
  site = await ChatSite.open()
})

afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})

beforeEach(() => {
  site.calls.length = 0
  site.requests.length = 0
  site.me = viewer
  site.onSend = undefined
  site.answers = {}
  site.settings = { ...site.settings, slowModeSeconds: 0, isSignedInOnly: true }
  site.history = Array.from({ length: 80 }, (_, index) => message(index + 1))
})

const POPOUT = '/chat/ada/popout'

async function openChat(options: Parameters<typeof openPage>[1] = {}) {
  const watched = await openPage(browser, { viewport: { width: 400, height: 700 }, ...options })
  await watched.page.goto(site.url + POPOUT)
  await row(watched.page, 'This is message 80').waitFor()
  return watched
}

function row(page: Page, text: string | RegExp) {
  return page.locator('[data-message]', { hasText: text }).last()
}

function sends() {
  return site.requests.filter(request => request.type === 'send')
}

function distanceFromEnd(page: Page): Promise<number> {
  return page
    .locator('.chat-scroller')
    .evaluate(list => Math.round(list.scrollHeight - list.scrollTop - list.clientHeight))
}

test('by keyboard alone: a message is said, another answered, and its quote leads back', async () => {
  await using watched = await openChat()
  const { page, problems } = watched
  const field = page.getByLabel('Message', { exact: true })
  await field.focus()
  await page.keyboard.type('good evening')
  await page.keyboard.press('Enter')
  await row(page, 'good evening').waitFor()
  expect(await field.inputValue()).toBe('')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('This is message 80')
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Reply' }).waitFor()
  await page.keyboard.press('Escape')
  expect(await page.getByRole('menu').count()).toBe(0)
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('This is message 80')
  await page.keyboard.press('r')
  await page.getByText('Replying to').waitFor()
  await page.keyboard.type('a fine one')
  await page.keyboard.press('Enter')
  await row(page, 'a fine one').locator('.chat-quote', { hasText: 'This is message 80' }).waitFor()
  expect(sends().map(({ text, replyTo }) => [text, replyTo])).toEqual([
    ['good evening', undefined],
    ['a fine one', messageId(80)],
  ])
  await row(page, 'a fine one').focus()
  await page.keyboard.press('q')
  await page.waitForFunction(() => document.activeElement?.textContent?.includes('This is message 80'))
  expect(problems).toEqual([])
})

test('names, emotes and commands are completed; a mention of who reads stands out', async () => {
  const url = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=='
  site.answers['chat.emotes.list'] = () => ({ items: [{ code: 'adaWave', url }] })
  await using watched = await openChat()
  const { page, problems } = watched
  const field = page.getByLabel('Message', { exact: true })
  await field.focus()
  await page.keyboard.type('hi @marg')
  await page.getByRole('option', { name: 'margaret' }).waitFor()
  await page.keyboard.press('Enter')
  await page.keyboard.type(':adaw')
  await page.getByRole('option', { name: 'adaWave' }).waitFor()
  await page.keyboard.press('Tab')
  expect(await field.inputValue()).toBe('hi @margaret :adaWave: ')
  await page.getByRole('button', { name: 'Emotes' }).click()
  await page.getByLabel('Search emotes').fill('tada')
  await page.getByRole('button', { name: 'tada' }).click()
  await page.keyboard.press('Enter')
  await row(page, 'hi @margaret').waitFor()
  expect(sends()[0]?.text).toBe('hi @margaret :adaWave: 🎉')
  const link = 'https://example.org/loom'
  const text = `@grace <b>see</b> ${link}, :adaWave:`
  site.say(message(300, text, { mentions: ['grace'], emotes: [{ code: 'adaWave', url }] }))
  await page.locator('.for-me', { hasText: '<b>see</b>' }).waitFor()
  const anchor = page.locator('.for-me a')
  expect(await anchor.getAttribute('href')).toBe(link)
  expect(await anchor.getAttribute('rel')).toContain('noopener')
  expect(await anchor.getAttribute('rel')).toContain('nofollow')
  expect(await page.locator('.for-me img').getAttribute('alt')).toBe(':adaWave:')
  await field.fill('/')
  await page.getByRole('option', { name: '/help' }).waitFor()
  expect(await page.getByRole('option').count()).toBe(1)
  expect(problems).toEqual([])
})

test('who scrolls up reads on in peace, sees how many came, finds what is older and returns', async () => {
  await using watched = await openChat()
  const { page, problems } = watched
  expect(await distanceFromEnd(page)).toBe(0)
  await page.locator('.chat-scroller').hover()
  await page.mouse.wheel(0, -700)
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  const place = () =>
    page.evaluate(() => {
      const rows = [...document.querySelectorAll('[data-message]')]
      const shown = rows.find(each => each.getBoundingClientRect().top > 100)!
      return [shown.getAttribute('data-message'), Math.round(shown.getBoundingClientRect().top)]
    })
  await page.waitForTimeout(300)
  const before = await place()
  site.say(...Array.from({ length: 40 }, (_, index) => message(400 + index)))
  await page.getByRole('button', { name: '40 new messages' }).waitFor()
  expect(await place()).toEqual(before)
  await page.mouse.wheel(0, -20_000)
  await page.mouse.wheel(0, -200)
  await page.waitForFunction(() => (document.querySelector('.chat-scroller')?.scrollTop ?? 0) > 400)
  await page.mouse.wheel(0, -20_000)
  await row(page, /This is message 1$/).waitFor()
  await page.getByRole('button', { name: 'new messages' }).click()
  await row(page, 'This is message 439').waitFor()
  await page.waitForFunction(() => {
    const list = document.querySelector('.chat-scroller')!
    return list.scrollHeight - list.scrollTop - list.clientHeight < 2
  })
  expect(await page.locator('.chat-newest').count()).toBe(0)
  expect(problems).toEqual([])
})

test('what moderators remove is gone, with its quotes; their menu and the held messages call the API', async () => {
  site.me = owner
  site.answers['chat.held.list'] = () => ({
    items: [{ message: message(90, 'cheap looms'), reason: 'link' }],
  })
  await using watched = await openChat()
  const { page, problems } = watched
  await row(page, 'This is message 79').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('End')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Ban radia')
  await page.getByRole('menuitem', { name: '10 minutes' }).click()
  await page.waitForFunction(() => document.querySelectorAll('[role=menu]').length === 0)
  const calls = () => site.calls.filter(({ name }) => /delete|timeout|approve/.test(name))
  const inRoom = { slug: 'ada' }
  expect(calls()).toEqual([
    { name: 'chat.timeout', input: { ...inRoom, messageId: messageId(79), seconds: 600 } },
  ])
  await page.getByRole('button', { name: 'message waits for review' }).click()
  await page.getByRole('button', { name: 'Show alan’s message' }).click()
  site.tell({ type: 'reviewed', id: messageId(90), isApproved: true })
  await page.waitForFunction(() => document.querySelectorAll('.chat-held').length === 0)
  expect(calls().at(-1)).toEqual({ name: 'chat.held.approve', input: { ...inRoom, id: messageId(90) } })
  const replyTo = { id: messageId(78), username: 'edsger', text: 'This is message 78' }
  site.say(message(500, 'quoting', { replyTo }))
  await row(page, 'quoting').locator('.chat-quote').waitFor()
  site.tell({ type: 'deleted', seq: ++site.seq, id: messageId(78) })
  await page.waitForFunction(() => !document.querySelector('.chat-list')?.textContent?.includes('message 78'))
  site.tell({ type: 'expelled', seq: ++site.seq, account: message(80).author })
  await page.getByText('linus was banned.').waitFor()
  expect(await page.locator('.chat-author', { hasText: 'linus' }).count()).toBe(0)
  expect(problems).toEqual([])
})

test('refusals are told in the server’s words, slow mode counts down, and silence says until when', async () => {
  await using watched = await openChat()
  const { page } = watched
  const field = page.getByLabel('Message', { exact: true })
  site.onSend = () => ({ type: 'error', reason: 'chat_link_refused', message: 'Links are not allowed here.' })
  await field.fill('see example.org')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'Links are not allowed here.' }).waitFor()
  expect(await field.inputValue()).toBe('see example.org')
  site.onSend = undefined
  site.tell({ type: 'settings', settings: { ...site.settings, slowModeSeconds: 30 } })
  await page.getByText('Slow mode: 30 seconds').waitFor()
  await field.fill('one')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: /^Wait \d+ seconds$/ }).waitFor()
  await field.fill('two')
  await page.keyboard.press('Enter')
  expect(sends().map(({ text }) => text)).toEqual(['see example.org', 'one'])
  site.tell({ type: 'notice', code: 'degraded', text: 'Some messages come late.' })
  await page.getByText('Some messages come late.').waitFor()
  site.tell({ type: 'notice', code: 'restored', text: 'All is well.' })
  await page.waitForFunction(() => document.querySelector('.chat-trouble')?.textContent === '')
  const timedOutUntil = new Date(Date.now() + 300_000).toISOString()
  site.tell({ type: 'me', me: { ...viewer, timedOutUntil } })
  await page.getByText(/You are timed out\. You can speak again in [45]:\d\d minutes\./).waitFor()
})

test('a lost connection is said and mended; who is banned is told so', async () => {
  await using watched = await openChat()
  const { page } = watched
  site.drop()
  await page.getByText('The connection was lost. Coming back…').waitFor()
  await page.waitForFunction(() => document.querySelector('.chat-trouble')?.textContent === '')
  site.say(message(600, 'here again'))
  await row(page, 'here again').waitFor()
  site.drop(4001)
  await page.getByText('You are banned from this chat.').waitFor()
})

test('who is not signed in reads, and signs in without leaving', async () => {
  site.me = guest
  site.answers['auth.signIn'] = () => {
    site.me = viewer
    return {}
  }
  await using watched = await openChat({ colorScheme: 'dark' })
  const { page, problems } = watched
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.querySelector('dialog') === null)
  await page.getByRole('button', { name: 'Sign in' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Username').fill('grace')
  await dialog.getByLabel('Password').fill('correct horse')
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Message', { exact: true }).waitFor()
  await row(page, 'This is message 80').waitFor()
  expect(problems).toEqual([])
})

test('on the channel’s page: reactions float but for who wants less motion; following is one click', async () => {
  for (const reducedMotion of ['no-preference', 'reduce'] as const) {
    await using watched = await openPage(browser, { viewport: { width: 390, height: 800 }, reducedMotion })
    const { page } = watched
    await page.goto(`${site.url}/ada`)
    await row(page, 'This is message 80').waitFor()
    await page.getByRole('button', { name: 'Fire' }).click()
    site.tell({ type: 'reactions', counts: { '🔥': 1_000, '🎉': 1 }, likes: 88 })
    site.say(message(700, 'after the reactions'))
    await row(page, 'after the reactions').waitFor()
    const floating = await page.locator('.floating span').count()
    if (reducedMotion === 'reduce') expect(floating).toBe(0)
    else expect(floating).toBe(7)
    await page.getByRole('button', { name: 'Follow ada' }).click()
    await page.waitForFunction(() => document.documentElement.scrollWidth === 390)
  }
  expect(site.requests.filter(({ type }) => type === 'react')).toHaveLength(2)
  expect(site.calls.map(({ name }) => name)).toContain('channels.follow')
})
