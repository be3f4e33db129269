import { expect, test } from 'bun:test'
import { senderReport } from '../../../media/rtp/sender-report.ts'

const report = {
  ssrc: 0x11223344,
  wallTimeMs: 0,
  rtpTimestamp: 0xfffffff0,
  packetCount: 3,
  octetCount: 400,
  cname: 'ab',
}

test('a report is these bytes', () => {
  expect(senderReport(report).toString('hex')).toBe(
    [
      ...['80c80006', '11223344', '83aa7e80', '00000000', 'fffffff0', '00000003', '00000190'],
      ...['81ca0003', '11223344', '01026162', '00000000'],
    ].join(''),
  )
})

const times: { name: string; wallTimeMs: number; seconds: number; fraction: number }[] = [
  { name: 'the first second of 1970', wallTimeMs: 0, seconds: 2_208_988_800, fraction: 0 },
  { name: 'half a second', wallTimeMs: 500, seconds: 2_208_988_800, fraction: 0x8000_0000 },
  { name: 'a quarter', wallTimeMs: 1_250, seconds: 2_208_988_801, fraction: 0x4000_0000 },
  { name: 'after the wrap of 2036', wallTimeMs: 2_085_978_496_000, seconds: 0, fraction: 0 },
]
for (const { name, wallTimeMs, seconds, fraction } of times)
  test(`NTP time of ${name}`, () => {
    const bytes = senderReport({ ...report, wallTimeMs })
    expect([bytes.readUInt32BE(8), bytes.readUInt32BE(12)]).toEqual([seconds, fraction])
  })

test('a time of today keeps its microseconds', () => {
  const wallTimeMs = 1_795_000_000_123.456
  const bytes = senderReport({ ...report, wallTimeMs })
  const ms = (bytes.readUInt32BE(8) - 2_208_988_800) * 1000 + (bytes.readUInt32BE(12) * 1000) / 2 ** 32
  expect(Math.abs(ms - wallTimeMs)).toBeLessThan(0.001)
})

test('counters wrap at 32 bits, as RFC 3550 wants them', () => {
  const bytes = senderReport({ ...report, packetCount: 2 ** 32 + 5, octetCount: 2 ** 33 + 6 })
  expect([bytes.readUInt32BE(20), bytes.readUInt32BE(24)]).toEqual([5, 6])
})

test('whatever the length of the name, the packets fill their stated lengths and end with a zero octet', () => {
  for (let length = 1; length <= 40; length++) {
    const bytes = senderReport({ ...report, cname: 'x'.repeat(length) })
    const sdes = (bytes.readUInt16BE(2) + 1) * 4
    expect(sdes).toBe(28)
    expect(sdes + (bytes.readUInt16BE(sdes + 2) + 1) * 4).toBe(bytes.byteLength)
    expect(bytes[37]).toBe(length)
    expect(bytes.toString('latin1', 38, 38 + length)).toBe('x'.repeat(length))
    expect(bytes[38 + length]).toBe(0)
  }
})
