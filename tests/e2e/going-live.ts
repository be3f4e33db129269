/** Steps that the end-to-end tests share. */
import type { Browser, ObservedPage } from '../support/browser.ts'
import type { Sluice, TestChannel } from '../support/sluice.ts'
import { serveTestPage } from '../support/test-page.ts'
import { waitFor } from '../support/wait-for.ts'

/** Resolves with the channel's stream once it is listed as live. */
export async function goneLive(channel: TestChannel) {
  return waitFor(
    async () => {
      const { items } = await channel.client.streams.live.query({})
      return items.find(item => item.channel.slug === channel.slug)
    },
    { message: `${channel.slug} to be live`, timeoutMs: 20_000 },
  )
}

/** Viewers of a live channel; undefined when it is not live. */
export async function viewersOf(sluice: Sluice, slug: string): Promise<number | undefined> {
  const { items } = await sluice.client.streams.live.query({})
  return items.find(item => item.channel.slug === slug)?.viewerCount
}

/** A page of another site whose player speaks plain WHEP. */
export async function watchByWhep(browser: Browser, channel: TestChannel): Promise<ObservedPage> {
  const page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playWhep(url), channel.whepUrl)
  return page
}

/** A page of another site with hls.js in low-latency mode. */
export async function watchByHls(browser: Browser, channel: TestChannel): Promise<ObservedPage> {
  const page = await openTestPage(browser)
  await page.page.evaluate(url => window.player.playHls(url), channel.hlsUrl)
  return page
}

/** A page of another site, with players to ask for. */
export async function openTestPage(browser: Browser): Promise<ObservedPage> {
  await using testPage = await serveTestPage()
  return await browser.newPage(testPage.url)
}
