import { test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { goneLive, openTestPage } from './going-live.ts'
test('x', async () => {
  await using sluice = await startSluice({ env: { LADDER: '360p' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _p = await publish(channel.publishUrl, { codecCopyFrom: await encodeFile() })
  await goneLive(channel)
  await Bun.sleep(5000)
  for (let n = 0; n < 3; n++) {
  await using page = await openTestPage(browser)
  const t0 = Date.now()
  page.page.on('response', r => { if (r.status() >= 400) console.log(Date.now() - t0, r.status(), r.url().slice(-60)) })
  page.page.on('requestfailed', r => console.log(Date.now() - t0, 'failed', r.failure()?.errorText, r.url().slice(-60)))
  await page.page.evaluate(u => window.player.playShaka(u, true), channel.hlsUrl)
  let last = ''
  for (let i = 0; i < 60; i++) { await Bun.sleep(200); const s = await page.page.evaluate(() => window.player.shakaState()!); const h = s.heights.join() + s.errors.join(); if (h !== last) console.log(n, Date.now() - t0, h, s.latency, (await page.picture())!.stalls); last = h }
  }
}, 120000)
