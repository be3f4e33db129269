/** Real server, real browsers: what people see of each other in the chat. */
import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { type ApiClient, createClient } from '../../src/client/index.ts'
import { measurePanel } from '../bench/panel.ts'
import { type Sluice, startSluice } from '../support/sluice.ts'
import { launchBrowser, openPage } from '../web/browser.ts'

const password = 'correct horse battery'

async function signUp(sluice: Sluice, username: string): Promise<{ client: ApiClient }> {
  const { url } = sluice
  const headers = { 'x-forwarded-for': `203.0.113.${username.length}` }
  const { accessToken } = await createClient({ url, headers }).auth.signUp.mutate({ username, password })
  return { client: createClient({ url, headers, accessToken }) }
}

/** The channel's chat, signed in by its own dialog. */
async function join(page: Page, address: string, username: string, secret = password): Promise<void> {
  await page.goto(address)
  await page.getByRole('button', { name: 'Sign in' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Username').fill(username)
  await dialog.getByLabel('Password').fill(secret)
  await dialog.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Message', { exact: true }).waitFor()
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

function row(page: Page, text: string) {
  return page.locator('[data-message]', { has: page.locator('.chat-text', { hasText: text }) }).last()
}

describe('the chat panel', () => {
  test('two people talk; what is deleted is gone; who is banned is out, all by the pages alone', async () => {
    await using sluice = await startSluice()
    const browser = await launchBrowser()
    try {
      const channel = await sluice.createChannel('ada')
      await signUp(sluice, 'grace')
      const popout = `${sluice.url}/chat/ada/popout`
      await using first = await openPage(browser, { viewport: { width: 400, height: 700 } })
      await using second = await openPage(browser, { viewport: { width: 1280, height: 800 } })
      const [ada, grace] = [first.page, second.page]
      await join(ada, popout, channel.credentials.username, channel.credentials.password)
      await join(grace, channel.pageUrl, 'grace')

      await say(grace, 'good evening')
      await row(ada, 'good evening').waitFor()
      await row(ada, 'good evening').focus()
      await ada.keyboard.press('r')
      await ada.keyboard.type('welcome @grace')
      await ada.keyboard.press('Escape')
      await ada.keyboard.press('Enter')
      const answer = grace.locator('.for-me', { hasText: 'welcome @grace' })
      await answer.locator('.chat-quote', { hasText: 'good evening' }).waitFor()
      await answer.getByRole('img', { name: 'Owner' }).waitFor()

      await row(ada, 'good evening').focus()
      await ada.keyboard.press('Enter')
      await ada.getByRole('menuitem', { name: 'Delete message' }).click()
      await grace.waitForFunction(() => {
        const { textContent } = document.querySelector('.chat-list')!
        return textContent.includes('welcome') && !textContent.includes('good evening')
      })

      await say(grace, 'within reason')
      await row(ada, 'within reason').waitFor()
      await say(ada, '/slow 30')
      await grace.getByText('Slow mode: 30 seconds').waitFor()
      await say(grace, 'too soon')
      await grace.getByRole('button', { name: /^Wait \d+ seconds$/ }).waitFor()
      expect(await grace.getByLabel('Message', { exact: true }).inputValue()).toBe('too soon')
      await row(ada, 'within reason').focus()
      await ada.keyboard.press('Enter')
      await ada.getByRole('menuitem', { name: 'Ban grace' }).click()
      await grace.getByText('You are banned from this chat.').waitFor()
      await ada.getByText('grace was banned.').waitFor()
      expect(await ada.locator('[data-message]', { hasText: 'within reason' }).count()).toBe(0)
      // That nothing is on is the player's trouble, not the chat's.
      const problems = [...first.problems, ...second.problems].filter(each => !each.includes('409'))
      expect(problems).toEqual([])
    } finally {
      await browser.close()
    }
  }, 90_000)

  test('an emote uploaded in the dashboard is picked and seen in the chat; what is no picture is refused; removed it is gone', async () => {
    await using sluice = await startSluice()
    const browser = await launchBrowser()
    try {
      const channel = await sluice.createChannel('ada')
      const { username, password: secret } = channel.credentials
      await using dashboard = await openPage(browser)
      await using chat = await openPage(browser, { viewport: { width: 400, height: 700 } })
      const [{ page }, { page: panel }] = [dashboard, chat]
      await page.goto(`${sluice.url}/dashboard`)
      await page.getByLabel('Username').fill(username)
      await page.getByLabel('Password').fill(secret)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('tab', { name: 'Emotes' }).click()
      const upload = async (code: string, name: string, buffer: Buffer) => {
        await page.getByRole('textbox', { name: 'Code' }).fill(code)
        await page.getByLabel('Picture').setInputFiles({ name, mimeType: 'image/png', buffer })
        await page.getByRole('button', { name: 'Add emote' }).click()
      }
      await upload('notAPicture', 'a.png', Buffer.from('no picture at all'))
      await page.locator('.chat-add [role=alert]', { hasText: /\w/ }).waitFor()
      const create = { width: 300, height: 200, channels: 4, background: '#d40' } as const
      await upload('adaWave', 'b.png', await sharp({ create }).png().toBuffer())
      await page.locator('.chat-emote-cards', { hasText: ':adaWave:' }).waitFor()

      await join(panel, `${sluice.url}/chat/ada/popout`, username, secret)
      await panel.getByRole('button', { name: 'Emotes' }).click()
      await panel.getByRole('button', { name: 'adaWave' }).click()
      await panel.keyboard.press('Enter')
      const picture = panel.locator('[data-message] img')
      await picture.waitFor()
      const isShown = (each: SVGElement | HTMLElement) => (each as HTMLImageElement).naturalWidth > 0
      await panel.waitForFunction(isShown, await picture.elementHandle())
      // It was made to fit.
      expect(await picture.evaluate(each => (each as HTMLImageElement).naturalWidth)).toBe(112)
      await page.getByRole('button', { name: 'Remove adaWave' }).click()
      await page.waitForFunction(() => document.querySelector('.chat-emote-cards li') === null)
      expect((await channel.client.chat.emotes.list.query({ channelId: channel.id })).items).toEqual([])
      // The picture that was none.
      expect([...dashboard.problems, ...chat.problems].filter(each => !each.includes('400'))).toEqual([])
    } finally {
      await browser.close()
    }
  }, 60_000)

  test('rules, roles and bans of the dashboard hold in the chat', async () => {
    await using sluice = await startSluice()
    const browser = await launchBrowser()
    try {
      const channel = await sluice.createChannel('ada')
      const { client } = await signUp(sluice, 'grace')
      await using watched = await openPage(browser)
      const { page, problems } = watched
      await page.goto(`${sluice.url}/dashboard`)
      await page.getByLabel('Username').fill(channel.credentials.username)
      await page.getByLabel('Password').fill(channel.credentials.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByLabel('Blocked words').fill('loom*')
      await page.getByLabel('Messages with a blocked word').selectOption({ label: 'Wait for review' })
      await page.getByRole('button', { name: 'Save rules' }).first().click()
      await page.getByText('Saved. They hold from now on.').waitFor()
      const said = await client.chat.send.mutate({ slug: 'ada', text: 'cheap L00MS here' })
      expect(said.outcome).toBe('held')

      await page.getByRole('tab', { name: 'Waiting' }).click()
      await page.getByRole('button', { name: 'Show grace’s message' }).click()
      await page.getByText('Nothing waits for you.').waitFor()
      const { items } = await client.chat.history.query({ slug: 'ada' })
      expect(items.map(({ text }) => text)).toEqual(['cheap L00MS here'])

      await page.getByRole('tab', { name: 'People' }).click()
      await page.getByLabel('Username').fill('grace')
      await page.getByRole('button', { name: 'Give role' }).click()
      await page.getByRole('button', { name: 'Take the role from grace' }).click()
      await page.waitForFunction(() => document.querySelectorAll('.chat-records li').length === 0)

      await page.getByRole('tab', { name: 'Bans' }).click()
      await page.getByLabel('Username or address range').fill('grace')
      await page.getByLabel('Reason').fill('spam')
      await page.getByRole('button', { name: 'Ban', exact: true }).click()
      await page.getByText('spam').waitFor()
      expect(client.chat.send.mutate({ slug: 'ada', text: 'hello?' })).rejects.toThrow('banned')

      await page.getByRole('tab', { name: 'Log' }).click()
      await page.getByText('let through a message of').waitFor()
      expect(await page.locator('.chat-records').textContent()).toContain('banned grace')
      expect(problems).toEqual([])
    } finally {
      await browser.close()
    }
  }, 90_000)

  test('keeps up with 50 messages a second among more than a thousand', async () => {
    const figures = await measurePanel({ seconds: 15 })
    console.log(
      `panel: ${figures.messages} messages, frame time p50 ${figures.frameP50Ms.toFixed(1)} ms, ` +
        `p95 ${figures.frameP95Ms.toFixed(1)} ms; own work ${(figures.busyShare * 100).toFixed(0)} % of the time`,
    )
    expect(figures.held).toBeGreaterThan(1_000)
    // What does not hang on how busy the machine is: few rows are in the page, the newest in view, nothing lost.
    expect(figures.rowsInPage).toBeLessThan(60)
    expect(figures.isNewestShown).toBe(true)
    expect(figures.busyShare).toBeLessThan(0.6)
  }, 90_000)
})
