/** A real browser publishes: what reaches the live session. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { nalUnits } from '../../media/codecs/h264.ts'
import type { FakeStream } from '../ingest/fake-live.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { waitFor } from '../support/wait-for.ts'
import { publishFromPage, type WhipPage, type WhipPageOptions } from '../support/whip-page.ts'
import { publishByWerift } from './whip-encoder.ts'
import { WhipStage } from './whip-stage.ts'

let stage: WhipStage
let browser: Browser

beforeAll(async () => {
  ;[stage, browser] = await Promise.all([WhipStage.open(), openBrowser()])
}, 30_000)
afterAll(async () => {
  await browser.close()
  await stage[Symbol.asyncDispose]()
})

async function publish(options?: WhipPageOptions): Promise<{ page: WhipPage; stream: FakeStream }> {
  const opening = stage.live.next()
  const page = await publishFromPage(browser, `${stage.listen()}channel`, 'key', options)
  return { page, stream: await opening }
}

function unitsOf(stream: FakeStream, kind: 'video' | 'audio'): AccessUnit[] {
  return stream.units.filter(unit => unit.track.kind === kind)
}

/** Seconds on the common time line. */
function timesOf(units: readonly AccessUnit[]): number[] {
  return units.map(unit => unit.pts / unit.track.timescale)
}

/** How many pictures ffmpeg makes of them; it says so when something is wrong with one. */
async function decode(
  track: VideoTrack,
  units: readonly AccessUnit[],
): Promise<{ pictures: number; errors: string }> {
  const nals = [...track.sps, ...track.pps, ...units.flatMap(unit => [...nalUnits(unit.data)])]
  const stdin = Buffer.concat(nals.flatMap(nal => [Buffer.of(0, 0, 0, 1), nal]))
  const size = ['-s', '16x16', '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1']
  const args = ['-v', 'error', '-f', 'h264', '-i', 'pipe:0', '-fps_mode', 'passthrough', ...size]
  const ffmpeg = Bun.spawn(['ffmpeg', ...args], { stdin, stdout: 'pipe', stderr: 'pipe' })
  const [bytes, errors] = await Promise.all([
    new Response(ffmpeg.stdout).bytes(),
    new Response(ffmpeg.stderr).text(),
  ])
  return { pictures: bytes.byteLength / 256, errors }
}

test('a browser’s picture and sound arrive whole, in step, and with a key frame every two seconds', async () => {
  const { page, stream } = await publish()
  await using _page = page.page
  await waitFor(() => timesOf(unitsOf(stream, 'video')).at(-1)! - timesOf(unitsOf(stream, 'video'))[0]! > 6, {
    message: 'six seconds of pictures',
    timeoutMs: 20_000,
  })
  expect(stream.broadcasts).toHaveLength(1)
  expect(stream.broadcasts[0]!.tracks).toMatchObject({
    video: { codec: 'h264', width: 640, height: 360, maxReorderFrames: 0 },
    audio: { codec: 'opus', channels: 2, samplesPerUnit: 960 },
  })
  expect(stream.publisher.remoteAddress).toBe('127.0.0.1')
  const [video, audio] = [unitsOf(stream, 'video'), unitsOf(stream, 'audio')]
  expect(stream.units[0]).toMatchObject({ isKey: true, track: { kind: 'video' } })
  const { pictures, errors } = await decode(stream.broadcasts[0]!.tracks.video, video)
  expect(errors).toBe('')
  expect(pictures).toBe(video.length)
  for (const times of [timesOf(video), timesOf(audio)])
    expect(times.every((time, index) => index === 0 || time > times[index - 1]!)).toBe(true)
  const keys = timesOf(video.filter(unit => unit.isKey))
  const gaps = keys.slice(1).map((time, index) => time - keys[index]!)
  expect(gaps.length).toBeGreaterThan(1)
  expect(Math.max(...gaps)).toBeLessThan(3.5)
  expect(Math.abs(timesOf(video).at(-1)! - timesOf(audio).at(-1)!)).toBeLessThan(0.5)

  expect(await page.stop()).toBe(200)
  expect(stream).toMatchObject({ leftCount: 1, hasLeftOrderly: true })
  await waitFor(async () => (await stage.load()).transports === 0, { message: 'the transport to be gone' })
}, 40_000)

test('a key frame that is asked for comes at once', async () => {
  const { page, stream } = await publish({ audio: false })
  await using _page = page.page
  await stream.received(10)
  const keys = () => unitsOf(stream, 'video').filter(unit => unit.isKey).length
  const before = keys()
  stream.publisher.requestKeyFrame!()
  await waitFor(() => keys() > before, { message: 'a key frame', timeoutMs: 1_500 })
  expect(stream.broadcasts[0]!.tracks.audio).toBeUndefined()
}, 30_000)

test('another size begins another broadcast, at its key frame', async () => {
  const { page, stream } = await publish()
  await using _page = page.page
  await stream.received(30)
  await page.resize(320, 240)
  await waitFor(() => stream.broadcasts.length > 1, { message: 'another broadcast', timeoutMs: 10_000 })
  await waitFor(() => stream.broadcasts.at(-1)!.units.length > 5, { message: 'its units' })
  const { tracks, units } = stream.broadcasts.at(-1)!
  expect(tracks.video).toMatchObject({ width: 320, height: 240 })
  expect(units[0]).toMatchObject({ isKey: true, track: { kind: 'video' } })
  expect(units.every(unit => unit.track === tracks.video || unit.track === tracks.audio)).toBe(true)
}, 30_000)

test('of a simulcast one layer is taken, and plays', async () => {
  const { page, stream } = await publish({ rids: ['a', 'b'], audio: false })
  await using _page = page.page
  expect(page.answer).toContain('a=simulcast:recv a')
  await stream.received(30)
  expect(new Set(stream.units.map(unit => unit.track)).size).toBe(1)
}, 30_000)

test('a publisher whose network changes goes on under other ICE credentials', async () => {
  const { page, stream } = await publish()
  await using _page = page.page
  await stream.received(30)
  await page.restartIce()
  const [received, keys] = [stream.unitCount, unitsOf(stream, 'video').filter(unit => unit.isKey).length]
  await stream.received(received + 100)
  await waitFor(() => unitsOf(stream, 'video').filter(unit => unit.isKey).length > keys, {
    message: 'a key frame',
  })
  expect(stream).toMatchObject({ leftCount: 0 })
  expect(stream.broadcasts).toHaveLength(1)
}, 30_000)

test('a publisher that goes without a word has left, and the stream may wait for it', async () => {
  const { page, stream } = await publish()
  await using _page = page.page
  await stream.received(30)
  await page.drop()
  const cause = await stream.left
  expect(cause?.message).toContain('DTLS')
  expect(stream).toMatchObject({ leftCount: 1, hasLeftOrderly: false })
}, 30_000)

test('an encoder that tells only its sources, and whose packets get lost, gives whole pictures', async () => {
  const opening = stage.live.next()
  const size = '320x180'
  await using encoder = await publishByWerift(`${stage.listen()}channel`, 'key', {
    size,
    gop: 15,
    bitrate: '400k',
    isLost: index => index % 100 === 99,
  })
  expect(encoder.offer).not.toContain('a=extmap:')
  const stream = await opening
  await waitFor(() => unitsOf(stream, 'video').length > 150, { message: 'pictures', timeoutMs: 20_000 })
  const { tracks } = stream.broadcasts[0]!
  expect(tracks).toMatchObject({
    video: { width: 320, height: 180 },
    audio: { codec: 'opus', samplesPerUnit: 960 },
  })
  const video = unitsOf(stream, 'video')
  const { pictures, errors } = await decode(tracks.video, video)
  expect(errors).toBe('')
  expect(pictures).toBe(video.length)
  // What was lost is left out: there are holes in the picture's time line, and none in the sound's.
  const holes = (kind: 'video' | 'audio', seconds: number) =>
    timesOf(unitsOf(stream, kind)).filter((time, index, all) => index > 0 && time - all[index - 1]! > seconds)
      .length
  expect(holes('video', 0.04)).toBeGreaterThan(1)
  expect(holes('audio', 0.025)).toBeLessThan(3)
  expect((await fetch(encoder.resource, { method: 'DELETE' })).status).toBe(200)
}, 40_000)

test('a publisher of whom only sound arrives does not keep its channel', async () => {
  await using impatient = await WhipStage.open({ idleMs: 3_000 })
  const opening = impatient.live.next()
  const url = `${impatient.listen()}channel`
  await using _encoder = await publishByWerift(url, 'key', { size: '320x180', isLost: () => true })
  const stream = await opening
  const cause = await stream.left
  expect(cause?.message).toContain('no key frame')
  expect(stream).toMatchObject({ leftCount: 1, hasLeftOrderly: false, broadcasts: [] })
}, 30_000)
