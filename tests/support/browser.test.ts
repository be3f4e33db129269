import { expect, test } from 'bun:test'
import { openBrowser } from './browser.ts'
import { serveTestPage } from './test-page.ts'

/** Plays what the page draws and hears itself, sent through a connection between two ends in the same page. */
const loopback = async () => {
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width: 320, height: 180 })
  const context = canvas.getContext('2d')!
  let tick = 0
  setInterval(() => {
    context.fillStyle = `hsl(${(tick++ * 7) % 360} 100% 50%)`
    context.fillRect(0, 0, 320, 180)
  }, 20)
  const sound = new AudioContext()
  const tone = sound.createOscillator()
  const output = sound.createMediaStreamDestination()
  tone.connect(output)
  tone.start()
  const [sender, receiver] = [new RTCPeerConnection(), new RTCPeerConnection()]
  sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate ?? undefined)
  receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate ?? undefined)
  const media = new MediaStream()
  receiver.ontrack = ({ track }) => media.addTrack(track)
  for (const track of [...canvas.captureStream(30).getTracks(), ...output.stream.getTracks()])
    sender.addTrack(track)
  const video = document.querySelector('video')!
  video.srcObject = media
  await sender.setLocalDescription()
  await receiver.setRemoteDescription(sender.localDescription!)
  await receiver.setLocalDescription()
  await sender.setRemoteDescription(receiver.localDescription!)
}

test('what a page shows and sounds like is seen from outside', async () => {
  await using browser = await openBrowser()
  await using site = await serveTestPage()
  await using silent = await browser.newPage(site.url)
  expect(await silent.picture()).toMatchObject({ width: 0, decodedFrames: 0, stalls: 0 })
  expect(await silent.audioEnergy(100)).toBe(0)

  await using page = await browser.newPage(site.url)
  await page.page.evaluate(loopback)
  expect(await page.playing()).toMatchObject({ width: 320, height: 180 })
  expect(await page.motion()).toBeGreaterThan(1)
  expect(await page.audioEnergy()).toBeGreaterThan(0.001)
  expect((await page.rtp('video')).framesDecoded).toBeGreaterThan(10)
  expect(page.errors).toEqual([])
}, 60_000)

test('errors of a page are kept', async () => {
  await using browser = await openBrowser()
  await using page = await browser.newPage(
    'data:text/html,<script>console.error("a"); throw new Error("b")</script>',
  )
  expect(page.errors.join(' ')).toMatch(/a.*b/)
}, 60_000)
