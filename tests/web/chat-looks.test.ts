/** The chat panel as people see and hear it: who is here, what is read aloud, and what it looks like. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { summarize } from '../../src/web/chat/announcer.tsx'
import { tempFolder } from '../support/temp-folder.ts'
import { launchBrowser, openPage } from './browser.ts'
import { ChatSite, message, messageId, owner, viewer } from './chat-site.ts'
import { EMOTE, variedMessage } from './varied-messages.ts'

setDefaultTimeout(60_000)

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
  site.me = viewer
  site.calls.length = 0
  site.requests.length = 0
  site.answers = { 'chat.emotes.list': () => ({ items: [{ code: 'adaWave', url: EMOTE }] }) }
  site.history = Array.from({ length: 40 }, (_, index) => variedMessage(index + 1))
})

async function openChat(page: Page, path = '/chat/ada/popout'): Promise<void> {
  await page.goto(site.url + path)
  await page.locator('[data-message]').last().waitFor()
}

test.each([
  { name: 'nothing new', count: 0, mentioned: [], said: '' },
  { name: 'one', count: 1, mentioned: [], said: 'radia: number 0' },
  { name: 'two', count: 2, mentioned: [], said: 'radia: number 0. radia: number 1' },
  { name: 'many', count: 30, mentioned: [], said: '30 new messages' },
  {
    name: 'many, of which three mention who listens',
    count: 30,
    mentioned: [3, 9, 20],
    said: '30 new messages. radia: number 9. radia: number 20',
  },
])('read aloud: $name', ({ count, mentioned, said }) => {
  const entries = Array.from({ length: count }, (_, index) => {
    const author = { id: messageId(1), username: 'radia', badges: [] }
    const mentions = (mentioned as readonly number[]).includes(index) ? ['grace'] : []
    const each = message(index, `number ${index}`, { author, mentions })
    return { kind: 'message', key: each.id, message: each } as const
  })
  const note = { kind: 'note', key: 'note', text: 'The chat was cleared.' } as const
  expect(summarize([note, ...entries], 'grace')).toBe(said)
})

test('what comes is read aloud in a live region, a little at a time, and what was there before is not', async () => {
  await using watched = await openPage(browser, { viewport: { width: 400, height: 700 } })
  const { page } = watched
  await openChat(page)
  const region = page.locator('[role="status"][aria-live="polite"].visually-hidden')
  await page.clock.install()
  await openChat(page)
  await page.clock.runFor(4_100)
  expect(await region.textContent()).toBe('')
  site.say(message(300, 'hello to all'))
  await page.locator('[data-message]', { hasText: 'hello to all' }).waitFor()
  await page.clock.runFor(4_100)
  expect(await region.textContent()).toEndWith(': hello to all')
  site.say(...Array.from({ length: 12 }, (_, index) => message(310 + index, `line ${index}`)))
  await page.locator('[data-message]', { hasText: 'line 11' }).waitFor()
  await page.clock.runFor(4_100)
  expect(await region.textContent()).toBe('12 new messages')
})

test('a button shows who is here; a name is put into the message, and Escape leads back', async () => {
  site.answers['chat.chatters'] = () => ({ count: 7, names: ['linus', 'radia'] })
  await using watched = await openPage(browser, { viewport: { width: 400, height: 700 } })
  const { page, problems } = watched
  await openChat(page)
  site.tell({ type: 'presence', viewers: 9, chatters: 7, joined: [], left: [] })
  const button = page.getByRole('button', { name: '7 here' })
  await button.focus()
  await page.keyboard.press('Enter')
  const list = page.getByRole('region', { name: 'Who is here' })
  await list.getByText('and 5 others without a name').waitFor()
  await page.keyboard.press('Escape')
  expect(await list.count()).toBe(0)
  expect(await button.evaluate(each => each === document.activeElement)).toBe(true)
  await button.click()
  await list.getByRole('button', { name: 'Mention radia' }).click()
  expect(await page.getByLabel('Message', { exact: true }).inputValue()).toContain('@radia')
  expect(problems).toEqual([])
})

const looks = [
  { name: 'light', colorScheme: 'light', width: 400, height: 760, path: '/chat/ada/popout' },
  { name: 'dark', colorScheme: 'dark', width: 400, height: 760, path: '/chat/ada/popout' },
  { name: 'phone', colorScheme: 'dark', width: 360, height: 740, path: '/ada' },
  { name: 'beside-the-player', colorScheme: 'light', width: 1280, height: 800, path: '/ada' },
] as const

test.each(looks)(
  'in $name nothing is cut off or unreadable',
  async ({ name, colorScheme, width, height, path }) => {
    site.me = owner
    site.answers['chat.held.list'] = () => ({
      items: [{ message: message(600, 'may I say this?'), reason: 'link' }],
    })
    await using watched = await openPage(browser, { viewport: { width, height }, colorScheme })
    const { page, problems } = watched
    await openChat(page, path)
    site.tell({ type: 'presence', viewers: 9, chatters: 7, joined: [], left: [] })
    await page.getByRole('button', { name: '7 here' }).click()
    await page.getByRole('region', { name: 'Who is here' }).getByText('linus').waitFor()
    const folder = process.env['SCREENSHOTS'] ?? (await tempFolder('sluice-looks-')).path
    const shoot = (what: string) => page.screenshot({ path: join(folder, `chat-${name}-${what}.png`) })
    await shoot('people')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Emotes' }).click()
    await shoot('emotes')
    await page.keyboard.press('Escape')
    await page.locator('[data-message]').last().focus()
    await page.keyboard.press('Enter')
    await page.getByRole('menu').waitFor()
    await shoot('menu')
    await page.keyboard.press('Escape')
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    const narrow = await page
      .locator('[data-message]')
      .evaluateAll(rows => rows.filter(row => row.scrollWidth > row.clientWidth + 1).length)
    expect(narrow).toBe(0)
    expect(await lowestContrast(page)).toBeGreaterThanOrEqual(4.5)
    // This site has no picture for the player's poster.
    expect(problems.filter(problem => !problem.includes('404'))).toEqual([])
  },
)

/** Of texts of messages and names on the panel's own ground (WCAG 2.1, 1.4.3 asks for 4.5). */
function lowestContrast(page: Page): Promise<number> {
  return page.evaluate(() => {
    const channels = (colour: string) => {
      const canvas = new OffscreenCanvas(1, 1).getContext('2d')!
      canvas.fillStyle = colour
      canvas.fillRect(0, 0, 1, 1)
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
    }
    const luminance = (colour: string) => {
      const [r, g, b] = channels(colour).map(each => {
        const share = each / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      }) as [number, number, number]
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const ground = luminance(getComputedStyle(document.querySelector('.chat')!).backgroundColor)
    const texts = [...document.querySelectorAll('[data-message], [data-message] *')].filter(each =>
      [...each.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()),
    )
    const contrasts = texts.map(each => {
      const own = luminance(getComputedStyle(each).color)
      return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05)
    })
    return Math.min(...contrasts)
  })
}
