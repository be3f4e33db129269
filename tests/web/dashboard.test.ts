import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, openPage } from './browser.ts'
import { ApiFailure, CHANNEL_ID, channel, FakeSite, liveHealth, sources } from './fake-site.ts'
import { servePeerInPage } from './in-page-peer.ts'

setDefaultTimeout(30_000)

const settings = {
  secondPublisher: 'reject',
  backupReturn: 'automatic',
  onBreach: 'refuse',
  ingestLimits: { maxHeight: 1080, maxFrameRate: 29.97, videoCodecs: ['h264'] },
  instance: { limits: { maxBitrateBps: 8_000_000, videoCodecs: ['h264', 'hevc'] }, onBreach: 'refuse' },
}

let browser: Browser
let site: FakeSite

beforeAll(async () => {
  browser = await launchBrowser()
  site = await FakeSite.open()
})

afterAll(async () => {
  await browser?.close()
  await site?.[Symbol.asyncDispose]()
})

beforeEach(() => {
  site.calls.length = 0
  site.answers = {
    'auth.me': () => ({ id: CHANNEL_ID, username: 'ada' }),
    'channels.mine': () => ({ items: [channel(true)] }),
    'channels.streamKey': () => ({ streamKey: 'live_secret_1', ingestUrl: 'rtmp://example.org:1935/live' }),
    'channels.settings': () => settings,
    'streams.health': () => ({ status: 'offline' }),
    'playback.sources': () => sources,
  }
})

test('from nothing to a stream key: sign up, make a channel, see the settings', async () => {
  let isSignedIn = false
  const channels: unknown[] = []
  Object.assign(site.answers, {
    'auth.me': () => (isSignedIn ? { id: CHANNEL_ID, username: 'ada' } : null),
    'auth.signUp': ({ username, password }: Record<string, unknown>) => {
      isSignedIn = username === 'ada' && password === 'correct horse'
      return {}
    },
    'channels.mine': () => ({ items: channels }),
    'channels.create': (input: Record<string, unknown>) => {
      channels.push({ ...channel(false), ...input })
      return channels[0]
    },
  })
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.goto(`${site.url}/dashboard`)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('heading', { name: 'Make your channel' }).waitFor()
  expect(await page.getByLabel('Address').inputValue()).toBe('ada')
  await page.getByLabel('Title').fill('Analytical evenings')
  await page.getByRole('button', { name: 'Create channel' }).click()
  await page.getByRole('heading', { name: 'Settings for OBS' }).waitFor()
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>('#obs-server')?.value)
  expect(await page.getByLabel('Server').inputValue()).toBe('rtmp://example.org:1935/live')
  expect(problems).toEqual([])
})

test('a refused sign-in is said to everybody, also to who cannot see', async () => {
  Object.assign(site.answers, {
    'auth.me': () => null,
    'auth.signIn': () => new ApiFailure(401, 'credentials_invalid', 'Username or password is wrong.'),
  })
  await using watched = await openPage(browser)
  const { page } = watched
  await page.goto(`${site.url}/dashboard`)
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').filter({ hasText: 'Username or password is wrong.' }).waitFor()
})

test('the stream key is hidden until asked for, can be copied, and is replaced after a question', async () => {
  let key = 'live_secret_1'
  Object.assign(site.answers, {
    'channels.streamKey': () => ({ streamKey: key, ingestUrl: 'rtmp://example.org:1935/live' }),
    'channels.rotateStreamKey': () => {
      key = 'live_secret_2'
      return { streamKey: key, ingestUrl: 'rtmp://example.org:1935/live' }
    },
  })
  await using watched = await openPage(browser, { permissions: ['clipboard-read', 'clipboard-write'] })
  const { page, problems } = watched
  await page.goto(`${site.url}/dashboard`)
  const field = page.getByLabel('Stream key')
  await field.waitFor()
  const copy = page.getByRole('button', { name: 'Copy' }).nth(1)
  await copy.click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('live_secret_1')
  expect(await page.content()).not.toContain('live_secret')
  expect(await field.inputValue()).not.toContain('live_secret')
  await page.getByRole('button', { name: 'Show' }).click()
  expect(await field.inputValue()).toBe('live_secret_1')
  await page.getByRole('button', { name: 'New stream key…' }).click()
  expect(site.calls).not.toContain('channels.rotateStreamKey')
  await page.getByRole('button', { name: 'Make a new key' }).click()
  await page.waitForFunction(
    () => document.querySelector<HTMLInputElement>('#obs-key')?.value === 'live_secret_2',
  )
  expect(problems).toEqual([])
})

test('a running stream: preview, figures, advice in words, title and end', async () => {
  let health: unknown = liveHealth
  const titles: unknown[] = []
  Object.assign(site.answers, {
    'streams.health': () => health,
    'channels.update': ({ title }: Record<string, unknown>) =>
      titles.push(['channel', title]) && channel(true),
    'streams.update': ({ title }: Record<string, unknown>) => titles.push(['stream', title]) && {},
    'streams.end': () => {
      health = { status: 'offline' }
      return {}
    },
  })
  await using watched = await openPage(browser)
  const { page, problems } = watched
  await page.addInitScript(servePeerInPage)
  await page.goto(`${site.url}/dashboard`)
  await page.locator('.connection', { hasText: 'WebRTC' }).waitFor({ state: 'attached' })
  const text = await page.locator('main').textContent()
  for (const figure of [
    '2.5 Mb/s',
    '30 fps',
    '1280 × 720',
    '4.2 s',
    'H.264 High',
    'AAC 48 kHz stereo',
    '12 viewers',
    'WebRTC, 11 viewers',
    '0.18 s; 95 % within 0.24 s',
    'HLS, 1 viewer',
  ])
    expect(text).toContain(figure)
  expect(text).toContain('Warning: A key frame comes every 4.2 s.')
  await page.getByLabel('Title').fill('Weaving')
  await page.getByRole('button', { name: 'Save title' }).click()
  await page.getByText('Saved').waitFor()
  expect(titles).toEqual([
    ['channel', 'Weaving'],
    ['stream', 'Weaving'],
  ])
  await page.getByRole('button', { name: 'End stream' }).click()
  expect(site.calls).not.toContain('streams.end')
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByText('Nothing comes in yet').waitFor()
  expect(await page.locator('video').count()).toBe(0)
  expect(problems).toEqual([])
})

test('rules for encoders: what holds is shown, changes are saved in the units of the API', async () => {
  const saved: unknown[] = []
  Object.assign(site.answers, {
    'channels.updateSettings': (input: Record<string, unknown>) => saved.push(input) && settings,
  })
  await using watched = await openPage(browser, { viewport: { width: 390, height: 800 } })
  const { page, problems } = watched
  await page.goto(`${site.url}/dashboard`)
  await page.getByText('Rules for encoders').waitFor()
  expect(await page.getByLabel('is refused').isChecked()).toBe(true)
  expect(await page.getByLabel('Height').inputValue()).toBe('1080')
  expect(await page.getByLabel('Frame rate').inputValue()).toBe('29.97')
  expect(await page.getByLabel('Bitrate').getAttribute('placeholder')).toBe('8000')
  expect(await page.getByLabel('AV1').count()).toBe(0)
  await page.getByRole('radio', { name: 'takes over', exact: false }).first().check()
  await page.getByLabel('Height').fill('')
  await page.getByLabel('Bitrate').fill('6000')
  await page.getByLabel('Key frame every').fill('2.5')
  await page.getByLabel('Stream length').fill('90')
  await page.getByLabel('HEVC').check()
  await page.getByLabel('AAC').uncheck()
  expect(await page.getByLabel('Opus').isDisabled()).toBe(true)
  await page.getByRole('radio', { name: 'goes on' }).check()
  await page.getByRole('button', { name: 'Save rules' }).click()
  await page.getByText('They count from the next connection on.').waitFor()
  expect(saved).toEqual([
    {
      channelId: CHANNEL_ID,
      secondPublisher: 'takeover',
      backupReturn: 'automatic',
      onBreach: 'warn',
      ingestLimits: {
        maxWidth: null,
        maxHeight: null,
        maxFrameRate: 29.97,
        maxBitrateBps: 6_000_000,
        maxKeyFrameIntervalMs: 2_500,
        videoCodecs: null,
        audioCodecs: ['opus'],
        maxSessionMs: 5_400_000,
      },
    },
  ])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  expect(problems).toEqual([])
})

test('an encoder that was thrown out finds the reason here; the one that stands by can be switched to', async () => {
  const message = 'The picture is 2560x1440; this channel takes at most 1920x1080.'
  let health: unknown = {
    status: 'offline',
    lastRefusal: { reason: 'picture_too_large', message, refusedAt: new Date().toISOString() },
  }
  const preferred: unknown[] = []
  Object.assign(site.answers, {
    'streams.health': () => health,
    'streams.prefer': (input: Record<string, unknown>) => preferred.push(input) && {},
  })
  await using watched = await openPage(browser)
  const { page } = watched
  await page.goto(`${site.url}/dashboard`)
  await page.getByRole('alert').filter({ hasText: message }).waitFor()
  const [main] = liveHealth.publishers
  const backup = { ...main, role: 'backup', isActive: true }
  health = { ...liveHealth, status: 'starting', publishers: [{ ...main, isActive: false }, backup] }
  await page.getByRole('button', { name: 'Switch to the main encoder' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.refusal p').length === 0)
  expect(preferred).toEqual([{ id: liveHealth.streamId, role: 'primary' }])
})
