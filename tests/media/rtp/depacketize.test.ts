import { describe, expect, test } from 'bun:test'
import { PacketOrder, type RtpPacket, readRtpPacket } from '../../../media/rtp/depacketize.ts'
import { mutate, seededRandom } from '../rtmp/random.ts'

const FIXED = [0x80, 0x60, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1]

describe('an RTP packet', () => {
  const packets: { name: string; bytes: number[]; payload: number[]; hasMarker?: boolean }[] = [
    { name: 'of a header and a payload', bytes: [...FIXED, 7, 8], payload: [7, 8] },
    { name: 'without payload', bytes: FIXED, payload: [] },
    { name: 'with marker', bytes: FIXED.with(1, 0xe0), payload: [], hasMarker: true },
    { name: 'with two sources', bytes: [...FIXED.with(0, 0x82), ...Array(8).fill(1), 9], payload: [9] },
    {
      name: 'with a header extension',
      bytes: [...FIXED.with(0, 0x90), 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9],
      payload: [9],
    },
    { name: 'with padding', bytes: [...FIXED.with(0, 0xa0), 9, 0, 0, 3], payload: [9] },
    { name: 'of padding alone', bytes: [...FIXED.with(0, 0xa0), 0, 2], payload: [] },
  ]
  for (const { name, bytes, payload, hasMarker = false } of packets)
    test(`${name} is read`, () => {
      const packet = readRtpPacket(Uint8Array.from(bytes))
      expect(packet).toMatchObject({ sequenceNumber: 0x1234, timestamp: 0xdeadbeef, hasMarker })
      expect([...packet.payload]).toEqual(payload)
    })

  const broken: { name: string; bytes: number[] }[] = [
    { name: 'nothing', bytes: [] },
    { name: 'less than a header', bytes: FIXED.slice(1) },
    { name: 'another version', bytes: FIXED.with(0, 0x40) },
    { name: 'fewer sources than it says', bytes: [...FIXED.with(0, 0x81), 1, 2, 3] },
    { name: 'an extension that is cut off', bytes: [...FIXED.with(0, 0x90), 0xbe, 0xde] },
    {
      name: 'an extension longer than the packet',
      bytes: [...FIXED.with(0, 0x90), 0xbe, 0xde, 0, 2, 1, 2, 3, 4],
    },
    { name: 'more padding than there is', bytes: [...FIXED.with(0, 0xa0), 9, 3] },
  ]
  for (const { name, bytes } of broken)
    test(`of ${name} is refused`, () => {
      expect(() => readRtpPacket(Uint8Array.from(bytes))).toThrow('RTP')
    })
})

describe('packets that arrive in another order', () => {
  /** Each number arrives one millisecond after the one before, or `[number, at]`. */
  function order(numbers: readonly (number | readonly [number, number])[], waitMs = 100): string {
    const packets = new PacketOrder({ waitMs })
    let now = 0
    const released = numbers.flatMap(each => {
      const [sequenceNumber, at] = typeof each === 'number' ? [each, now + 1] : each
      now = at
      return packets.push(packet(sequenceNumber), now)
    })
    return released.map(each => `${each.isContinuous ? '' : '|'}${each.sequenceNumber}`).join(' ')
  }

  const cases: { name: string; in: readonly (number | readonly [number, number])[]; out: string }[] = [
    { name: 'nothing happened', in: [5, 6, 7], out: '|5 6 7' },
    { name: 'two changed places', in: [5, 7, 6, 8], out: '|5 6 7 8' },
    { name: 'one came late', in: [5, 7, 8, 9, 6, 10], out: '|5 6 7 8 9 10' },
    { name: 'one came twice', in: [5, 6, 6, 7, 5, 8], out: '|5 6 7 8' },
    { name: 'the numbers wrap', in: [65_534, 0, 65_535, 1], out: '|65534 65535 0 1' },
    { name: 'one is lost', in: [5, [7, 10], [8, 60], [9, 111], 10], out: '|5 |7 8 9 10' },
    { name: 'one comes after it was given up', in: [5, [7, 10], [8, 111], 6, 9], out: '|5 |7 8 9' },
    {
      name: 'two gaps are each waited for',
      in: [5, [7, 10], [9, 100], [10, 111], [8, 120], 11],
      out: '|5 |7 8 9 10 11',
    },
    { name: 'the sender begins anew', in: [5, 6, 40_000, 40_001], out: '|5 6 |40000 40001' },
    { name: 'the sender begins anew behind a gap', in: [5, 7, 40_000, 40_001], out: '|5 |40000 40001' },
  ]
  for (const { name, in: numbers, out } of cases)
    test(`come out in order when ${name}`, () => expect(order(numbers)).toBe(out))

  test('are held in bounded number, whatever the time', () => {
    const packets = new PacketOrder({ waitMs: 1e9 })
    packets.push(packet(0), 0)
    let released = 0
    for (let number = 2; number < 2_000; number++) released += packets.push(packet(number), 1).length
    expect(released).toBe(1_998)
  })

  test('never come twice nor backwards, in any disorder', () => {
    const random = seededRandom(7)
    const sent = Array.from({ length: 20_000 }, (_, index) => index)
    const arriving = sent
      .filter(() => random() > 0.02)
      .map(index => ({ index, at: index + random() * 20 }))
      .sort((left, right) => left.at - right.at)
    const packets = new PacketOrder({ waitMs: 50 })
    const released = arriving.flatMap(({ index, at }) => packets.push(packet(index & 0xffff), at))
    const numbers = released.map(each => each.sequenceNumber)
    expect(numbers.length).toBeGreaterThan(19_000)
    expect(numbers.every((number, at) => at === 0 || number > numbers[at - 1]!)).toBe(true)
    // What follows a lost one says so, and nothing else does.
    for (const [at, each] of released.entries())
      expect(each.isContinuous).toBe(at > 0 && numbers[at]! === numbers[at - 1]! + 1)
  })
})

test('mutated packets are read or refused, and nothing else', () => {
  const random = seededRandom(3)
  const original = Uint8Array.from([
    ...FIXED.with(0, 0xb1),
    1,
    1,
    1,
    1,
    0xbe,
    0xde,
    0,
    1,
    1,
    2,
    3,
    4,
    9,
    9,
    9,
    0,
    2,
  ])
  for (let index = 0; index < 20_000; index++) {
    const bytes = mutate(original, random)
    try {
      expect(readRtpPacket(bytes).payload.byteLength).toBeLessThanOrEqual(bytes.byteLength)
    } catch (error) {
      expect((error as Error).name).toBe('ProtocolError')
    }
  }
})

function packet(sequenceNumber: number): RtpPacket {
  return { sequenceNumber, timestamp: 0, hasMarker: false, payload: new Uint8Array(1) }
}
