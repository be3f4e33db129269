import { expect, test } from 'bun:test'
import { joinNalUnits, nalUnits } from '../../../media/codecs/h264.ts'
import { packetizeH264, packetizeOpus, type RtpStream } from '../../../media/rtp/packetize.ts'
import { encode } from '../../hls/encoder.ts'
import { readNalUnits, readRtp } from './depacketizer.ts'

const sps = nal(0x67, 20)
const pps = nal(0x68, 5)
const sets = { sps: [sps], pps: [pps] }

/** A NAL unit of `bytes` bytes, each telling its place. */
function nal(header: number, bytes: number): Buffer {
  const unit = Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 7 + bytes) & 0xff))
  unit[0] = header
  return unit
}

function stream(sequenceNumber = 0): RtpStream {
  return { ssrc: 0xdeadbeef, payloadType: 96, sequenceNumber }
}

function packetize(nals: readonly Uint8Array[], parameterSets = sets): Buffer[] {
  return packetizeH264(stream(), joinNalUnits(nals), 1000, parameterSets)
}

const sei = nal(0x06, 30)
const slice = nal(0x41, 500)
const idr = nal(0x65, 900)

const roundTrips: { name: string; nals: Buffer[]; received: Buffer[] }[] = [
  { name: 'one small slice', nals: [slice], received: [slice] },
  { name: 'a slice of one byte', nals: [nal(0x41, 1)], received: [nal(0x41, 1)] },
  { name: 'SEI before slices', nals: [sei, slice, slice], received: [sei, slice, slice] },
  { name: 'a key frame after its parameter sets', nals: [idr], received: [sps, pps, idr] },
  { name: 'a key frame of several slices', nals: [sei, idr, idr], received: [sps, pps, sei, idr, idr] },
  {
    name: 'parameter sets in the stream once, from the configuration',
    nals: [nal(0x09, 2), nal(0x67, 20), nal(0x68, 9), idr],
    received: [sps, pps, idr],
  },
  { name: 'neither delimiter nor filler', nals: [nal(0x09, 2), slice, nal(0x0c, 2_000)], received: [slice] },
  { name: 'a large key frame', nals: [nal(0x65, 100_000)], received: [sps, pps, nal(0x65, 100_000)] },
  { name: 'a large slice that is no reference', nals: [nal(0x01, 5_000)], received: [nal(0x01, 5_000)] },
]

for (const { name, nals, received } of roundTrips)
  test(`H.264 comes out as it went in: ${name}`, () => {
    expect(readNalUnits(packetize(nals))).toEqual(received)
  })

test('every NAL unit size around the limit of a packet survives', () => {
  for (let size = 1_180; size < 1_200; size++) {
    const packets = packetize([nal(0x41, size)])
    expect(readNalUnits(packets)).toEqual([nal(0x41, size)])
    expect(packets.length).toBe(size <= 1_188 ? 1 : 2)
  }
  for (const size of [2 * 1_186, 2 * 1_186 + 1, 2 * 1_186 + 2])
    expect(readNalUnits(packetize([nal(0x41, size)]))).toEqual([nal(0x41, size)])
})

test('packets of a real encoder stay within 1200 bytes, and its frames come back', async () => {
  const { tracks, units } = await encode({ seconds: 2, size: '1280x720', hasAudio: false })
  const feed = stream(65_000)
  let packetCount = 0
  for (const unit of units) {
    const packets = packetizeH264(feed, unit.data, unit.pts, tracks.video)
    packetCount += packets.length
    for (const packet of packets) expect(packet.byteLength).toBeLessThanOrEqual(1_200)
    const kept = [...nalUnits(unit.data)].filter(each => ![7, 8, 9, 12].includes(each[0]! & 0x1f))
    const before = unit.isKey ? [...tracks.video.sps, ...tracks.video.pps] : []
    const bytes = (nals: readonly Uint8Array[]) => nals.map(each => Buffer.from(each))
    expect(readNalUnits(packets)).toEqual(bytes([...before, ...kept]))
  }
  expect(feed.sequenceNumber).toBe((65_000 + packetCount) % 65_536)
})

test('all packets of a frame have its time stamp, and only the last has the marker', () => {
  const packets = packetize([sei, nal(0x65, 4_000), idr]).map(readRtp)
  expect(packets.length).toBeGreaterThan(5)
  for (const [index, packet] of packets.entries())
    expect(packet).toMatchObject({
      marker: index === packets.length - 1,
      timestamp: 1000,
      ssrc: 0xdeadbeef,
      payloadType: 96,
      sequenceNumber: index,
    })
})

test('sequence numbers and time stamps wrap', () => {
  const feed = stream(65_534)
  const packets = packetizeH264(feed, joinNalUnits([slice, slice, slice]), 2 ** 32 - 1, sets).map(readRtp)
  expect(packets.map(packet => packet.sequenceNumber)).toEqual([65_534, 65_535, 0])
  expect(packets[0]!.timestamp).toBe(2 ** 32 - 1)
  expect(feed.sequenceNumber).toBe(1)
})

test('parameter sets go together in one packet, or apart when they are too large for one', () => {
  const [first] = packetize([idr])
  expect(readRtp(first!).payload[0]).toBe(0x78)
  const large = { sps: [nal(0x67, 700)], pps: [nal(0x68, 600), nal(0x68, 1_500)] }
  const packets = packetize([idr], large)
  for (const packet of packets) expect(packet.byteLength).toBeLessThanOrEqual(1_200)
  expect(readNalUnits(packets)).toEqual([...large.sps, ...large.pps, idr])
})

test('a frame with nothing to show makes no packet and takes no sequence number', () => {
  const feed = stream(7)
  expect(packetizeH264(feed, joinNalUnits([nal(0x09, 2), nal(0x0c, 50)]), 0, sets)).toEqual([])
  expect(packetizeH264(feed, new Uint8Array(0), 0, sets)).toEqual([])
  expect(feed.sequenceNumber).toBe(7)
})

test('Opus is one packet a frame, the marker at the start of a talkspurt only', () => {
  const feed = { ssrc: 5, payloadType: 111, sequenceNumber: 65_535 }
  const frame = nal(0xfc, 160)
  const first = readRtp(packetizeOpus(feed, frame, 480, true))
  const second = readRtp(packetizeOpus(feed, frame, 960, false))
  expect(first).toMatchObject({ marker: true, payloadType: 111, sequenceNumber: 65_535, timestamp: 480 })
  expect(second).toMatchObject({ marker: false, payloadType: 111, sequenceNumber: 0, timestamp: 960 })
  expect(second.payload).toEqual(frame)
})
