/** AAC to Opus for WebRTC, which carries no AAC: Matroska into ffmpeg, bare Opus packets of one size out. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import { rescale } from '../../media/timestamps.ts'
import { FfmpegInput } from './ffmpeg-input.ts'
import { KEEP_COUNT_FILTER, SampleTimes } from './sample-times.ts'
import type { TranscoderRun } from './transcoder.ts'

const SAMPLE_RATE = 48_000
const FRAME_MS = 20
const SAMPLES_PER_PACKET = (SAMPLE_RATE * FRAME_MS) / 1000
const BITRATE_BPS = 128_000
/** Constant bitrate gives packets of one size, so they need no container, which would hold each of them back. */
const PACKET_BYTES = (BITRATE_BPS * FRAME_MS) / 8000
/** libopus looks ahead by 2.5 ms in its low-delay mode (RFC 6716 2.1.4.2 without the SILK layer). */
const LOOKAHEAD_SAMPLES = 120

const OUTPUT_ARGS = [
  ...['-map', '0:a:0', '-threads', '1', '-af', KEEP_COUNT_FILTER],
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

/**
 * ffmpeg is told of no gap, only of samples, so that its output steps by exactly one packet; each packet's time is
 * the one of the input samples it came from. (Time stamps from a millisecond clock make browsers conceal sound.)
 */
export function openOpusRun(track: AudioTrack): TranscoderRun {
  const input = new FfmpegInput(track)
  const times = new SampleTimes(track.timescale, SAMPLE_RATE)
  let read = 0
  let rest: Uint8Array = new Uint8Array(0)

  return {
    args: [...input.args, ...OUTPUT_ARGS],
    encode(unit) {
      const timeMs = rescale(times.written, track.timescale, 1000)
      times.write(unit.pts, track.samplesPerUnit)
      return input.encodeAt(unit, timeMs)
    },
    decode(bytes) {
      const units: AccessUnit[] = []
      const buffer = rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes])
      let at = 0
      for (; at + PACKET_BYTES <= buffer.byteLength; at += PACKET_BYTES) {
        const pts = times.timeOf(read * SAMPLES_PER_PACKET - LOOKAHEAD_SAMPLES)
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
