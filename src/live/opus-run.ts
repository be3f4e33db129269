/** AAC to Opus for WebRTC, which carries no AAC: ADTS into ffmpeg, bare Opus packets of one size out. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import { adtsHeader, parseAudioSpecificConfig } from '../../media/codecs/aac.ts'
import type { TranscoderRun } from './transcoder.ts'

const SAMPLE_RATE = 48_000
const FRAME_MS = 20
const SAMPLES_PER_PACKET = (SAMPLE_RATE * FRAME_MS) / 1000
const BITRATE_BPS = 128_000
/** Constant bitrate gives packets of one size, so they need no container, which would hold each of them back. */
const PACKET_BYTES = (BITRATE_BPS * FRAME_MS) / 8000
/** libopus looks ahead by 2.5 ms in its low-delay mode (RFC 6716 2.1.4.2 without the SILK layer). */
const LOOKAHEAD_SAMPLES = 120

const ARGS = [
  // Not `-fflags nobuffer`: it throws away what was read while probing, and with it the first frame's time.
  ...[
    '-probesize',
    '32',
    '-analyzeduration',
    '1',
    '-f',
    'aac',
    '-i',
    'pipe:0',
    '-map',
    '0:a:0',
    '-threads',
    '1',
  ],
  ...['-c:a', 'libopus', '-b:a', String(BITRATE_BPS), '-vbr', 'off', '-ar', String(SAMPLE_RATE), '-ac', '2'],
  // At this bitrate music and speech use the CELT layer anyway; low delay only leaves out the look-ahead for SILK.
  ...['-application', 'lowdelay', '-frame_duration', String(FRAME_MS), '-compression_level', '5'],
  ...['-flush_packets', '1', '-f', 'data', 'pipe:1'],
]

export const opusTrack: AudioTrack = {
  kind: 'audio',
  codec: 'opus',
  timescale: SAMPLE_RATE,
  decoderConfig: new Uint8Array(0),
  codecString: 'opus',
  sampleRate: SAMPLE_RATE,
  channels: 2,
  samplesPerUnit: SAMPLES_PER_PACKET,
}

/** Where in the input, counted in its ticks, a time stamp holds: one entry per jump of the time stamps. */
interface Anchor {
  readonly position: number
  readonly pts: number
}

/**
 * ffmpeg gets no time stamps, only samples, so that its output steps by exactly one packet; each packet's time is
 * the one of the input samples it came from. (Time stamps from a millisecond clock make browsers conceal sound.)
 */
export function openOpusRun(track: AudioTrack): TranscoderRun {
  const config = parseAudioSpecificConfig(track.decoderConfig)
  const anchors: Anchor[] = []
  let written = 0
  let nextPts = Number.NaN
  let read = 0
  let rest: Uint8Array = new Uint8Array(0)

  function timeOf(sample: number): number {
    const position = (sample * track.timescale) / SAMPLE_RATE
    while (anchors.length > 1 && anchors[1]!.position <= position) anchors.shift()
    const anchor = anchors[0]!
    return Math.round(((anchor.pts + position - anchor.position) * SAMPLE_RATE) / track.timescale)
  }

  return {
    args: ARGS,
    encode(unit) {
      if (unit.pts !== nextPts) anchors.push({ position: written, pts: unit.pts })
      nextPts = unit.pts + track.samplesPerUnit
      written += track.samplesPerUnit
      return Buffer.concat([adtsHeader(config, unit.data.byteLength), unit.data])
    },
    decode(bytes) {
      const units: AccessUnit[] = []
      const buffer = rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes])
      let at = 0
      for (; at + PACKET_BYTES <= buffer.byteLength; at += PACKET_BYTES) {
        const pts = timeOf(read * SAMPLES_PER_PACKET - LOOKAHEAD_SAMPLES)
        units.push({
          track: opusTrack,
          dts: pts,
          pts,
          isKey: true,
          data: buffer.subarray(at, at + PACKET_BYTES),
        })
        read++
      }
      rest = buffer.subarray(at)
      return units
    },
  }
}
