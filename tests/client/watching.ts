/** Players that have come so far: connected over WebRTC, or fallen back to HLS. */
import { expect } from 'bun:test'
import { createPlayer, type Player, type PlayerOptions } from '../../src/client/player/player.ts'
import type { FakeBrowser } from './fake-browser.ts'

export function watch(browser: FakeBrowser, options: Partial<PlayerOptions> = {}): Player {
  return createPlayer({
    container: browser.container,
    slug: 'ada',
    baseUrl: 'http://localhost',
    environment: browser.environment,
    ...options,
  })
}

export async function watchOverWebrtc(
  browser: FakeBrowser,
  options: Partial<PlayerOptions> = {},
): Promise<Player> {
  const player = watch(browser, options)
  await browser.clock.advance(0)
  browser.screen[0]!.showFrame()
  await browser.advanceReceiving(600)
  expect(player.state).toMatchObject({ protocol: 'webrtc', status: 'playing' })
  return player
}

export async function watchOverHls(
  browser: FakeBrowser,
  options: Partial<PlayerOptions> = {},
): Promise<Player> {
  browser.server.whepStatus = 429
  const player = watch(browser, options)
  await browser.clock.advance(0)
  browser.screen[0]!.showFrame()
  await browser.clock.advance(0)
  expect(player.state).toMatchObject({ protocol: 'hls', status: 'playing' })
  return player
}
