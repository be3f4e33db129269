import { describe, expect, test } from 'bun:test'
import { audioTrack, UnsupportedAacError } from '../../../media/codecs/aac.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'

const configs = [
  {
    name: 'AAC-LC 44.1 kHz stereo',
    hex: '1210',
    codecString: 'mp4a.40.2',
    sampleRate: 44_100,
    channels: 2,
    samplesPerUnit: 1024,
  },
  {
    name: 'AAC-LC 48 kHz mono',
    hex: '1188',
    codecString: 'mp4a.40.2',
    sampleRate: 48_000,
    channels: 1,
    samplesPerUnit: 1024,
  },
  {
    name: 'as ffmpeg writes it, no SBR signalled',
    hex: '121056e500',
    codecString: 'mp4a.40.2',
    sampleRate: 44_100,
    channels: 2,
    samplesPerUnit: 1024,
  },
  {
    name: '7.1',
    hex: '11b8',
    codecString: 'mp4a.40.2',
    sampleRate: 48_000,
    channels: 8,
    samplesPerUnit: 1024,
  },
  {
    name: '960 samples',
    hex: '1194',
    codecString: 'mp4a.40.2',
    sampleRate: 48_000,
    channels: 2,
    samplesPerUnit: 960,
  },
  {
    name: 'a sample rate in full',
    hex: '1780567810',
    codecString: 'mp4a.40.2',
    sampleRate: 44_272,
    channels: 2,
    samplesPerUnit: 1024,
  },
  {
    name: 'HE-AAC, named first',
    hex: '2b118800',
    codecString: 'mp4a.40.5',
    sampleRate: 48_000,
    channels: 2,
    samplesPerUnit: 2048,
  },
  {
    name: 'HE-AAC, named behind',
    hex: '131056e598',
    codecString: 'mp4a.40.5',
    sampleRate: 48_000,
    channels: 2,
    samplesPerUnit: 2048,
  },
  {
    name: 'HE-AAC v2, named first',
    hex: 'eb098800',
    codecString: 'mp4a.40.29',
    sampleRate: 48_000,
    channels: 2,
    samplesPerUnit: 2048,
  },
]

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

describe('audioTrack', () => {
  test.each(configs)('$name', ({ name: _, hex, ...track }) => {
    expect(audioTrack(bytes(hex))).toMatchObject({ ...track, timescale: track.sampleRate })
  })

  test('refuses other coders by a type of its own', () => {
    expect(() => audioTrack(bytes('f94610'))).toThrow(UnsupportedAacError)
    expect(() => audioTrack(bytes('b98800'))).toThrow(UnsupportedAacError)
  })

  test.each([
    ['nothing', ''],
    ['one byte', '12'],
    ['a sample rate that is reserved', '1690'],
    ['a channel configuration that is reserved', '1250'],
    ['a sample rate of 0', '178000001000'],
    ['channels described, but cut off', '1200'],
  ])('refuses %s', (_, hex) => {
    expect(() => audioTrack(bytes(hex))).toThrow(ProtocolError)
  })
})
