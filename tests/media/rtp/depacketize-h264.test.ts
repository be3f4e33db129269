import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../../media/access-unit.ts'
import {
  joinNalUnits,
  nalType,
  nalUnits,
  parseAvcConfig,
  writeAvcConfig,
} from '../../../media/codecs/h264.ts'
import { type OrderedPacket, readRtpPacket } from '../../../media/rtp/depacketize.ts'
import { H264Depacketizer, type H264Frame } from '../../../media/rtp/depacketize-h264.ts'
import { packetizeH264, type RtpStream } from '../../../media/rtp/packetize.ts'
import { type Encoded, encode } from '../../hls/encoder.ts'
import { mutate, seededRandom } from '../rtmp/random.ts'

let small: Encoded
let large: Encoded
beforeAll(async () => {
  const options = { seconds: 2, gop: 15, hasAudio: false, video: ['-tune', 'zerolatency'] }
  ;[small, large] = await Promise.all([encode(options), encode({ ...options, size: '640x360' })])
})

/** The encoder's frames as a WebRTC sender would send them, each as its packets. */
function send(
  { tracks, units }: Encoded,
  stream: RtpStream = { ssrc: 1, payloadType: 96, sequenceNumber: 0 },
) {
  return units.map(unit => packetizeH264(stream, unit.data, unit.pts, tracks.video))
}

/** `packets` in order, where an undefined one was lost. */
function receive(
  packets: readonly (Uint8Array | undefined)[],
  depacketizer = new H264Depacketizer(),
): H264Frame[] {
  let isContinuous = false
  return packets.flatMap(bytes => {
    const before = isContinuous
    isContinuous = bytes !== undefined
    return bytes ? depacketizer.push({ ...readRtpPacket(bytes), isContinuous: before }) : []
  })
}

function pictures(unit: AccessUnit): Uint8Array[] {
  return [...nalUnits(unit.data)].filter(nal => [1, 5, 6].includes(nalType(nal)))
}

function sizeOf({ track: { width, height } }: { track: VideoTrack }): string {
  return `${width}x${height}`
}

/** One packet by hand; NAL units of two bytes say what they are by their first. */
function packet(payload: readonly number[], options: Partial<OrderedPacket> = {}): OrderedPacket {
  const defaults = { sequenceNumber: 0, timestamp: 1, hasMarker: false, isContinuous: true }
  return { ...defaults, ...options, payload: Uint8Array.from(payload) }
}

describe('frames over RTP', () => {
  test('come out as they went in', () => {
    const frames = receive(send(small).flat())
    expect(frames.map(frame => [frame.timestamp, frame.isKey])).toEqual(
      small.units.map(unit => [unit.pts, unit.isKey]),
    )
    expect(frames.map(frame => Buffer.from(frame.data))).toEqual(
      small.units.map(unit => Buffer.from(joinNalUnits(pictures(unit)))),
    )
  })

  test('tell their track, one and the same as long as it stays', () => {
    const frames = receive(send(small).flat())
    const { width, height, codecString, sps, pps } = small.tracks.video
    expect(frames[0]!.track).toMatchObject({ width, height, codecString, sps, pps })
    expect(new Set(frames.map(frame => frame.track)).size).toBe(1)
  })

  test('come also where no marker ends them, one frame later', () => {
    const packets = send(small)
      .flat()
      .map(bytes => Buffer.from(bytes))
    for (const bytes of packets) bytes[1]! &= 0x7f
    expect(receive(packets).length).toBe(small.units.length - 1)
  })

  test('of another size have another track from their key frame on', () => {
    const stream: RtpStream = { ssrc: 1, payloadType: 96, sequenceNumber: 0 }
    const frames = receive([...send(small, stream), ...send(large, stream), ...send(small, stream)].flat())
    const sizes = frames.map(sizeOf)
    const changes = sizes.flatMap((size, index) =>
      size === sizes[index - 1] ? [] : [{ size, ...frames[index]! }],
    )
    expect(changes.map(({ size, isKey }) => [size, isKey])).toEqual([
      ['320x180', true],
      ['640x360', true],
      ['320x180', true],
    ])
  })
})

describe('a lost packet', () => {
  test('costs everything up to the next key frame, wherever it is', () => {
    const sent = send(small)
    const packets = sent.flat()
    const frameOf = sent.flatMap((frame, index) => frame.map(() => index))
    const random = seededRandom(11)
    for (let index = 0; index < 60; index++) {
      const lost = 1 + Math.floor(random() * (packets.length - 1))
      const frames = receive(packets.with(lost, undefined as never))
      const broken = frameOf[lost]!
      const next = small.units.findIndex((unit, at) => at > broken && unit.isKey)
      // The lost one may have been the last of its frame, and then the next frame is suspected too, unless it is a key frame.
      const expected = small.units
        .filter((_, at) => at < broken || (next >= 0 && at >= next))
        .map(unit => unit.pts)
      expect(frames.map(frame => frame.timestamp)).toEqual(expected)
    }
  })

  test('makes it say that it waits for a key frame, until one has come', () => {
    const depacketizer = new H264Depacketizer()
    const sent = send(small)
    // The first packet is always behind a gap, as nobody knows what was before.
    const states = [0, 1, 2, 3, 4, 15, 16].map(index => {
      const isAfterLoss = index === 0 || index === 3
      for (const [at, bytes] of sent[index]!.entries())
        depacketizer.push({ ...readRtpPacket(bytes), isContinuous: !(isAfterLoss && at === 0) })
      return depacketizer.isWaitingForKey
    })
    expect(states).toEqual([false, false, false, true, true, false, false])
  })

  test('never lets a frame through that differs from what was sent', () => {
    const sent = send(large).flat()
    const originals = new Map(large.units.map(unit => [unit.pts, Buffer.from(joinNalUnits(pictures(unit)))]))
    const random = seededRandom(5)
    for (let round = 0; round < 40; round++) {
      const packets = sent.map(bytes => (random() < 0.02 ? undefined : bytes))
      for (const frame of receive(packets))
        expect(originals.get(frame.timestamp)).toEqual(Buffer.from(frame.data))
    }
  })
})

describe('the payload', () => {
  const sets = () => [...small.tracks.video.sps, ...small.tracks.video.pps]
  const stapA = (nals: readonly Uint8Array[]) => [
    0x78,
    ...nals.flatMap(nal => [nal.byteLength >> 8, nal.byteLength & 0xff, ...nal]),
  ]

  /** What comes out after a key frame in one aggregate: types of the NAL units of each frame. */
  function framesOf(packets: readonly OrderedPacket[]): number[][] {
    const depacketizer = new H264Depacketizer()
    const key = packet(stapA([...sets(), Uint8Array.of(0x65, 1)]), {
      timestamp: 0,
      hasMarker: true,
      isContinuous: false,
    })
    return [key, ...packets]
      .flatMap(each => depacketizer.push(each))
      .map(frame => [...nalUnits(frame.data)].map(nal => nalType(nal)))
      .slice(1)
  }

  const end = { hasMarker: true }
  const cases: { name: string; packets: OrderedPacket[]; frames: number[][] }[] = [
    { name: 'a single NAL unit', packets: [packet([0x41, 1], end)], frames: [[1]] },
    { name: 'several slices', packets: [packet([0x41, 1]), packet([0x41, 2], end)], frames: [[1, 1]] },
    {
      name: 'an aggregate of SEI and slice',
      packets: [packet([0x78, 0, 2, 6, 1, 0, 2, 0x41, 1], end)],
      frames: [[6, 1]],
    },
    {
      name: 'three fragments',
      packets: [packet([0x7c, 0x81, 1]), packet([0x7c, 1, 2]), packet([0x7c, 0x41, 3], end)],
      frames: [[1]],
    },
    {
      name: 'a delimiter and filler, which carry nothing',
      packets: [packet([9, 0x10]), packet([0x41, 1]), packet([12, 0xff], end)],
      frames: [[1]],
    },
    {
      name: 'types that are to be ignored',
      packets: [packet([0]), packet([30]), packet([31]), packet([0x41, 1], end)],
      frames: [[1]],
    },
    { name: 'an empty packet', packets: [packet([]), packet([0x41, 1], end)], frames: [[1]] },
    { name: 'SEI alone, which is no frame', packets: [packet([6, 1], end)], frames: [] },
    { name: 'a fragment without its start', packets: [packet([0x7c, 0x41, 3], end)], frames: [] },
    {
      name: 'a fragment without its end',
      packets: [packet([0x7c, 0x81, 1]), packet([0x41, 1], end)],
      frames: [],
    },
    { name: 'a key frame under the parameter sets in use', packets: [packet([0x65, 1], end)], frames: [[5]] },
  ]
  for (const { name, packets, frames } of cases)
    test(`may be ${name}`, () => {
      expect(framesOf(packets)).toEqual(frames)
    })

  const refused: { name: string; payload: number[] }[] = [
    { name: 'of the interleaved mode (STAP-B)', payload: [25, 0, 0, 0, 1, 1] },
    { name: 'of the interleaved mode (FU-B)', payload: [29, 0x81, 0, 0, 1] },
    { name: 'an aggregate that ends in a length', payload: [24, 0] },
    { name: 'an aggregate shorter than its NAL unit', payload: [24, 0, 9, 1] },
    { name: 'a fragment without header', payload: [28] },
  ]
  for (const { name, payload } of refused)
    test(`may not be ${name}`, () => {
      expect(() => new H264Depacketizer().push(packet(payload))).toThrow('')
    })

  test('does not fill the memory: neither by one frame without end nor by many small NAL units', () => {
    const large = new H264Depacketizer()
    const fill = () => {
      large.push(packet([0x7c, 0x81, 1]))
      for (let index = 0; index < 10_000; index++)
        large.push(packet([0x7c, 1, ...Array<number>(1_000).fill(0)]))
    }
    expect(fill).toThrow('8 MB')
    const many = new H264Depacketizer()
    const aggregate = stapA(Array.from({ length: 400 }, () => Uint8Array.of(0x41)))
    expect(() => Array.from({ length: 100 }, () => many.push(packet(aggregate)))).toThrow('NAL units')
  })
})

test('mutated packets give frames or a refusal, and nothing else', () => {
  const packets = send(small).slice(0, 20).flat()
  const random = seededRandom(23)
  let refused = 0
  for (let round = 0; round < 1_500; round++) {
    const at = Math.floor(random() * packets.length)
    const payload = mutate(readRtpPacket(packets[at]!).payload, random)
    const depacketizer = new H264Depacketizer()
    try {
      for (const [index, bytes] of packets.entries()) {
        const original = readRtpPacket(bytes)
        depacketizer.push({
          ...original,
          isContinuous: index > 0,
          payload: index === at ? payload : original.payload,
        })
      }
    } catch (error) {
      expect((error as Error).name).toBe('ProtocolError')
      refused++
    }
  }
  expect(refused).toBeLessThan(1_500)
})

test('the decoder configuration that is written is the one that ffmpeg writes', async () => {
  for (const pixelFormat of ['yuv420p', 'yuv444p']) {
    const { tracks } = await encode({
      seconds: 1,
      hasAudio: false,
      video: ['-pix_fmt', pixelFormat, '-preset', 'veryfast'],
    })
    const { decoderConfig } = tracks.video
    const { sps, pps } = parseAvcConfig(decoderConfig)
    expect(Buffer.from(writeAvcConfig(sps, pps))).toEqual(Buffer.from(decoderConfig))
  }
})
