import { expect, test } from 'bun:test'
import type { Player } from '../../src/client/player/player.ts'
import { FakeBrowser } from './fake-browser.ts'
import { watch, watchOverHls, watchOverWebrtc } from './watching.ts'

const SESSION = '/whep/ada/1'

test('WebRTC plays: the offer is answered, both buffers are set to nothing, sound is stereo', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  const [connection] = browser.connections
  expect(browser.server.requests).toContain('POST /whep/ada')
  expect(browser.server.requests).toContain(`PATCH ${SESSION}`)
  expect(connection!.receivers.map(receiver => receiver.jitterBufferTarget)).toEqual([0, 0])
  expect(connection!.answer).toContain('a=fmtp:111 minptime=10;stereo=1\r\n')
  expect(browser.screen).toHaveLength(1)
  expect(browser.screen[0]!.muted).toBe(false)
  player.close()
})

test('the delay is told by the server’s clock and the capture time in the reports', async () => {
  const browser = new FakeBrowser()
  browser.server.clockAheadMs = 5_000
  const player = await watchOverWebrtc(browser)
  browser.connections[0]!.estimatedPlayoutTimestamp = () =>
    browser.clock.now + 5_000 - 120 + 2_208_988_800_000
  await browser.advanceReceiving(300)
  expect(player.state.delayMs).toBe(120)
  player.close()
})

test('a channel that is not live is offline, and plays by itself when it is', async () => {
  const browser = new FakeBrowser()
  browser.server.isLive = false
  const player = watch(browser)
  await browser.clock.advance(10_000)
  expect(player.state.status).toBe('offline')
  expect(browser.server.countOf('POST /whep/ada')).toBe(1)
  browser.server.isLive = true
  await browser.clock.advance(3_000)
  browser.screen[0]!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ protocol: 'webrtc', status: 'playing' })
  player.close()
})

test('409 to the WHEP request: offline when the channel has ended, played later', async () => {
  const browser = new FakeBrowser()
  browser.server.whepStatus = 409
  browser.server.onRequest = request => {
    if (request === 'POST /whep/ada') browser.server.isLive = false
  }
  const player = watch(browser)
  await browser.clock.advance(1_000)
  expect(player.state.status).toBe('offline')
  browser.server.onRequest = () => {}
  Object.assign(browser.server, { isLive: true, whepStatus: 201 })
  await browser.clock.advance(3_000)
  browser.screen[0]!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ protocol: 'webrtc', status: 'playing' })
  player.close()
})

test('no first frame over WebRTC in 5 s: HLS plays, and the session is ended at the server', async () => {
  const browser = new FakeBrowser()
  const player = watch(browser)
  await browser.clock.advance(4_900)
  expect(browser.players).toHaveLength(0)
  await browser.clock.advance(200)
  expect(browser.server.sessions.size).toBe(0)
  expect(browser.connections[0]!.connectionState).toBe('closed')
  expect(browser.players[0]!.url).toBe('http://localhost/hls/ada/index.m3u8')
  browser.screen[0]!.showFrame()
  await browser.clock.advance(0)
  expect(player.state).toMatchObject({
    protocol: 'hls',
    status: 'playing',
    reason: 'WebRTC could not be had.',
  })
  player.close()
})

test('no WebRTC in the browser, or HLS preferred: HLS at once, and WebRTC is never tried', async () => {
  for (const [hasWebrtc, preferred] of [
    [false, 'webrtc'],
    [true, 'hls'],
  ] as const) {
    const browser = new FakeBrowser()
    browser.hasWebrtc = hasWebrtc
    const player = watch(browser, { preferred })
    await browser.clock.advance(0)
    browser.screen[0]!.showFrame()
    await browser.clock.advance(120_000)
    expect(player.state.protocol).toBe('hls')
    expect(browser.server.countOf('POST /whep/ada')).toBe(0)
    player.close()
  }
})

test('neither protocol shows a picture: failed, in words, and tried again', async () => {
  const browser = new FakeBrowser()
  browser.server.whepStatus = 429
  const player = watch(browser)
  await browser.clock.advance(15_100)
  expect(player.state).toMatchObject({ status: 'failed', protocol: 'none' })
  expect(player.state.reason).toBeDefined()
  await browser.clock.advance(1_000)
  expect(browser.players).toHaveLength(2)
  player.close()
})

test('a server that cannot be reached is said, and found again', async () => {
  const browser = new FakeBrowser()
  browser.server.isReachable = false
  const player = watch(browser)
  await browser.clock.advance(100)
  expect(player.state).toMatchObject({ status: 'connecting', reason: 'The server cannot be reached.' })
  browser.server.isReachable = true
  await browser.clock.advance(3_000)
  browser.screen[0]!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ status: 'playing', reason: undefined })
  player.close()
})

test('a browser that refuses sound plays muted and says so; a click brings the sound', async () => {
  const browser = new FakeBrowser()
  browser.mayBeAudible = false
  const player = await watchOverWebrtc(browser)
  expect(player.state).toMatchObject({ isMuted: true, isSilencedByBrowser: true })
  expect(browser.screen[0]).toMatchObject({ muted: true, paused: false })
  browser.mayBeAudible = true
  player.setSound({ isMuted: false, volume: 0.5 })
  expect(player.state).toMatchObject({ isMuted: false, isSilencedByBrowser: false, volume: 0.5 })
  expect(browser.screen[0]).toMatchObject({ muted: false, volume: 0.5 })
  player.close()
})

test('leaving the page ends the session at the server', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  for (const run of browser.pageHides) run()
  await browser.clock.advance(0)
  expect(browser.server.countOf(`DELETE ${SESSION}`)).toBe(1)
  player.close()
})

const stages: [string, (browser: FakeBrowser) => Promise<Player>][] = [
  ['just opened', async browser => watch(browser)],
  [
    'connecting',
    async browser => {
      const player = watch(browser)
      await browser.clock.advance(1_000)
      return player
    },
  ],
  ['on WebRTC', browser => watchOverWebrtc(browser)],
  ['on HLS', browser => watchOverHls(browser)],
  [
    'offline',
    async browser => {
      browser.server.isLive = false
      const player = watch(browser)
      await browser.clock.advance(4_000)
      return player
    },
  ],
]

test.each(stages)(
  'close() when %s leaves no timer, session, connection, element or listener',
  async (_, reach) => {
    const browser = new FakeBrowser()
    const player = await reach(browser)
    player.close()
    player.close()
    await browser.clock.advance(0)
    expect(browser.clock.timers.size).toBe(0)
    expect(browser.server.sessions.size).toBe(0)
    expect(browser.connections.every(connection => connection.connectionState === 'closed')).toBe(true)
    expect(browser.players.every(hls => hls.isDestroyed)).toBe(true)
    expect(browser.screen).toHaveLength(0)
    expect(browser.pageHides.size).toBe(0)
    const requests = browser.server.requests.length
    await browser.clock.advance(60_000)
    expect(browser.server.requests).toHaveLength(requests)
    expect(player.state.status).toBe('closed')
  },
)
