/** A player of what is not for everybody: it shows what it has, and is never cut off by a token that expires. */
import { afterEach, expect, test } from 'bun:test'
import type { Player, PlayerOptions } from '../../src/client/player/player.ts'
import { FakeBrowser, FakeVideo } from './fake-browser.ts'
import { FakeHls } from './fake-hls.ts'
import { TOKEN_MS } from './fake-server.ts'
import { watch, watchOverHls, watchOverWebrtc } from './watching.ts'

const SHARE = 's.s.s'
const MINUTE = 60_000
let player: Player | undefined

afterEach(() => {
  player?.close()
  FakeHls.isSupported = () => true
  FakeVideo.prototype.canPlayType = () => ''
})

function privateBrowser(): FakeBrowser {
  const browser = new FakeBrowser()
  browser.server.isTokenNeeded = true
  return browser
}

/** The picture of an HLS player goes on, whatever time passes. */
async function watchMovingHls(browser: FakeBrowser, options: Partial<PlayerOptions> = {}): Promise<Player> {
  const watched = await watchOverHls(browser, options)
  Object.defineProperty(browser.screen[0], 'currentTime', { get: () => browser.clock.now / 1000, set() {} })
  return watched
}

/** What a request of hls.js for `url` is sent to. */
function sentTo(browser: FakeBrowser, url: string): string {
  let opened = url
  const open = (_: string, address: string) => {
    opened = address
  }
  const xhr = { open, setRequestHeader() {} }
  const { xhrSetup } = browser.players.at(-1)!.config as { xhrSetup: (xhr: unknown, url: string) => void }
  xhrSetup(xhr, url)
  return opened
}

test('WebRTC plays though what was asked for before it was known was refused', async () => {
  const browser = privateBrowser()
  player = await watchOverWebrtc(browser)
  expect(browser.server.countOf('POST /whep/ada')).toBe(2)
  expect(browser.players).toEqual([])
})

test('who comes by a link shows it, and asks for nothing before', async () => {
  const browser = privateBrowser()
  player = await watchOverWebrtc(browser, { token: SHARE })
  expect(browser.server.shownTokens[0]).toBe(SHARE)
  expect(browser.server.countOf('POST /whep/ada')).toBe(1)
})

test('a token is renewed by itself long before it ends, for as long as somebody watches', async () => {
  const browser = privateBrowser()
  player = await watchMovingHls(browser)
  const first = browser.server.token
  const { url } = browser.players[0]!
  expect(url).toBe(`http://localhost/t/${first}/hls/ada/index.m3u8`)
  const asked = browser.server.shownTokens.length
  await browser.clock.advance(0.59 * TOKEN_MS)
  expect(browser.server.shownTokens).toHaveLength(asked)
  for (let hours = 0; hours < 12; hours++) await browser.clock.advance(60 * MINUTE)
  const renewals = browser.server.shownTokens.slice(asked)
  expect(renewals.length).toBeGreaterThanOrEqual(3)
  expect(renewals.length).toBeLessThan(8)
  // Each with the one before.
  expect(renewals[0]).toBe(first)
  expect(new Set(renewals).size).toBe(renewals.length)
  const playlist = url.replace('index', 's/source/playlist')
  expect(sentTo(browser, playlist)).toBe(playlist.replace(first, browser.server.token))
  expect(sentTo(browser, 'http://localhost/other.mp4')).toBe('http://localhost/other.mp4')
  expect(player.state).toMatchObject({ protocol: 'hls', status: 'playing' })
  expect(browser.players).toHaveLength(1)
}, 60_000)

test('a server that is away when it is time is asked again until it is back', async () => {
  const browser = privateBrowser()
  player = await watchMovingHls(browser)
  const first = browser.server.token
  browser.server.isReachable = false
  await browser.clock.advance(0.85 * TOKEN_MS)
  browser.server.isReachable = true
  await browser.clock.advance(MINUTE)
  expect(browser.server.token).not.toBe(first)
}, 60_000)

test('who has slept for longer than the token was good shows the link again', async () => {
  const browser = privateBrowser()
  player = await watchOverHls(browser, { token: SHARE })
  const asked = browser.server.shownTokens.length
  // No timer runs while the machine sleeps.
  browser.clock.now += 2 * TOKEN_MS
  await browser.clock.advance(MINUTE)
  expect(browser.server.shownTokens[asked]).toBe(SHARE)
})

test('the server’s clock counts, not one that is wrong', async () => {
  const browser = privateBrowser()
  browser.server.clockAheadMs = -3 * TOKEN_MS
  player = await watchMovingHls(browser)
  await browser.clock.advance(MINUTE)
  const { token } = browser.server
  await browser.clock.advance(0.5 * TOKEN_MS)
  expect(browser.server.token).toBe(token)
  await browser.clock.advance(0.35 * TOKEN_MS)
  expect(browser.server.token).not.toBe(token)
}, 60_000)

test('a browser’s own player gets the next token as a cookie, for its addresses alone', async () => {
  const browser = privateBrowser()
  FakeHls.isSupported = () => false
  FakeVideo.prototype.canPlayType = () => 'maybe'
  player = await watchMovingHls(browser)
  const first = browser.server.token
  expect(browser.screen[0]!.src).toBe(`http://localhost/t/${first}/hls/ada/index.m3u8`)
  await browser.clock.advance(0.85 * TOKEN_MS)
  const second = browser.server.token
  await browser.clock.advance(0.85 * TOKEN_MS)
  expect([first, second]).not.toContain(browser.server.token)
  expect(browser.cookies).toEqual(
    [second, browser.server.token].map(token => `sluice_playback=${token}; path=/t/${first}/; samesite=lax`),
  )
}, 60_000)

test('who may not watch is told why, and begins when they may', async () => {
  const browser = new FakeBrowser()
  browser.server.whepStatus = 401
  browser.server.refusal = { status: 401, reason: 'not_signed_in' }
  player = watch(browser)
  await browser.clock.advance(100)
  expect(player.state).toMatchObject({ status: 'refused', protocol: 'none' })
  expect(player.state.reason).toContain('Sign in')
  browser.server.refusal = { status: 403, reason: 'playback_forbidden' }
  await browser.clock.advance(10_000)
  expect(player.state.reason).toContain('owner')
  const asked = browser.server.shownTokens.length
  await browser.clock.advance(60_000)
  expect(browser.server.shownTokens.length - asked).toBeLessThanOrEqual(6)
  browser.server.refusal = undefined
  browser.server.whepStatus = 201
  browser.server.isTokenNeeded = true
  await browser.clock.advance(10_000)
  browser.screen[0]!.showFrame()
  await browser.advanceReceiving(600)
  expect(player.state).toMatchObject({ protocol: 'webrtc', status: 'playing' })
})

test('who watched until the channel became private sees no picture of it any more', async () => {
  const browser = new FakeBrowser()
  player = await watchOverWebrtc(browser)
  browser.server.refusal = { status: 401, reason: 'not_signed_in' }
  browser.server.whepStatus = 401
  browser.server.sessions.clear()
  await browser.clock.advance(5_000)
  expect(player.state).toMatchObject({ status: 'refused', protocol: 'none' })
  expect(browser.screen).toEqual([])
})

test('a link that is revoked while it is watched is told so', async () => {
  const browser = privateBrowser()
  player = await watchOverHls(browser, { token: SHARE })
  browser.server.refusal = { status: 403, reason: 'playback_token_invalid' }
  browser.players[0]!.emit('error', 'error', { details: 'levelLoadError', fatal: true, type: 'networkError' })
  await browser.clock.advance(1_000)
  expect(player.state).toMatchObject({ status: 'refused', protocol: 'none' })
  expect(player.state.reason).toContain('link')
  expect(browser.screen).toEqual([])
})

test('further media of the channel is asked for with the token of now', async () => {
  const browser = privateBrowser()
  player = await watchOverHls(browser)
  expect(player.mediaAddress('/streams/s/frame.jpg')).toBe(`/t/${browser.server.token}/streams/s/frame.jpg`)
  player.close()
  const open = new FakeBrowser()
  player = await watchOverHls(open)
  expect(player.mediaAddress('/streams/s/frame.jpg')).toBe('/streams/s/frame.jpg')
  expect(sentTo(open, 'http://localhost/hls/ada/index.m3u8')).toBe('http://localhost/hls/ada/index.m3u8')
})
