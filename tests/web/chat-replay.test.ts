/** The chat beside a video, in Chromium: in time with the picture, after every seek, and only to read. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, openPage } from './browser.ts'
import { message } from './chat-site.ts'
import { ApiFailure } from './fake-site.ts'
import { PartsSite } from './parts-site.ts'

setDefaultTimeout(30_000)

let browser: Browser
let site: PartsSite
/** One a second, each called after its second. */
const said = Array.from({ length: 3_600 }, (_, second) => ({
  ...message(second, `said at second ${second}.`),
  offsetMs: second * 1_000,
}))

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
  site.answers = {
    'chat.replay': ({ fromMs, toMs }) => ({
      items: said.slice(Number(fromMs) / 1_000, Number(toMs) / 1_000),
    }),
  }
})

async function openReplay(options: Parameters<typeof openPage>[1] = {}) {
  const watched = await openPage(browser, { viewport: { width: 380, height: 600 }, ...options })
  await watched.page.goto(`${site.url}/replay`)
  await watched.page.getByRole('heading', { name: 'Chat' }).waitFor()
  return watched
}

const move = (page: Page, positionMs: number, isPlaying = false) =>
  page.evaluate(position => window.movePlayer(position), { positionMs, isPlaying })
const last = (page: Page) => page.locator('[data-message]').last().textContent()
const shows = (page: Page, second: number) =>
  page.locator('[data-message]', { hasText: `said at second ${second}.` }).waitFor()

test('messages come with the picture, with the time of the video; none before their time', async () => {
  await using watched = await openReplay()
  const { page, problems } = watched
  await move(page, 5_200)
  await shows(page, 5)
  expect(await last(page)).toContain('0:05')
  expect(await page.getByText('said at second 6.').count()).toBe(0)
  await move(page, 6_400, true)
  await shows(page, 6)
  // Between two words of the player it goes on by itself.
  await shows(page, 7)
  await move(page, 3_599_000)
  await shows(page, 3_599)
  expect(await last(page)).toContain('59:59')
  expect(problems).toEqual([])
})

test('seeking back and forth shows what was said there, and follows it to the end', async () => {
  await using watched = await openReplay({ colorScheme: 'dark' })
  const { page, problems } = watched
  await move(page, 1_800_000)
  await shows(page, 1_800)
  await page.locator('.chat-scroller').hover()
  await page.mouse.wheel(0, -400)
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  await move(page, 120_000)
  await shows(page, 120)
  expect(await page.getByText('said at second 1800.').count()).toBe(0)
  expect(await page.getByRole('button', { name: 'To the newest' }).count()).toBe(0)
  const fromEnd = await page
    .locator('.chat-scroller')
    .evaluate(list => Math.round(list.scrollHeight - list.scrollTop - list.clientHeight))
  expect(fromEnd).toBeLessThan(3)
  const asked = site.named('chat.replay').map(({ fromMs }) => Number(fromMs))
  expect(asked.every(fromMs => fromMs % 30_000 === 0)).toBe(true)
  expect(new Set(asked).size).toBe(asked.length)
  expect(problems).toEqual([])
})

test('it is read by keyboard, and nothing can be written', async () => {
  await using watched = await openReplay()
  const { page } = watched
  await move(page, 20_000)
  await shows(page, 20)
  await page.getByRole('log').focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('said at second 19.')
  await page.keyboard.press('Enter')
  expect(await page.getByRole('menuitem').allInnerTexts()).toEqual(['Copy text'])
  await page.keyboard.press('Escape')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('said at second 19.')
  expect(await page.getByRole('textbox').count()).toBe(0)
  expect(await page.getByRole('button', { name: /Reply/ }).count()).toBe(0)
})

test('what cannot be loaded is said, and loaded later; an empty chat says so', async () => {
  const { 'chat.replay': answer } = site.answers
  site.answers['chat.replay'] = () => new ApiFailure(500, 'internal', 'Something went wrong.')
  await using watched = await openReplay()
  const { page } = watched
  await move(page, 3_000)
  await page.getByText('The chat cannot be loaded at the moment. Trying again…').waitFor()
  site.answers['chat.replay'] = answer!
  await shows(page, 3)
  await page.waitForFunction(() => document.querySelector('.chat-trouble')?.textContent === '')
  site.answers['chat.replay'] = () => ({ items: [] })
  await move(page, 900_000)
  await page.getByText('Nothing was said up to here.').waitFor()
  site.answers['chat.replay'] = () => new ApiFailure(404, 'vod_not_found', 'There is no such video.')
  await move(page, 2_700_000)
  await page.getByText('The chat of this video is not to be seen.').waitFor()
})
