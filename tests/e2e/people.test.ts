/** One person with two tabs and a second player counts once; somebody without the pages' cookie counts, too. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { publish } from '../support/publisher.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, viewersOf } from './going-live.ts'

test('viewer counts count people, not connections, whatever they play with', async () => {
  await using sluice = await startSluice({ env: { LADDER: 'off' } })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  await using _publisher = await publish(channel.publishUrl, { size: '640x360', bitrate: '800k' })
  await goneLive(channel)

  await using first = await browser.newPage(channel.pageUrl)
  await first.playing()
  expect(await viewersOf(sluice, 'alice')).toBe(1)
  await using second = await browser.newPage(channel.pageUrl)
  await second.playing()
  const read = await first.page.evaluate(async hlsUrl => {
    const choices = await (await fetch(hlsUrl)).text()
    const [playlist = 'none'] = /\S+\/source\/playlist\.m3u8\?viewer=[\w-]+/.exec(choices) ?? []
    return (await fetch(new URL(playlist, hlsUrl))).status
  }, channel.hlsUrl)
  expect(read).toBe(200)
  const sessions = async () => sluice.metric('sluice_viewer_sessions')
  await waitFor(async () => (await sessions()) === 3, { message: 'three sessions' })
  expect(await sluice.metric('sluice_viewers')).toBe(1)
  await waitFor(async () => (await viewersOf(sluice, 'alice')) === 1, { message: 'one person' })

  const elsewhere = new AbortController()
  const { body } = await fetch(`${sluice.url}/flv/alice.flv`, { signal: elsewhere.signal })
  await waitFor(async () => (await viewersOf(sluice, 'alice')) === 2, { message: 'two people' })
  elsewhere.abort()
  await body?.cancel().catch(() => {})
  await waitFor(async () => (await viewersOf(sluice, 'alice')) === 1, { message: 'one person again' })
}, 90_000)
