import { expect, test } from 'bun:test'
import type { LoaderStats } from 'hls.js'
import { weighed } from '../../src/client/player/hls-bandwidth.ts'
import { levelName } from '../../src/client/player/hls-levels.ts'
import { positionOf, reachOf } from '../../src/client/player/hls-timeline.ts'
import { layersUrl } from '../../src/client/player/layers.ts'
import { FakeBrowser } from './fake-browser.ts'
import type { FakeHls } from './fake-hls.ts'
import { watch, watchOverHls, watchOverWebrtc } from './watching.ts'

const HEIGHTS = [1080, 720, 480]
const NAMES = ['source', '720p', '480p']

const nameless = (qualities: readonly { name: string }[]) => qualities.map(({ name }) => name)

test('WebRTC: the layers are the menu, the picture’s height says which one plays', async () => {
  const browser = new FakeBrowser()
  browser.server.layers = HEIGHTS
  const player = await watchOverWebrtc(browser)
  expect(nameless(player.state.qualities)).toEqual(NAMES)
  expect(player.state).toMatchObject({ quality: 'auto', playingQuality: '720p' })
  player.setQuality('480p')
  browser.connections[0]!.frameHeight = 480
  await browser.advanceReceiving(600)
  expect(player.state).toMatchObject({ quality: '480p', playingQuality: '480p' })
  player.setQuality('auto')
  await browser.clock.advance(0)
  expect(browser.server.pins).toEqual(['480p', null])
  player.close()
})

test('a server without layers has no menu, and is not asked for any', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  player.setQuality('480p')
  await browser.advanceReceiving(600)
  expect(player.state.qualities).toEqual([])
  expect(browser.server.requests.filter(request => request.endsWith('/layer'))).toEqual([])
  player.close()
})

test('the choice is kept over a new session, and by HLS', async () => {
  const browser = new FakeBrowser()
  browser.server.layers = HEIGHTS
  const player = await watchOverWebrtc(browser)
  player.setQuality('480p')
  await browser.clock.advance(0)
  browser.server.sessions.clear()
  await browser.clock.advance(1_500)
  browser.screen[1]!.showFrame()
  await browser.advanceReceiving(600)
  expect(browser.server.pins.slice(1)).not.toEqual([])
  expect(new Set(browser.server.pins)).toEqual(new Set(['480p']))

  browser.server.sessions.clear()
  browser.server.whepStatus = 429
  await browser.clock.advance(1_500)
  const [hls] = browser.players
  hls!.parse(HEIGHTS)
  expect(hls!.startLevel).toBe(2)
  player.close()
})

test('HLS: levels have the same names; a choice is the next level, auto leaves it to the bandwidth', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  hls!.parse(HEIGHTS)
  hls!.currentLevel = 1
  browser.screen[0]!.currentTime++
  await browser.clock.advance(500)
  expect(nameless(player.state.qualities)).toEqual(NAMES)
  expect(player.state.playingQuality).toBe('720p')
  player.setQuality('480p')
  expect(hls!.nextLevel).toBe(2)
  player.setQuality('auto')
  expect(hls!.nextLevel).toBe(-1)
  player.close()
})

test('another sound than the default plays over HLS; the default one goes back to WebRTC', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  player.setAudio(1)
  const hls = await shownHls(browser)
  hls.parse([720], ['English', 'Deutsch'])
  await browser.clock.advance(500)
  expect(player.state).toMatchObject({ protocol: 'hls', reason: undefined, audioIndex: 1 })
  expect(player.state.audioOptions.map(({ label }) => label)).toEqual(['English', 'Deutsch'])
  expect(hls.audioTrack).toBe(1)
  expect(browser.connections[0]!.connectionState).toBe('closed')
  player.setAudio(0)
  await browser.clock.advance(0)
  browser.screen.at(-1)!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ protocol: 'webrtc', audioIndex: 0 })
  player.close()
})

test('rewinding over WebRTC plays HLS from that time, live goes back; the picture stays until the other is there', async () => {
  const browser = new FakeBrowser()
  const startedAt = browser.clock.now - 600_000
  browser.server.startedAt = new Date(startedAt).toISOString()
  const player = await watchOverWebrtc(browser)
  expect(player.state.timeline).toMatchObject({ startMs: startedAt, isAtLive: true })
  player.seek(startedAt + 100_000)
  await browser.clock.advance(100)
  expect(player.state.protocol).toBe('webrtc')
  const [hls] = browser.players
  hls!.list(startedAt, browser.clock.now)
  browser.screen.at(-1)!.showFrame()
  await browser.clock.advance(0)
  expect(browser.screen.at(-1)!.currentTime).toBeCloseTo(100, 0)
  expect(player.state.protocol).toBe('webrtc')
  browser.screen.at(-1)!.dispatchEvent(new Event('seeked'))
  hls!.playingDate = new Date(startedAt + 100_000)
  for (let i = 0; i < 40; i++) {
    browser.screen.at(-1)!.currentTime += 0.5
    await browser.clock.advance(500)
  }
  expect(player.state).toMatchObject({ protocol: 'hls', reason: undefined, delayMs: undefined })
  expect(player.state.timeline).toMatchObject({ positionMs: startedAt + 100_000, isAtLive: false })
  expect(browser.connections).toHaveLength(1)

  player.goLive()
  await browser.clock.advance(100)
  browser.screen.at(-1)!.showFrame()
  await browser.advanceReceiving(600)
  expect(player.state).toMatchObject({ protocol: 'webrtc' })
  expect(player.state.timeline?.isAtLive).toBe(true)
  player.close()
})

test('rewinding within HLS seeks; a playback that breaks is opened anew where it was', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  const [video] = browser.screen
  const startedAt = browser.clock.now - 300_000
  hls!.list(startedAt, browser.clock.now)
  hls!.playingDate = new Date(browser.clock.now - 1_000)
  await browser.clock.advance(500)
  player.seek(startedAt + 61_000)
  expect(video!.currentTime).toBeCloseTo(61, 0)
  hls!.playingDate = new Date(startedAt + 62_000)
  hls!.latency = 230
  await browser.clock.advance(500)
  expect(video!.currentTime).toBeCloseTo(61, 0)
  expect(player.state.timeline?.isAtLive).toBe(false)
  hls!.fail('networkError')
  await browser.clock.advance(0)
  browser.players[1]!.list(startedAt, browser.clock.now)
  browser.screen.at(-1)!.showFrame()
  await browser.clock.advance(0)
  expect(browser.screen.at(-1)!.currentTime).toBeCloseTo(62, 0)
  player.close()
})

test('a capture time is found over a discontinuity, and outside of what is listed the nearest', () => {
  const fragments = [
    { start: 0, duration: 2, programDateTime: 1_000_000 },
    { start: 2, duration: 2, programDateTime: 1_002_000 },
    { start: 4, duration: 2, programDateTime: 1_032_000 },
  ]
  const details = { fragments } as unknown as Parameters<typeof positionOf>[0]
  expect(reachOf(details)).toEqual({ startMs: 1_000_000, endMs: 1_034_000 })
  const positions = [999_000, 1_001_000, 1_003_500, 1_020_000, 1_033_000, 1_050_000]
  expect(positions.map(timeMs => positionOf(details, timeMs))).toEqual([0, 1, 3.5, 4, 5, 6])
})

test.each([
  ['/hls/x/source/playlist.m3u8?viewer=1', 1080, 'source'],
  ['/hls/x/720p60/playlist.m3u8', 720, '720p60'],
  ['/other/video.m3u8', 360, '360p'],
])('the level %s is called by its folder or its height', (uri, height, name) => {
  expect(levelName({ uri, height, bitrate: 0 })).toBe(name)
})

test('a small part counts for its bytes and the time that it plays, a slow one for the time that it took', () => {
  const stats = (loaded: number, tookMs: number) =>
    ({ loaded, loading: { start: 0, first: 60, end: 60 + tookMs }, parsing: {} }) as LoaderStats
  const measure = (from: LoaderStats) => {
    const { loaded, loading, parsing } = weighed(from, 0.2, 9_000_000)
    expect(parsing.end).toBe(loading.end)
    expect(loading.start).toBe(loading.first)
    const seconds = (loading.end - loading.start) / 1000
    return [Math.round((loaded * 8) / seconds), Number(seconds.toFixed(3))]
  }
  expect(measure(stats(10_000, 16))).toEqual([5_000_000, 0.2])
  expect(measure(stats(10_000, 400))).toEqual([200_000, 0.4])
  expect(measure(stats(10_000, 0))).toEqual([9_000_000, 0.2])
})

test('the layer extension is found among other links', () => {
  const rel = 'rel="urn:ietf:params:whep:ext:core:layer"'
  const find = (link: string | null) => layersUrl(link, 'http://a/whep/x/1')
  expect(find(`<stun:s>; rel="ice-server", </whep/x/1/layer>; ${rel}`)).toBe('http://a/whep/x/1/layer')
  expect(find(`<layer>; ${rel}; events="layers"`)).toBe('http://a/whep/x/layer')
  expect(find('<stun:s>; rel="ice-server"')).toBeUndefined()
  expect(find(null)).toBeUndefined()
})

async function shownHls(browser: FakeBrowser): Promise<FakeHls> {
  await browser.clock.advance(0)
  browser.screen.at(-1)!.showFrame()
  await browser.clock.advance(0)
  return browser.players.at(-1)!
}

test('what was chosen ends with the stream, the quality does not', async () => {
  const browser = new FakeBrowser()
  const player = watch(browser, { preferred: 'hls' })
  await browser.clock.advance(0)
  browser.screen[0]!.showFrame()
  await browser.clock.advance(0)
  player.setQuality('480p')
  player.setAudio(1)
  browser.server.isLive = false
  browser.players[0]!.fail('networkError')
  await browser.clock.advance(100)
  expect(player.state).toMatchObject({
    status: 'offline',
    quality: '480p',
    audioIndex: 0,
    timeline: undefined,
  })
  player.close()
})
