/** How the chat panel keeps up: frames and script time of a browser in whose chat 50 messages a second are said. */
import type { CDPSession, Page } from 'playwright-core'
import { launchBrowser, openPage } from '../web/browser.ts'
import { ChatSite, message } from '../web/chat-site.ts'
import { variedMessage } from '../web/varied-messages.ts'
import type { Run } from './run.ts'

export interface PanelFigures {
  /** Said while it was measured. */
  readonly messages: number
  /** In the panel's memory at the end. */
  readonly held: number
  /** Between two animation frames. */
  readonly frameP50Ms: number
  readonly frameP95Ms: number
  /** Of the page's main thread: script, style and layout. */
  readonly busyShare: number
  readonly rowsInPage: number
  readonly isNewestShown: boolean
}

const PER_SECOND = 50
const BEFORE = 1_200

export async function measurePanelFrames({ system, settings, report }: Run): Promise<void> {
  const { frameP50Ms, frameP95Ms, busyShare } = await measurePanel({ seconds: settings.seconds / 4 })
  report.add(system.name, 'panel.p50', frameP50Ms)
  report.add(system.name, 'panel.p95', frameP95Ms)
  report.add(system.name, 'panel.busy', busyShare * 100)
}

/** The server is one that says nothing else: what is measured is the panel. */
export async function measurePanel({ seconds }: { seconds: number }): Promise<PanelFigures> {
  await using site = await ChatSite.open()
  const browser = await launchBrowser()
  try {
    await using watched = await openPage(browser, { viewport: { width: 1280, height: 800 } })
    const { page } = watched
    await page.goto(`${site.url}/chat/ada/popout`)
    await page.getByLabel('Message', { exact: true }).waitFor()
    await page.evaluate(playVideo)
    for (let sent = 0; sent < BEFORE; sent += 100) {
      site.say(...Array.from({ length: 100 }, (_, index) => message(sent + index + 1)))
      await rowShown(page, sent + 100)
    }
    return await measure(site, page, seconds)
  } finally {
    await browser.close()
  }
}

async function measure(site: ChatSite, page: Page, seconds: number): Promise<PanelFigures> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const before = await busySeconds(session)
  let number = BEFORE
  const startedAt = performance.now()
  const timer = setInterval(() => {
    // As many as are due: a timer that comes late does not make the chat slower.
    const due = BEFORE + Math.floor(((performance.now() - startedAt) / 1000) * PER_SECOND)
    while (number < due) site.say(said(++number))
  }, 1000 / PER_SECOND)
  const frames = await page.evaluate(frameTimes, seconds * 1000)
  const busy = (await busySeconds(session)) - before
  const tookSeconds = (performance.now() - startedAt) / 1000
  clearInterval(timer)
  await rowShown(page, number)
  frames.sort((a, b) => a - b)
  return {
    messages: number - BEFORE,
    held: Number(await page.locator('.chat-rows').getAttribute('data-held')),
    frameP50Ms: frames[Math.floor(frames.length * 0.5)] ?? Number.NaN,
    frameP95Ms: frames[Math.floor(frames.length * 0.95)] ?? Number.NaN,
    busyShare: busy / tookSeconds,
    rowsInPage: await page.locator('.chat-row').count(),
    isNewestShown: await page.evaluate(isNewestShown),
  }
}

/** Some short, some of several lines; with links, emotes, badges, mentions and what they answer. */
function said(number: number) {
  const varied = variedMessage(number)
  return { ...varied, text: `number ${number}: ${varied.text}` }
}

/** A picture that moves at 30 frames a second in a video beside the chat. Runs in the page. */
async function playVideo(): Promise<void> {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
  const drawing = canvas.getContext('2d')!
  setInterval(() => {
    drawing.fillStyle = `hsl(${performance.now() / 20} 60% 50%)`
    drawing.fillRect((performance.now() / 5) % 640, 0, 60, 360)
  }, 33)
  const video = Object.assign(document.createElement('video'), { muted: true })
  video.style.cssText = 'position:fixed;top:0;left:0;width:640px;height:360px'
  video.srcObject = canvas.captureStream(30)
  document.body.append(video)
  await video.play()
}

async function rowShown(page: Page, number: number): Promise<void> {
  await page.locator('[data-message]', { hasText: new RegExp(`(message|number) ${number}\\b`) }).waitFor()
}

async function busySeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
}

/** Runs in the page. */
async function frameTimes(ms: number): Promise<number[]> {
  const times: number[] = []
  const startedAt = await new Promise<number>(resolve => requestAnimationFrame(resolve))
  for (let last = startedAt; last - startedAt < ms; ) {
    const now = await new Promise<number>(resolve => requestAnimationFrame(resolve))
    times.push(now - last)
    last = now
  }
  return times
}

/** Runs in the page. */
function isNewestShown(): boolean {
  const list = document.querySelector('.chat-scroller')!
  return list.scrollHeight - list.scrollTop - list.clientHeight < 2
}
