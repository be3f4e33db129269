/** Opus to AAC-LC for players that know no Opus: Matroska into ffmpeg, raw AAC frames out. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import { audioTrack, splitAdts } from '../../media/codecs/aac.ts'
import { opusPacketSamples } from '../../media/codecs/opus.ts'
import { rescale } from '../../media/timestamps.ts'
import { FfmpegInput } from './ffmpeg-input.ts'
import { KEEP_COUNT_FILTER, SampleTimes } from './sample-times.ts'
import type { TranscoderRun } from './transcoder.ts'

const SAMPLE_RATE = 48_000
const BITRATE_BPS = 160_000
/** ffmpeg's encoder begins with one frame in which the first samples fade in: they are whole in the second. */
const PRIMING_SAMPLES = 1024

const OUTPUT_ARGS = [
  ...['-map', '0:a:0', '-threads', '1', '-af', KEEP_COUNT_FILTER],
  ...['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', String(BITRATE_BPS)],
  ...['-ar', String(SAMPLE_RATE), '-ac', '2', '-flush_packets', '1', '-f', 'adts', 'pipe:1'],
]

/** AAC-LC, 48 kHz, stereo: known before the first unit. */
export const aacTrack: AudioTrack = audioTrack(Uint8Array.of(0x11, 0x90))

/** The same with the number and language of a further sound: what `openAacRun` makes of it. */
export function aacTrackOf({ trackId, language }: AudioTrack): AudioTrack {
  return {
    ...aacTrack,
    ...(trackId !== undefined && { trackId }),
    ...(language !== undefined && { language }),
  }
}

/**
 * ffmpeg is told of no gap, only of samples, so that its output steps by exactly one frame; each frame's time is the
 * one of the input samples it came from. `target`: the track of the units that come out.
 */
export function openAacRun(track: AudioTrack, target: AudioTrack = aacTrack): TranscoderRun {
  const times = new SampleTimes(track.timescale, SAMPLE_RATE)
  // Without its header, which would have the decoder throw samples away.
  const input = new FfmpegInput({ ...track, decoderConfig: new Uint8Array(0) })
  let frames = 0
  let rest: Uint8Array = new Uint8Array(0)

  return {
    args: [...input.args, ...OUTPUT_ARGS],
    encode(unit) {
      const timeMs = rescale(times.written, track.timescale, 1000)
      times.write(unit.pts, opusPacketSamples(unit.data))
      return input.encodeAt(unit, timeMs)
    },
    decode(bytes) {
      const { data, rest: left } = splitAdts(rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes]))
      rest = left
      return data.map((frame): AccessUnit => {
        const pts = times.timeOf(frames++ * target.samplesPerUnit - PRIMING_SAMPLES)
        return { track: target, dts: pts, pts, isKey: true, data: frame }
      })
    },
  }
}
