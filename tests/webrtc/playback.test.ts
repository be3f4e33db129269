import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { type Encoded, encode } from '../hls/encoder.ts'
import type { ObservedPage } from '../support/browser.ts'
import { waitFor } from '../support/wait-for.ts'
import { Audience, SECONDS } from './audience.ts'

const size = '640x360'
const B_FRAMES = ['-preset', 'veryfast', '-bf', '3', '-b_strategy', '0']

let audience: Audience
let plain: Encoded
let withBFrames: Encoded

beforeAll(async () => {
  ;[audience, plain, withBFrames] = await Promise.all([
    Audience.open(),
    encode({ seconds: SECONDS + 1, size }),
    encode({ seconds: SECONDS + 1, size, video: B_FRAMES }),
  ])
}, 30_000)
afterEach(() => audience.clear())
afterAll(() => audience.close())

async function expectPictureAndSound(page: ObservedPage): Promise<void> {
  // Only the page in front is drawn.
  await page.page.bringToFront()
  const picture = await page.playing({ frames: 40, timeoutMs: 10_000 })
  expect([picture.width, picture.height]).toEqual([640, 360])
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  expect(page.errors).toEqual([])
}

/** How much later the picture is shown than the sound of its time is heard, in ms, by the browser's own account. */
function lipDelay(page: ObservedPage): Promise<number | undefined> {
  return page.page.evaluate(async () => {
    const [connection] = window.observer.connections
    const times = new Map<string, number>()
    for (const report of (await connection!.getStats()).values())
      if (report['type'] === 'inbound-rtp' && report['estimatedPlayoutTimestamp'])
        times.set(report['kind'], report['estimatedPlayoutTimestamp'])
    const [video, audio] = [times.get('video'), times.get('audio')]
    return video && audio ? audio - video : undefined
  })
}

async function expectLipsToMatch(page: ObservedPage): Promise<void> {
  // The browser brings them together step by step.
  await waitFor(
    async () => {
      const delay = await lipDelay(page)
      return delay !== undefined && Math.abs(delay) < 50
    },
    { message: 'lips to match', intervalMs: 200, timeoutMs: 15_000 },
  )
}

test('one browser by its own offer and one by ours see moving pictures, hear sound, and lips match', async () => {
  const stream = await audience.publish('ada', plain)
  const [{ page: own, resource }, { page: offered }] = await Promise.all([
    audience.watch('ada'),
    audience.watch('ada', 'our offer'),
  ])
  for (const page of [own, offered]) {
    await expectPictureAndSound(page)
    await expectLipsToMatch(page)
  }
  expect(stream.viewerCount).toBe(2)
  expect(stream.broadcast!.health().notices).toEqual([])
  for (const page of [own, offered]) {
    const audio = await page.rtp('audio')
    expect(audio.lost).toBe(0)
    expect((await page.rtp('video')).lost).toBe(0)
  }
  expect((await fetch(resource, { method: 'DELETE' })).status).toBe(200)
  await waitFor(() => stream.viewerCount === 1, { message: 'one viewer to be left' })
  expect((await fetch(resource)).status).toBe(404)
}, 60_000)

test('B-frames are re-encoded for browsers, which get every picture in order, and the streamer is told', async () => {
  const stream = await audience.publish('bob', withBFrames)
  const { page } = await audience.watch('bob')
  await expectPictureAndSound(page)
  const times = await page.page.evaluate(async () => {
    const video = document.querySelector('video')!
    const seen: number[] = []
    while (seen.length < 60)
      seen.push(
        await new Promise<number>(resolve =>
          video.requestVideoFrameCallback((_, frame) => resolve(frame.rtpTimestamp!)),
        ),
      )
    return seen
  })
  const steps = times.slice(1).map((time, index) => (time - times[index]! + 2 ** 32) % 2 ** 32)
  // 30 frames a second on a 90 kHz clock; a page may miss to show one.
  for (const step of steps) expect(Math.round(step / 3_000)).toBeLessThan(10)
  expect(steps.filter(step => Math.abs(step - 3_000) <= 90).length).toBeGreaterThan(40)
  const { notices } = stream.broadcast!.health()
  expect(notices).toMatchObject([{ code: 'b_frames', level: 'warning' }])
  expect(notices[0]!.message).toContain('bframes=0')
  await expectLipsToMatch(page)
}, 30_000)

test('B-frames that the stream does not announce cost a viewer who was there before nothing', async () => {
  const { maxReorderFrames: _, ...video } = withBFrames.tracks.video
  const stream = await audience.start('gus')
  const { page } = await audience.watch('gus')
  await waitFor(() => stream.viewerCount === 1, { message: 'the viewer to be connected' })
  const units = withBFrames.units.map(unit => (isVideo(unit) ? { ...unit, track: video } : unit))
  audience.stage.feed(stream, { tracks: { ...withBFrames.tracks, video }, units }, SECONDS)
  await expectPictureAndSound(page)
  expect(stream.broadcast!.health().notices).toMatchObject([{ code: 'b_frames' }])
}, 30_000)

test('a publisher that comes back to the same stream goes on for viewers who do nothing', async () => {
  const stream = await audience.publish('cyd', plain)
  const { page, resource } = await audience.watch('cyd')
  await page.playing({ frames: 30 })
  audience.stage.feed(stream, withBFrames, SECONDS)
  const { decodedFrames } = (await page.picture())!
  await page.playing({ frames: decodedFrames + 60 })
  expect(await page.motion()).toBeGreaterThan(1)
  audience.stage.feed(stream, plain, SECONDS)
  const before = (await page.picture())!.decodedFrames
  await page.playing({ frames: before + 60 })
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  expect((await fetch(resource)).status).toBe(204)
}, 30_000)

test('a worker that dies ends its sessions at once, and viewers who come again play', async () => {
  const stream = await audience.publish('dan', plain)
  const { page, resource } = await audience.watch('dan')
  await page.playing({ frames: 10 })
  expect(stream.viewerCount).toBe(1)
  process.kill(audience.stage.workers.pids[0]!, 'SIGKILL')
  await waitFor(async () => (await fetch(resource)).status === 404, { message: 'the session to end' })
  expect(stream.viewerCount).toBe(0)
  const again = await audience.watch('dan')
  await expectPictureAndSound(again.page)
}, 30_000)

test('a browser that offers data too plays, and its ICE can be restarted', async () => {
  await audience.publish('eve', plain)
  const page = await audience.openPage()
  const states = await page.page.evaluate(async url => {
    const connection = new RTCPeerConnection()
    connection.createDataChannel('chat')
    connection.addTransceiver('video', { direction: 'recvonly' })
    connection.addTransceiver('audio', { direction: 'recvonly' })
    const video = document.querySelector('video')!
    const media = new MediaStream()
    video.srcObject = media
    connection.addEventListener('track', event => media.addTrack(event.track))
    await connection.setLocalDescription()
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: connection.localDescription!.sdp,
    })
    const answer = await response.text()
    await connection.setRemoteDescription({ type: 'answer', sdp: answer })
    void video.play()
    const isConnected = () =>
      new Promise<string>(resolve => {
        const look = () => {
          const { connectionState } = connection
          if (connectionState === 'connected' || connectionState === 'failed') resolve(connectionState)
          else setTimeout(look, 20)
        }
        look()
      })
    const first = await isConnected()
    connection.restartIce()
    await connection.setLocalDescription()
    const own = connection.localDescription!.sdp
    const lines = own.split('\r\n').filter(line => /^a=ice-(ufrag|pwd):/.test(line))
    const restarted = await fetch(new URL(response.headers.get('location')!, url), {
      method: 'PATCH',
      headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
      body: `${lines.slice(0, 2).join('\r\n')}\r\n`,
    })
    const fragment = await restarted.text()
    const [ufrag] = /^a=ice-ufrag:.*$/m.exec(fragment)!
    const [pwd] = /^a=ice-pwd:.*$/m.exec(fragment)!
    const sdp = answer.replace(/^a=ice-ufrag:.*$/gm, ufrag).replace(/^a=ice-pwd:.*$/gm, pwd)
    await connection.setRemoteDescription({ type: 'answer', sdp })
    return [first, restarted.status, await isConnected()]
  }, `${audience.stage.listen()}eve`)
  expect(states).toEqual(['connected', 200, 'connected'])
  await expectPictureAndSound(page)
}, 30_000)

test('a channel without sound plays', async () => {
  const silent: Encoded = { tracks: { video: plain.tracks.video }, units: plain.units.filter(isVideo) }
  await audience.publish('fay', silent)
  const { page } = await audience.watch('fay')
  await page.playing({ frames: 30 })
  expect(await page.motion()).toBeGreaterThan(1)
}, 30_000)

function isVideo(unit: Encoded['units'][number]): boolean {
  return unit.track.kind === 'video'
}
