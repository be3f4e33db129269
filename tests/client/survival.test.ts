import { expect, test } from 'bun:test'
import { FakeBrowser } from './fake-browser.ts'
import { watchOverHls, watchOverWebrtc } from './watching.ts'

test('WebRTC: a lost publisher is waited for in the same session and element, and said', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  const [video] = browser.screen
  browser.server.status = 'reconnecting'
  await browser.clock.advance(3_000)
  expect(player.state).toMatchObject({ status: 'reconnecting', protocol: 'webrtc' })
  await browser.clock.advance(25_000)
  browser.server.status = 'live'
  await browser.advanceReceiving(600)
  expect(player.state).toMatchObject({ status: 'playing', protocol: 'webrtc' })
  expect(browser.connections).toHaveLength(1)
  expect(browser.screen).toEqual([video!])
  player.close()
})

test('HLS: a lost publisher is waited for in the same element; afterwards it plays no later than before', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  const [video] = browser.screen
  browser.server.status = 'reconnecting'
  await browser.clock.advance(30_000)
  expect(player.state.status).toBe('reconnecting')
  browser.server.status = 'live'
  Object.assign(hls!, { latency: 2.5, liveSyncPosition: 41 })
  Object.assign(video!, { currentTime: 39.5, bufferedUntil: 42 })
  await browser.clock.advance(500)
  expect(video!.currentTime).toBe(41)
  expect(player.state.status).toBe('playing')
  expect(browser.players).toHaveLength(1)
  player.close()
})

test('HLS: an element that waits plays on as soon as enough is there, and one that plays is left alone', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  const [video] = browser.screen
  const seeks: number[] = []
  let position = 39.5
  Object.defineProperty(video!, 'currentTime', {
    get: () => position,
    set: (wanted: number) => {
      position = wanted
      seeks.push(wanted)
    },
  })
  const filledTo = (bufferedUntil: number) => {
    video!.bufferedUntil = bufferedUntil
    hls!.emit('appended')
  }
  filledTo(40.5)
  video!.dispatchEvent(new Event('waiting'))
  video!.readyState = 2
  filledTo(39.7)
  expect(seeks).toEqual([])
  filledTo(40.1)
  filledTo(40.3)
  expect(seeks).toEqual([39.5])
  player.close()
})

test('HLS: a publisher that is back while the picture stands still for 10 s more: opened anew', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  browser.server.status = 'reconnecting'
  await browser.clock.advance(30_000)
  browser.server.status = 'live'
  await browser.clock.advance(16_000)
  expect(browser.players).toHaveLength(2)
  player.close()
})

test('HLS: stalls of the network keep it further behind, for a while; those of the publisher do not', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  const [video] = browser.screen
  const play = async (seconds: number) => {
    for (let i = 0; i < seconds * 2; i++) {
      video!.currentTime += 0.5
      video!.bufferedUntil = video!.currentTime + 1
      await browser.clock.advance(500)
    }
    return video!.playbackRate
  }
  hls!.latency = hls!.targetLatency + 0.4
  expect(await play(1)).toBe(1.05)
  hls!.stall()
  hls!.stall()
  expect(await play(1)).toBe(1)
  expect(await play(130)).toBe(1.05)
  player.close()
})

test('HLS: after a long stall of the network it stays as late as its media came, instead of jumping into the next one', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverHls(browser, { preferred: 'hls' })
  const [hls] = browser.players
  const [video] = browser.screen
  const play = async (seconds: number) => {
    for (let i = 0; i < seconds * 2; i++) {
      video!.currentTime += 0.5
      video!.bufferedUntil = video!.currentTime + 1.5
      hls!.liveSyncPosition = video!.currentTime + hls!.latency - hls!.targetLatency
      await browser.clock.advance(500)
    }
    return video!.currentTime
  }
  await play(2)
  video!.bufferedUntil = video!.currentTime
  hls!.stall()
  await browser.clock.advance(2_000)
  hls!.latency = hls!.targetLatency + 1.2
  const before = video!.currentTime
  expect(await play(10)).toBeCloseTo(before + 10)
  expect(video!.playbackRate).toBe(1)
  player.close()
})

test('the delay is told every ten seconds, and sooner when it changes much', async () => {
  const browser = new FakeBrowser()
  const player = await watchOverWebrtc(browser)
  const delay = { ms: 100 }
  browser.connections[0]!.estimatedPlayoutTimestamp = () => browser.clock.now - delay.ms + 2_208_988_800_000
  await browser.advanceReceiving(10_000)
  expect(browser.server.reports.length).toBeLessThanOrEqual(1)
  await browser.advanceReceiving(30_000)
  expect(browser.server.reports.length).toBeLessThanOrEqual(5)
  expect(browser.server.reports.at(-1)).toMatchObject({ streamId: 's', protocol: 'webrtc', delayMs: 100 })
  const told = browser.server.reports.length
  delay.ms = 700
  await browser.advanceReceiving(5_000)
  expect(browser.server.reports.length - told).toBeOneOf([1, 2])
  expect(browser.server.reports.at(-1)!.delayMs).toBe(700)
  expect(new Set(browser.server.reports.map(({ viewerId }) => viewerId)).size).toBe(1)
  expect(browser.server.reports[0]!.viewerId).toMatch(/^[0-9a-f]{32}$/)
  player.close()
})
