import { expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { MediaClock } from '../../src/live/media-clock.ts'
import { opusTrack } from '../../src/live/opus-run.ts'
import { inlets, type OriginRouter } from '../../src/webrtc/origin-router.ts'
import { RtpFeed } from '../../src/webrtc/rtp-feed.ts'
import { videoUnit } from '../live/tracks.ts'
import { type RtpPacket, readRtp } from '../media/rtp/depacketizer.ts'
import { waitFor } from '../support/wait-for.ts'

const START = Date.now()

interface Report {
  readonly ssrc: number
  /** Milliseconds since 1970. */
  readonly wallTimeMs: number
  readonly rtpTimestamp: number
  readonly packetCount: number
  readonly octetCount: number
}

/** An origin router that keeps what it is sent. */
class FakeOrigin {
  readonly packets: { kind: 'video' | 'audio'; packet: RtpPacket }[] = []
  readonly reports: Report[] = []
  readonly closed: Promise<void>
  close: () => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.close = resolve
  }

  send(kind: 'video' | 'audio', packets: readonly Buffer[]): void {
    for (const packet of packets) this.packets.push({ kind, packet: readRtp(packet) })
  }

  sendRtcp(packet: Buffer): void {
    const seconds = packet.readUInt32BE(8) - 2_208_988_800 + packet.readUInt32BE(12) / 2 ** 32
    this.reports.push({
      ssrc: packet.readUInt32BE(4),
      wallTimeMs: seconds * 1000,
      rtpTimestamp: packet.readUInt32BE(16),
      packetCount: packet.readUInt32BE(20),
      octetCount: packet.readUInt32BE(24),
    })
  }

  of(kind: 'video' | 'audio'): RtpPacket[] {
    return this.packets.filter(each => each.kind === kind).map(each => each.packet)
  }

  /** When a receiver takes what has `timestamp` to have been captured: by the last report of its track. */
  captureTimeMs(kind: 'video' | 'audio', timestamp: number): number {
    const { ssrc, clockRate } = inlets[kind]
    const report = this.reports.findLast(each => each.ssrc === ssrc)!
    return report.wallTimeMs + (((timestamp - report.rtpTimestamp) | 0) / clockRate) * 1000
  }
}

function open(renditions?: readonly string[]): { feed: RtpFeed; origin: FakeOrigin } {
  const feed = new RtpFeed(renditions ? { renditions } : {})
  const origin = new FakeOrigin()
  feed.attach(origin as unknown as OriginRouter)
  return { feed, origin }
}

/** A clock whose media time zero was captured at `wallTimeMs`. */
function clockAt(wallTimeMs: number): MediaClock {
  const clock = new MediaClock()
  clock.observe(0, wallTimeMs)
  return clock
}

function sound(ms: number): AccessUnit {
  return { track: opusTrack, dts: ms * 48, pts: ms * 48, isKey: true, data: new Uint8Array(160) }
}

/** Sends pictures until one brings its sender reports, which come twice a second. */
async function reported(feed: RtpFeed, origin: FakeOrigin, fromMs: number): Promise<void> {
  let ms = fromMs
  const before = origin.reports.length
  await waitFor(
    () => {
      ms += 40
      feed.sendVideo(videoUnit(ms))
      return origin.reports.length >= before + 2
    },
    { message: 'both reports' },
  )
}

test('each lane has its SSRC and payload type, numbers without holes, and time stamps of its clock', () => {
  const { feed, origin } = open()
  feed.startBroadcast(clockAt(START))
  for (let ms = 0; ms < 200; ms += 40) {
    feed.sendVideo(videoUnit(ms, { isKey: ms === 0, bytes: 3_000 }))
    feed.sendAudio(sound(ms))
  }
  for (const [kind, step] of [
    ['video', 3_600],
    ['audio', 1_920],
  ] as const) {
    const packets = origin.of(kind)
    for (const [index, packet] of packets.entries()) {
      expect(packet).toMatchObject({ ssrc: inlets[kind].ssrc, payloadType: inlets[kind].payloadType })
      expect(packet.sequenceNumber).toBe((packets[0]!.sequenceNumber + index) % 65_536)
    }
    const timestamps = [...new Set(packets.map(packet => packet.timestamp))]
    for (const [index, timestamp] of timestamps.entries())
      expect((timestamp - timestamps[0]!) >>> 0).toBe(index * step)
  }
  expect(origin.of('audio').map(packet => packet.marker)).toEqual([true, false, false, false, false])
})

/** How much later than its picture the reports let a receiver play sound that starts 40 ms after the picture. */
async function soundBehindMs(learntMs: number): Promise<number> {
  const { feed, origin } = open()
  const clock = clockAt(START)
  feed.startBroadcast(clock)
  feed.sendVideo(videoUnit(0, { isKey: true }))
  // The clock learns meanwhile that the network was faster than at first.
  clock.observe(40, START + 40 - learntMs)
  feed.sendAudio(sound(40))
  feed.sendAudio(sound(50))
  feed.sendVideo(videoUnit(40))
  await reported(feed, origin, 40)
  const first = origin.captureTimeMs('video', origin.of('video')[0]!.timestamp)
  expect(Math.abs(first - clock.wallTimeMs(0))).toBeLessThan(0.1)
  return origin.captureTimeMs('audio', origin.of('audio')[0]!.timestamp) - (first + 40)
}

test('both lanes’ reports put sound where it belongs, also when the clock learns before it starts', async () => {
  const [steady, learnt] = [await soundBehindMs(0), await soundBehindMs(700)]
  // EBU R37: at most 60 ms late; never early.
  expect(steady).toBeGreaterThanOrEqual(0)
  expect(steady).toBeLessThanOrEqual(60)
  expect(Math.abs(learnt - steady)).toBeLessThan(0.1)
})

test('a report counts what was sent', async () => {
  const { feed, origin } = open()
  feed.startBroadcast(clockAt(START))
  for (let ms = 0; ms < 100; ms += 10) feed.sendAudio(sound(ms))
  await reported(feed, origin, 0)
  const report = origin.reports.findLast(each => each.ssrc === inlets.audio.ssrc)!
  expect(report).toMatchObject({ packetCount: 10, octetCount: 1_600 })
})

test('another broadcast continues numbers, and time stamps rise by the time between', () => {
  const { feed, origin } = open()
  feed.startBroadcast(clockAt(START))
  feed.sendVideo(videoUnit(0, { isKey: true }))
  feed.sendVideo(videoUnit(40))
  // A second encoder, whose time stamps begin anywhere.
  feed.startBroadcast(clockAt(START + 5_040 - 700_000))
  feed.sendVideo(videoUnit(700_000, { isKey: true }))
  const packets = origin.of('video')
  const numbers = packets.map(packet => (packet.sequenceNumber - packets[0]!.sequenceNumber) & 0xffff)
  expect(numbers).toEqual(packets.map((_, index) => index))
  const [before, after] = [packets.at(-3)!, packets.at(-1)!]
  expect((after.timestamp - before.timestamp) >>> 0).toBe(5_000 * 90)
})

test('time stamps never step back, although the broadcast before began late', () => {
  const { feed, origin } = open()
  const late = clockAt(START)
  feed.startBroadcast(late)
  feed.sendVideo(videoUnit(0, { isKey: true }))
  feed.sendAudio(sound(0))
  // Two seconds of pictures came within one: the first was a second late.
  for (let ms = 40; ms <= 2_000; ms += 40) feed.sendVideo(videoUnit(ms))
  for (let ms = 10; ms <= 2_000; ms += 10) feed.sendAudio(sound(ms))
  feed.startBroadcast(clockAt(START + 1_040 - 2_040))
  feed.sendVideo(videoUnit(2_040, { isKey: true }))
  feed.sendAudio(sound(2_040))
  for (const kind of ['video', 'audio'] as const) {
    const timestamps = origin.of(kind).map(packet => packet.timestamp)
    for (const [index, timestamp] of timestamps.slice(1).entries())
      expect((timestamp - timestamps[index]!) | 0).toBeGreaterThanOrEqual(0)
    expect(timestamps.at(-1)).not.toBe(timestamps.at(-3))
  }
})

test('layers share one line of time stamps, and each has its SSRC, its numbers and its reports', () => {
  const { feed, origin } = open(['480p', '240p'])
  feed.startBroadcast(clockAt(START))
  for (let ms = 0; ms < 400; ms += 40) {
    feed.sendVideo(videoUnit(ms, { isKey: ms === 0 }))
    // The ladder's pictures come later; one name is of a ladder before.
    if (ms < 120) continue
    for (const name of ['480p', '240p', '720p'])
      feed.sendVideo(videoUnit(ms - 120, { isKey: ms === 120 }), name)
  }
  const packets = origin.of('video')
  const ssrcs = [...new Set(packets.map(packet => packet.ssrc))].sort((a, b) => a - b)
  expect(ssrcs).toEqual([0, 1, 2].map(layer => inlets.video.ssrc + layer))
  const [lowest, , source] = ssrcs.map(ssrc => packets.filter(packet => packet.ssrc === ssrc))
  const timestamps = source!.map(packet => packet.timestamp)
  expect(lowest!.map(packet => packet.timestamp)).toEqual(timestamps.slice(0, lowest!.length))
  for (const lane of [lowest!, source!])
    for (const [index, packet] of lane.entries())
      expect(packet.sequenceNumber).toBe((lane[0]!.sequenceNumber + index) % 65_536)
  expect(new Set(origin.reports.map(report => report.ssrc))).toEqual(new Set(ssrcs))
  const captured = origin.reports.map(report => report.wallTimeMs - report.rtpTimestamp / 90)
  for (const each of captured) expect(Math.abs(each - captured[0]!)).toBeLessThan(1)
})

test('a new router is told of every layer, though key frames of the source are seldom', () => {
  const { feed } = open(['480p'])
  feed.startBroadcast(clockAt(START))
  const later = new FakeOrigin()
  feed.sendVideo(videoUnit(0, { isKey: true }))
  feed.sendVideo(videoUnit(0, { isKey: true }), '480p')
  feed.attach(later as unknown as OriginRouter)
  feed.openLayers()
  feed.sendVideo(videoUnit(40))
  const [lower, source, next] = later.of('video')
  expect([lower!.ssrc, source!.ssrc]).toEqual([inlets.video.ssrc, inlets.video.ssrc + 1])
  // RFC 6184 5.7.1: an aggregate of parameter sets.
  for (const packet of [lower!, source!]) expect(packet.payload[0]! & 0x1f).toBe(24)
  expect(next!.sequenceNumber).toBe((source!.sequenceNumber + 1) % 65_536)
})

test('a replay goes on the line of time stamps, behind what the source has shown and before what it shows next', async () => {
  const { feed, origin } = open()
  feed.startBroadcast(clockAt(START))
  const send = (ms: number) => feed.sendVideo(videoUnit(ms, { isKey: ms === 0 || ms === 2_400 }))
  for (let ms = 0; ms < 2_000; ms += 40) send(ms)
  const leave = feed.join(async layer => expect(layer).toBe(0))
  const ofStart = () => origin.of('video').filter(packet => packet.ssrc === inlets.start.ssrc)
  const pictures = () => ofStart().filter(packet => packet.marker)
  for (let ms = 2_000; ms < 2_400; ms += 40) {
    send(ms)
    // All that is behind by now.
    await waitFor(() => pictures().length === ms / 40 + 1, {
      message: 'the replay to catch up',
      intervalMs: 1,
    })
  }
  send(2_400)
  leave()
  send(2_440)
  // First its parameter sets alone, with which routers hear of it.
  expect(ofStart()[0]!.payload[0]! & 0x1f).toBe(24)
  const source = origin.of('video').filter(packet => packet.ssrc === inlets.video.ssrc && packet.marker)
  expect(pictures().length).toBe(source.length - 1)
  const timestamps = pictures().map(packet => packet.timestamp)
  const before = source.at(49)!.timestamp
  for (const [index, timestamp] of timestamps.entries()) {
    if (index > 0) expect((timestamp - timestamps[index - 1]!) | 0).toBeGreaterThan(0)
    expect((timestamp - before) | 0).toBeGreaterThanOrEqual(0)
  }
  // Who changes to the source at its key unit has seen its own time stamps last, and its key unit first.
  expect(timestamps.slice(-9)).toEqual(source.slice(-10, -1).map(packet => packet.timestamp))
  const all = origin.of('video')
  const key = source.at(-2)!.timestamp
  expect(all.find(packet => packet.timestamp === key)!.ssrc).toBe(inlets.video.ssrc)
  for (const report of origin.reports.filter(each => each.ssrc === inlets.start.ssrc))
    expect(
      Math.abs(report.wallTimeMs - report.rtpTimestamp / 90 - (START - before / 90 + 1_960)),
    ).toBeLessThan(50)
})

test('what layers there are is told as long as they send', () => {
  let now = START
  const feed = new RtpFeed({ renditions: ['480p'], now: () => now })
  feed.attach(new FakeOrigin() as unknown as OriginRouter)
  feed.startBroadcast(clockAt(START))
  for (let ms = 0; ms < 5_000; ms += 40, now += 40) {
    feed.sendVideo(videoUnit(ms, { bytes: 5_000 }))
    if (ms < 2_000) feed.sendVideo(videoUnit(ms), '480p')
  }
  const [lower, source] = feed.layers
  expect(lower).toMatchObject({ encodingId: '480p', isActive: false, bitrateBps: 0 })
  expect(source).toMatchObject({ encodingId: 'source', isActive: true })
  expect(source!.bitrateBps / 1_000_000).toBeCloseTo(1, 1)
})

test('a closed origin gets nothing more, and one that comes later gets reports at once', async () => {
  const { feed, origin } = open()
  feed.startBroadcast(clockAt(START))
  feed.sendVideo(videoUnit(0, { isKey: true }))
  feed.sendAudio(sound(0))
  await reported(feed, origin, 0)
  origin.close()
  await origin.closed
  const before = origin.packets.length
  const later = new FakeOrigin()
  feed.attach(later as unknown as OriginRouter)
  feed.sendVideo(videoUnit(40_000, { isKey: true }))
  feed.sendAudio(sound(40_000))
  expect(origin.packets.length).toBe(before)
  expect(later.packets.length).toBeGreaterThan(0)
  expect(later.reports.map(report => report.ssrc)).toEqual([inlets.video.ssrc, inlets.audio.ssrc])
})
