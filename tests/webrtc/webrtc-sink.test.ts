import { afterEach, expect, test } from 'bun:test'
import type { AccessUnit, AudioTrack, VideoTrack } from '../../media/access-unit.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import { opusTrack } from '../../src/live/opus-run.ts'
import type { RtpFeed } from '../../src/webrtc/rtp-feed.ts'
import { WebrtcSink } from '../../src/webrtc/webrtc-sink.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { descendants, processTree } from '../support/process-tree.ts'
import { waitFor } from '../support/wait-for.ts'
import { log } from './stage.ts'

const plain = await encode({ seconds: 3 })
const withBFrames = await encode({ seconds: 3, video: ['-bf', '2', '-b_strategy', '0'] })

/** What viewers would be sent. */
class FakeFeed implements Pick<RtpFeed, 'startBroadcast' | 'sendVideo' | 'sendAudio' | 'isWatched'> {
  readonly video: AccessUnit[] = []
  readonly lower: [string, AccessUnit][] = []
  readonly audio: AccessUnit[] = []
  isWatched = true

  startBroadcast(): void {}

  sendVideo(unit: AccessUnit, layer = 'source'): void {
    if (layer === 'source') this.video.push(unit)
    else this.lower.push([layer, unit])
  }

  sendAudio(unit: AccessUnit): void {
    this.audio.push(unit)
  }
}

const opened: Broadcast[] = []

function open(tracks: Encoded['tracks']) {
  const broadcast = new Broadcast({ tracks, log })
  const feed = new FakeFeed()
  const sink = new WebrtcSink({ broadcast, feed: feed as unknown as RtpFeed, log })
  broadcast.addSink(sink)
  opened.push(broadcast)
  return { broadcast, feed, sink }
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(broadcast => broadcast.close()))
  expect(children()).toEqual([])
})

/** The ffmpegs of this process that have `input` in their arguments. */
function children(input = 'pipe:0'): number[] {
  return descendants(process.pid)
    .filter(each => each.command.startsWith('ffmpeg') && each.command.includes(input))
    .map(each => each.pid)
}

function videoOf(encoded: Encoded): AccessUnit[] {
  return encoded.units.filter(unit => unit.track.kind === 'video')
}

/** The plain pictures and sound again, so much later. */
function later(seconds: number): AccessUnit[] {
  return plain.units.map(unit => {
    const shift = seconds * unit.track.timescale
    return { ...unit, dts: unit.dts + shift, pts: unit.pts + shift }
  })
}

function ptsInMs(units: readonly AccessUnit[]): number[] {
  return units.map(unit => Math.round(unit.pts / 90))
}

function noticesOf(broadcast: Broadcast): string[] {
  return broadcast.health().notices.map(notice => notice.code)
}

/** A track whose SPS does not say whether it has B-frames. */
function silentAboutBFrames({ maxReorderFrames: _, ...track }: VideoTrack): VideoTrack {
  return track
}

test('pictures that browsers can decode pass untouched at once, and only sound is converted', async () => {
  const { broadcast, feed } = open(plain.tracks)
  for (const unit of plain.units) broadcast.write(unit)
  expect(feed.video).toEqual(videoOf(plain))
  expect(children('flv')).toEqual([])
  await waitFor(() => feed.audio.length > 0, { message: 'sound' })
  for (const unit of later(3)) broadcast.write(unit)
  await waitFor(() => feed.audio.length > 100, { message: 'more sound' })
  expect(feed.audio[0]!.track.codec).toBe('opus')
  expect(noticesOf(broadcast)).toEqual([])
})

test('the ladder’s pictures go to their layers untouched, beside a source that is re-encoded', async () => {
  const { broadcast, feed } = open(withBFrames.tracks)
  for (const unit of withBFrames.units) broadcast.write(unit)
  const track = { ...plain.tracks.video, rendition: '480p' }
  const pictures = videoOf(plain).map(unit => ({ ...unit, track }))
  for (const unit of pictures) broadcast.writeRendition(unit)
  expect(feed.lower).toEqual(pictures.map(unit => ['480p', unit]))
  await waitFor(() => feed.video.length > 10, { message: 'the source' })
  expect(feed.video.every(unit => unit.track.kind === 'video' && !unit.track.rendition)).toBe(true)
})

test('Opus passes untouched, without a program, and alternate sound is left out', () => {
  const audio: AudioTrack = { ...opusTrack, channels: 1 }
  const alternate: AudioTrack = { ...opusTrack, trackId: 1 }
  const { broadcast, feed } = open({ ...plain.tracks, audio, alternateAudio: [alternate] })
  feed.isWatched = false
  for (const unit of videoOf(plain).slice(0, 1)) broadcast.write(unit)
  const packets = [0, 120, 2_880, 5_760].map(pts => {
    return { track: audio, dts: pts, pts, isKey: true, data: new Uint8Array(60) }
  })
  for (const unit of packets) {
    broadcast.write(unit)
    broadcast.write({ ...unit, track: alternate })
  }
  expect(feed.audio).toEqual(packets)
  expect(children()).toEqual([])
})

test('sound is converted only while somebody watches, and is there again for who comes later', async () => {
  const { broadcast, feed } = open(plain.tracks)
  feed.isWatched = false
  for (const unit of plain.units) broadcast.write(unit)
  expect(children()).toEqual([])
  for (const seconds of [3, 9]) {
    const heard = () => feed.audio.map(unit => unit.pts / opusTrack.timescale).filter(at => at > seconds)
    feed.isWatched = true
    for (const unit of later(seconds)) broadcast.write(unit)
    await waitFor(() => heard().length > 0, { message: 'sound' })
    // Three seconds were given at once: what the encoder took in while it started is old.
    expect(heard()[0]!).toBeGreaterThan(seconds + 2.5)
    feed.isWatched = false
    for (const unit of later(seconds + 3)) broadcast.write(unit)
    await waitFor(() => children().length === 0, { message: 'the program to end' })
  }
})

test('a codec that not all browsers decode is re-encoded, and the streamer is told why', () => {
  for (const codec of ['hevc', 'av1'] as const) {
    const { broadcast, feed } = open({ video: { ...plain.tracks.video, codec } })
    const notice = broadcast.health().notices.find(each => each.code === 'codec_reencoded')
    expect(notice?.message).toContain(codec === 'hevc' ? 'HEVC' : 'AV1')
    broadcast.write(videoOf(plain)[0]!)
    expect(feed.video).toEqual([])
  }
})

test('announced B-frames are re-encoded from the first picture on, and none of them passes', async () => {
  const { broadcast, feed } = open(withBFrames.tracks)
  const source = videoOf(withBFrames)
  for (const unit of withBFrames.units) broadcast.write(unit)
  expect(noticesOf(broadcast)).toEqual(['b_frames'])
  await waitFor(() => feed.video.length > source.length - 10, { message: 'the pictures' })
  const presented = ptsInMs(source).sort((a, b) => a - b)
  expect(ptsInMs(feed.video)).toEqual(presented.slice(0, feed.video.length))
})

test('B-frames that nothing announces are noticed within the first pictures, which then are re-encoded', async () => {
  const video = silentAboutBFrames(withBFrames.tracks.video)
  const { broadcast, feed } = open({ ...withBFrames.tracks, video })
  const source = videoOf(withBFrames)
  for (const unit of withBFrames.units) broadcast.write(unit)
  expect(noticesOf(broadcast)).toEqual(['b_frames'])
  const passed = feed.video.length
  expect(passed).toBeGreaterThan(0)
  expect(passed).toBeLessThan(5)
  await waitFor(() => feed.video.length - passed > source.length - 10, { message: 'the pictures' })
  const converted = feed.video.slice(passed)
  expect(converted[0]!.isKey).toBe(true)
  const presented = ptsInMs(source).sort((a, b) => a - b)
  expect(ptsInMs(converted)).toEqual(presented.slice(0, converted.length))
})

test('B-frames that begin later are re-encoded from the next key frame on', async () => {
  const { broadcast, feed } = open({ video: silentAboutBFrames(withBFrames.tracks.video) })
  const source = videoOf(withBFrames)
  const secondKey = source.findIndex((unit, index) => index > 0 && unit.isKey)
  const thirdKey = source.findIndex((unit, index) => index > secondKey && unit.isKey)
  let highest = Number.NEGATIVE_INFINITY
  for (const unit of source.slice(0, secondKey)) {
    if (unit.pts < highest) continue
    highest = unit.pts
    broadcast.write(unit)
  }
  expect(noticesOf(broadcast)).toEqual(['no_audio'])
  for (const unit of source.slice(secondKey)) broadcast.write(unit)
  expect(noticesOf(broadcast)).toContain('b_frames')
  const passed = feed.video.length
  await waitFor(() => feed.video.length > passed + 15, { message: 'the pictures' })
  expect(feed.video[passed]!.isKey).toBe(true)
  expect(ptsInMs([feed.video[passed]!])).toEqual(ptsInMs([source[thirdKey]!]))
})

test('10-bit 4:2:2 is re-encoded from the start, and the streamer is told the setting', async () => {
  const source = await encode({ seconds: 1, video: ['-pix_fmt', 'yuv422p10le', '-profile:v', 'high422'] })
  const { broadcast, feed } = open(source.tracks)
  expect(broadcast.health().notices).toMatchObject([{ code: 'pixel_format', level: 'warning' }])
  expect(broadcast.health().notices[0]!.message).toMatch(/10-bit 4:2:2.*NV12/)
  for (const unit of source.units) broadcast.write(unit)
  await waitFor(() => feed.video.length > 15, { message: 'the pictures' })
  expect(feed.video[0]!.track).toMatchObject({ chroma: '4:2:0', bitDepth: 8 })
})

test('an ffmpeg that dies is shown to the streamer until it works again; pictures go on', async () => {
  const { broadcast, feed } = open(plain.tracks)
  for (const unit of plain.units) broadcast.write(unit)
  await waitFor(() => feed.audio.length > 0, { message: 'sound' })
  process.kill(children('libopus')[0]!, 'SIGKILL')
  await waitFor(() => noticesOf(broadcast).includes('audio_transcoder_restarted'), { message: 'the notice' })
  let rounds = 0
  await waitFor(
    () => {
      for (const unit of later(++rounds * 3)) broadcast.write(unit)
      return !noticesOf(broadcast).includes('audio_transcoder_restarted')
    },
    { message: 'the notice to go', intervalMs: 100 },
  )
  expect(feed.video.length).toBe(videoOf(plain).length * (rounds + 1))
})

test('closed twice, it has no process left and sends nothing more', async () => {
  const { broadcast, feed, sink } = open(withBFrames.tracks)
  for (const unit of withBFrames.units) broadcast.write(unit)
  const pids = children()
  expect(pids.length).toBe(2)
  await Promise.all([sink.close(), sink.close()])
  expect(pids.flatMap(processTree)).toEqual([])
  const sent = feed.video.length + feed.audio.length
  sink.write(withBFrames.units[0]!)
  expect(feed.video.length + feed.audio.length).toBe(sent)
})
