/** Chromium with a fresh profile, and pages in it that note everything that goes wrong. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Without `isSoundAllowed` the browser refuses sound until somebody touches the page, as people's browsers do. */
export function launchBrowser(isSoundAllowed = true): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      ...ARGUMENTS,
      `--autoplay-policy=${isSoundAllowed ? 'no-user-gesture-required' : 'document-user-activation-required'}`,
    ],
  })
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page
  /** Console errors, uncaught exceptions and violations of the content security policy. */
  readonly problems: string[]
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  // Less than a test's limit, so that what was waited for is told.
  page.setDefaultTimeout(20_000)
  const problems: string[] = []
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', error => problems.push(String(error)))
  return { page, problems, [Symbol.asyncDispose]: () => context.close() }
}
