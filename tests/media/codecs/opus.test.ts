import { expect, test } from 'bun:test'
import { opusPacketSamples, parseOpusHeader, UnsupportedOpusError } from '../../../media/codecs/opus.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { hex, OPUS, OPUS_SURROUND } from '../flv/configs.ts'

test('an ID header is read, and none says stereo', () => {
  expect(parseOpusHeader(OPUS)).toEqual({
    channels: 2,
    preSkip: 312,
    inputSampleRate: 48_000,
    outputGain: 0,
  })
  const mono = hex('4f70757348656164 01 01 0000 44ac0000 00ff 00')
  expect(parseOpusHeader(mono)).toMatchObject({ channels: 1, inputSampleRate: 44_100, outputGain: -256 })
  expect(parseOpusHeader(new Uint8Array(0))).toMatchObject({ channels: 2, preSkip: 0 })
})

test.each([
  ['another magic', '4f70757348656165 01 02 3801 80bb0000 0000 00'],
  ['an incompatible version', '4f70757348656164 10 02 3801 80bb0000 0000 00'],
  ['no channels', '4f70757348656164 01 00 3801 80bb0000 0000 00'],
  ['a header cut off', '4f70757348656164 01 02 3801 80bb0000 0000'],
])('refuses %s', (_, header) => {
  expect(() => parseOpusHeader(hex(header))).toThrow(ProtocolError)
  expect(() => parseOpusHeader(hex(header))).not.toThrow(UnsupportedOpusError)
})

test('surround is told apart from garbage', () => {
  expect(() => parseOpusHeader(hex(OPUS_SURROUND))).toThrow(UnsupportedOpusError)
})

/** RFC 6716 table 2: milliseconds of one frame by configuration number. */
const FRAME_MS = [
  ...Array.from({ length: 3 }, () => [10, 20, 40, 60]).flat(),
  ...[10, 20, 10, 20],
  ...Array.from({ length: 4 }, () => [2.5, 5, 10, 20]).flat(),
]

test('a packet says how long it is, in every configuration', () => {
  for (const [configuration, ms] of FRAME_MS.entries()) {
    const toc = configuration << 3
    expect(opusPacketSamples(Uint8Array.of(toc))).toBe(ms * 48)
    expect(opusPacketSamples(Uint8Array.of(toc | 1, 0))).toBe(ms * 96)
    expect(opusPacketSamples(Uint8Array.of(toc | 2, 0))).toBe(ms * 96)
    expect(opusPacketSamples(Uint8Array.of(toc | 7, 0x82))).toBe(ms * 96)
    // 120 ms at most.
    const most = Math.floor(120 / ms)
    expect(opusPacketSamples(Uint8Array.of(toc | 3, most))).toBe(most * ms * 48)
    expect(() => opusPacketSamples(Uint8Array.of(toc | 3, most + 1))).toThrow(ProtocolError)
  }
})

test.each(['', 'ff', 'ff 00', 'ff c0'])('a packet that is none is refused: %s', packet => {
  expect(() => opusPacketSamples(hex(packet))).toThrow(ProtocolError)
})
