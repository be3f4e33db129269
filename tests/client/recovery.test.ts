import { expect, test } from 'bun:test'
import { FakeBrowser } from './fake-browser.ts'
import { watchOverHls, watchOverWebrtc } from './watching.ts'

test('the media worker dies: a new session within 1.5 s, the last picture stays until the new one', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  const before = browser.screen[0]!
  browser.server.sessions.clear()
  await browser.clock.advance(1_500)
  expect(browser.connections).toHaveLength(2)
  expect(browser.server.countOf('DELETE /whep/ada/1')).toBe(0)
  expect(browser.screen[0]).toBe(before)
  expect(browser.screen).toHaveLength(2)
  expect(player.state).toMatchObject({ status: 'connecting', protocol: 'webrtc' })
  browser.screen[1]!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ status: 'playing', protocol: 'webrtc' })
  expect(browser.screen).toHaveLength(1)
  expect(browser.screen[0]).not.toBe(before)
  player.close()
})

test('a server that refuses for a moment after the loss is asked again, without HLS', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  browser.server.sessions.clear()
  browser.server.whepStatus = 503
  await browser.clock.advance(1_300)
  browser.server.whepStatus = 201
  await browser.clock.advance(1_000)
  expect(browser.connections).toHaveLength(2)
  expect(browser.players).toHaveLength(0)
  player.close()
})

test('a connection that the browser calls failed is renegotiated at once', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  browser.connections[0]!.connectionState = 'failed'
  browser.connections[0]!.dispatchEvent(new Event('connectionstatechange'))
  await browser.clock.advance(0)
  expect(browser.connections).toHaveLength(2)
  player.close()
})

test('a publisher that stalls is waited for: same session, then it plays on', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  await browser.clock.advance(20_000)
  expect(player.state).toMatchObject({ status: 'stalled', protocol: 'webrtc' })
  expect(browser.connections).toHaveLength(1)
  expect(browser.server.countOf('GET /whep/ada/1')).toBeLessThan(12)
  await browser.advanceReceiving(600)
  expect(player.state.status).toBe('playing')
  player.close()
})

test('the stream ends: the player goes offline and empties the screen', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  browser.server.sessions.clear()
  Object.assign(browser.server, { isLive: false, whepStatus: 409 })
  await browser.clock.advance(2_000)
  expect(player.state).toMatchObject({ status: 'offline', protocol: 'none' })
  expect(browser.screen).toHaveLength(0)
  player.close()
})

test('from HLS back to WebRTC after 15 s, with the HLS picture on screen until the other comes', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser)
  const hlsVideo = browser.screen[0]!
  browser.server.whepStatus = 201
  for (let second = 0; second < 14; second++) {
    hlsVideo.currentTime++
    await browser.clock.advance(1_000)
  }
  expect(browser.connections).toHaveLength(0)
  await browser.clock.advance(1_000)
  expect(browser.connections).toHaveLength(1)
  expect(browser.screen).toHaveLength(2)
  expect(player.state.protocol).toBe('hls')
  browser.screen[1]!.showFrame()
  await browser.advanceReceiving(300)
  expect(player.state).toMatchObject({ protocol: 'webrtc', reason: undefined })
  expect(browser.players[0]!.isDestroyed).toBe(true)
  expect(browser.screen).toHaveLength(1)
  player.close()
})

test('WebRTC that stays away is asked for ever more rarely', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser)
  for (let i = 0; i < 60; i++) {
    browser.screen[0]!.currentTime++
    await browser.clock.advance(5_000)
  }
  expect(browser.server.countOf('POST /whep/ada')).toBe(5)
  player.close()
})

test('connections that break three times in a row end in HLS', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  for (let i = 0; i < 3; i++) {
    const connection = browser.connections.at(-1)!
    connection.connectionState = 'failed'
    connection.dispatchEvent(new Event('connectionstatechange'))
    await browser.clock.advance(0)
    browser.screen.at(-1)!.showFrame()
    await browser.clock.advance(200)
  }
  expect(player.state.protocol).toBe('hls')
  player.close()
})

test('HLS: media errors are mended in place, a network error opens it anew', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser)
  browser.players[0]!.fail('mediaError')
  expect(browser.players[0]!.recoveries).toBe(1)
  browser.players[0]!.fail('networkError')
  await browser.clock.advance(0)
  expect(browser.players[0]!.isDestroyed).toBe(true)
  expect(browser.players).toHaveLength(2)
  expect(browser.screen).toHaveLength(2)
  player.close()
})

test('HLS that stands still is stalled, and opened anew after 10 s', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  await browser.clock.advance(2_000)
  expect(player.state.status).toBe('stalled')
  await browser.clock.advance(10_000)
  expect(browser.players).toHaveLength(2)
  player.close()
})

test('HLS that has fallen far behind jumps to where it should be', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser)
  browser.players[0]!.latency = 6
  await browser.clock.advance(500)
  expect(browser.screen[0]!.currentTime).toBe(0)
  browser.players[0]!.latency = 8
  await browser.clock.advance(500)
  expect(browser.screen[0]!.currentTime).toBe(100)
  player.close()
})

test('HLS a little behind plays faster until it is near, and only while enough is buffered', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser)
  const [hls] = browser.players
  const [video] = browser.screen
  const rateAt = async (latency: number, bufferedUntil: number) => {
    Object.assign(hls!, { latency })
    Object.assign(video!, { bufferedUntil })
    await browser.clock.advance(500)
    return video!.playbackRate
  }
  const target = hls!.targetLatency
  expect(await rateAt(target + 0.3, 1)).toBe(1.05)
  expect(await rateAt(target + 2, 2)).toBe(1.1)
  expect(await rateAt(target + 0.3, 0.2)).toBe(1)
  expect(await rateAt(target + 0.02, 1)).toBe(1)
  player.close()
})

test('the delay of HLS is told by the date of the picture and the server’s clock', async () => {
  const browser = new FakeBrowser()
  browser.server.clockAheadMs = -700
  const player = await watchOverHls(browser)
  browser.players[0]!.playingDate = new Date(browser.clock.now - 2_200)
  await browser.clock.advance(500)
  expect(player.state.delayMs).toBe(2_000)
  player.close()
})
