/** Opens a real Chromium with a profile of its own, and pages in it that can be observed. */
import { existsSync } from 'node:fs'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Observer, PictureState, RtpState } from './page/observer.ts'
import { pageScript } from './page-script.ts'
import { findProcesses } from './process-tree.ts'
import { type ClockSample, type ClockSummary, summarizeClock } from './statistics.ts'
import { tempFolder } from './temp-folder.ts'
import { waitFor } from './wait-for.ts'

export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext
  readonly version: string
  /** A fresh page, observed from its first script on. With `url`: navigates there first. */
  newPage(url?: string): Promise<ObservedPage>
  close(): Promise<void>
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
]

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const macPlaces = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/**
 * `await using browser = await openBrowser()`. The browser is the one in CHROMIUM, else an installed one. With
 * `ignoreHTTPSErrors` it takes certificates that no authority knows.
 */
export async function openBrowser(options: { readonly ignoreHTTPSErrors?: boolean } = {}): Promise<Browser> {
  const profile = await tempFolder('sluice-browser-')
  const context = await chromium.launchPersistentContext(profile.path, {
    executablePath: findChromium(),
    headless: true,
    viewport: { width: 1000, height: 700 },
    ...options,
    args: flags,
  })
  await context.addInitScript({ content: await pageScript('observer') })
  const close = async () => {
    await context.close()
    await processesGone(profile.path)
    await profile.remove()
  }
  return {
    context,
    version: context.browser()?.version() ?? 'unknown',
    async newPage(url) {
      const page = new ObservedPage(await context.newPage())
      if (url) await page.page.goto(url)
      return page
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A page of a test: playwright's, and what can be seen and heard in it. */
export class ObservedPage {
  readonly page: Page
  /** What its console called an error, and exceptions nobody caught. */
  readonly errors: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('console', message => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
    page.on('pageerror', error => this.errors.push(String(error)))
  }

  /** Undefined while the page has no <video>. */
  picture(): Promise<PictureState | undefined> {
    return this.page.evaluate(() => window.observer.picture())
  }

  /** Resolves when at least `frames` pictures have been decoded, with the state then. */
  playing(options: { frames?: number; timeoutMs?: number } = {}): Promise<PictureState> {
    const { frames = 30, timeoutMs = 20_000 } = options
    return waitFor(
      async () => {
        const picture = await this.picture()
        if (picture && picture.decodedFrames >= frames) return picture
        throw new Error(`${Bun.inspect(picture)}; the page's errors: ${this.errors.join(' | ') || 'none'}`)
      },
      { timeoutMs, intervalMs: 100, message: `${frames} pictures in ${this.page.url()}` },
    )
  }

  /** Mean difference (0 to 255) of two pictures `pictures` apart; above 1, they move. Fails after ten seconds without. */
  async motion(pictures = 15): Promise<number> {
    const motion = this.page.evaluate(count => window.observer.motion(count), pictures)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`${pictures} pictures did not come in 10 s`)), 10_000)
    return Promise.race([motion, late]).finally(() => clearTimeout(timer))
  }

  /** What was heard in the next `ms`: 0 is silence, a clear tone gives above 0.001 a second. */
  async audioEnergy(ms = 1_000): Promise<number> {
    const before = await this.page.evaluate(() => window.observer.audioEnergy())
    await Bun.sleep(ms)
    return (await this.page.evaluate(() => window.observer.audioEnergy())) - before
  }

  /** What came over WebRTC, over all of the page's connections. */
  rtp(kind: Parameters<Observer['rtp']>[0]): Promise<RtpState> {
    return this.page.evaluate(each => window.observer.rtp(each), kind)
  }

  /** Begins to read the clock in the pictures; `sourceWidth`: of the publisher's picture. */
  startClock(sourceWidth = 1280): Promise<void> {
    return this.page.evaluate(width => window.observer.clock.start(width), sourceWidth)
  }

  /** Reads the clock for `seconds`, from now. Throws when hardly a stamped picture was seen. */
  async readClock(seconds: number): Promise<ClockSummary & { unreadable: number; width: number }> {
    const report = await this.#readClock(seconds)
    return { ...summarizeClock(report.samples), unreadable: report.unreadable, width: report.width }
  }

  /** Of every stamped picture in the next `seconds`. */
  async readSamples(seconds: number): Promise<readonly ClockSample[]> {
    return (await this.#readClock(seconds)).samples
  }

  async #readClock(seconds: number) {
    await this.page.evaluate(() => window.observer.clock.clear())
    await Bun.sleep(seconds * 1000)
    return this.page.evaluate(() => window.observer.clock.report())
  }

  close(): Promise<void> {
    return this.page.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Chromium's helpers outlive it for a moment, and would write the removed profile again. */
async function processesGone(profile: string): Promise<void> {
  if (!existsSync('/proc')) return
  await waitFor(() => findProcesses(profile).length === 0, { message: `the browser of ${profile} to end` })
}

function findChromium(): string {
  const found = process.env['CHROMIUM'] ?? [...places, ...macPlaces].find(path => existsSync(path))
  if (!found)
    throw new Error('no Chromium found: install it (apt-get install chromium) or set CHROMIUM to its path')
  return found
}
