/** Encodes pictures and sounds that only Enhanced RTMP can carry, and frames them as its messages. */
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { runFfmpeg } from './ffmpeg-child.ts'
import { type Mp4Sample, type Mp4Track, readFragmentedMp4 } from './fmp4-reader.ts'

export interface EnhancedOptions {
  readonly video: 'h264' | 'hevc' | 'av1'
  /** The default sound: a tone of 440 Hz; none when undefined. */
  readonly audio: 'aac' | 'opus' | undefined
  /** Sounds beside it, each a tone of its own, in the default one's codec, as tracks 1, 2, … */
  readonly alternateAudio?: readonly { readonly language: string; readonly frequency: number }[]
  /** Default `640x360`. */
  readonly size?: string
  /** Default 30. */
  readonly fps?: number
  /** Pictures from one key frame to the next; default: one second. */
  readonly gop?: number
}

export interface EnhancedMessage {
  readonly kind: 'audio' | 'video'
  readonly timestampMs: number
  readonly body: Uint8Array
}

export interface EnhancedFile {
  /** The configurations of all tracks. */
  readonly headers: readonly EnhancedMessage[]
  /** Frames in the order of their time stamps; they may be sent round and round, `durationMs` later each time. */
  readonly frames: readonly EnhancedMessage[]
  readonly durationMs: number
}

/** 375 frames of AAC, 400 packets of Opus: all tracks end together, so that a loop has no seam. */
const LOOP_SECONDS = 8
/** Encoded and thrown away, because some encoders end early. */
const SPARE_SECONDS = 0.2
const ENCODERS = {
  h264: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-sc_threshold', '0'],
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-bf', '3', '-tag:v', 'hvc1'],
  av1: ['-c:v', 'libsvtav1', '-preset', '11'],
  aac: ['-c:a', 'aac', '-b:a', '96k'],
  opus: ['-c:a', 'libopus', '-b:a', '96k'],
} as const
/** Video: the FourCC behind the extended header. */
const VIDEO_FOURCC = { hevc: 'hvc1', av1: 'av01' } as const
const AUDIO_FOURCC = { aac: 'mp4a', opus: 'Opus' } as const
const CONFIG = 0
const FRAME = 1
const AV1_TEMPORAL_DELIMITER = Uint8Array.of(0x12, 0)

const files = new Map<string, Promise<EnhancedFile>>()

/** Encodes a loop of eight seconds; the encoding is kept in the system's temporary folder for the next run. */
export function encodeEnhanced(options: EnhancedOptions): Promise<EnhancedFile> {
  const args = encoderArgs(options)
  const key = Bun.hash(args.join(' ')).toString(16)
  const file = files.get(key) ?? encode(args, join(tmpdir(), `sluice-enhanced-${key}`), options)
  files.set(key, file)
  return file
}

async function encode(
  args: readonly string[],
  path: string,
  options: EnhancedOptions,
): Promise<EnhancedFile> {
  if (!existsSync(path)) {
    // Other processes may want the same file now, and may see it only whole.
    const own = `${path}.${process.pid}`
    await runFfmpeg([...args, own])
    await rename(own, path)
  }
  const { tracks, samples } = readFragmentedMp4(await Bun.file(path).bytes())
  const name = (track: Mp4Track) => framing(options, tracks.indexOf(track))
  const inLoop = samples.filter(sample => sample.dts < LOOP_SECONDS * sample.track.timescale)
  return {
    headers: tracks.map(track => message(name(track), 0, config(track, name(track)))),
    frames: inLoop.map(sample => frameMessage(sample, name(sample.track))),
    durationMs: LOOP_SECONDS * 1000,
  }
}

function encoderArgs(options: EnhancedOptions): string[] {
  const { video, audio, size = '640x360', fps = 30, gop = fps, alternateAudio = [] } = options
  const frequencies = audio ? [440, ...alternateAudio.map(each => each.frequency)] : []
  const lavfi = (source: string) => ['-f', 'lavfi', '-i', source]
  const groups = ['-g', String(gop), '-keyint_min', String(gop), '-b:v', '800k', '-pix_fmt', 'yuv420p']
  const quiet =
    video === 'hevc' ? ['-x265-params', `log-level=error:keyint=${gop}:min-keyint=${gop}:open-gop=0`] : []
  return [
    ...lavfi(`testsrc2=s=${size}:r=${fps}`),
    ...frequencies.flatMap(frequency => lavfi(`sine=frequency=${frequency}:sample_rate=48000`)),
    ...['-map', '0:v', ...frequencies.flatMap((_, index) => ['-map', `${index + 1}:a`])],
    ...[...ENCODERS[video], ...groups, ...quiet, ...(audio ? [...ENCODERS[audio], '-ac', '2'] : [])],
    ...['-t', String(LOOP_SECONDS + SPARE_SECONDS), '-f', 'mp4'],
    ...['-movflags', 'delay_moov+frag_keyframe+default_base_moof'],
  ]
}

interface Framing {
  readonly kind: 'audio' | 'video'
  readonly codec: 'h264' | 'hevc' | 'av1' | 'aac' | 'opus'
  /** Of the sound; 0: the default one. */
  readonly trackId: number
}

/** The picture is the file's first track. */
function framing({ video, audio }: EnhancedOptions, index: number): Framing {
  if (index === 0) return { kind: 'video', codec: video, trackId: 0 }
  return { kind: 'audio', codec: audio!, trackId: index - 1 }
}

function frameMessage(sample: Mp4Sample, framing: Framing): EnhancedMessage {
  const toMs = (ticks: number) => Math.round((ticks * 1000) / sample.track.timescale)
  const timestampMs = toMs(sample.dts)
  const compositionMs = toMs(sample.pts) - timestampMs
  const data = framing.codec === 'av1' ? Buffer.concat([AV1_TEMPORAL_DELIMITER, sample.data]) : sample.data
  return message(framing, timestampMs, data, { isKey: sample.isKey, compositionMs })
}

function message(
  { kind, codec, trackId }: Framing,
  timestampMs: number,
  data: Uint8Array,
  frame?: { isKey: boolean; compositionMs: number },
): EnhancedMessage {
  const header =
    kind === 'video'
      ? videoHeader(codec as 'h264', frame)
      : audioHeader(codec as 'aac', trackId, frame !== undefined)
  return { kind, timestampMs, body: Buffer.concat([header, data]) }
}

/** H.264 is sent in legacy framing by every encoder. */
function videoHeader(
  codec: 'h264' | 'hevc' | 'av1',
  frame: { isKey: boolean; compositionMs: number } | undefined,
): Uint8Array {
  const frameType = frame && !frame.isKey ? 2 : 1
  const packetType = frame ? FRAME : CONFIG
  const composition = Buffer.alloc(3)
  composition.writeIntBE(frame?.compositionMs ?? 0, 0, 3)
  if (codec === 'h264') return Buffer.concat([Uint8Array.of((frameType << 4) | 7, packetType), composition])
  const first = Uint8Array.of(0x80 | (frameType << 4) | packetType)
  const hasComposition = codec === 'hevc' && frame !== undefined
  return Buffer.concat([first, Buffer.from(VIDEO_FOURCC[codec]), ...(hasComposition ? [composition] : [])])
}

function audioHeader(codec: 'aac' | 'opus', trackId: number, isFrame: boolean): Uint8Array {
  const packetType = isFrame ? FRAME : CONFIG
  const fourCc = Buffer.from(AUDIO_FOURCC[codec])
  if (trackId > 0) return Buffer.concat([Uint8Array.of(0x95, packetType), fourCc, Uint8Array.of(trackId)])
  if (codec === 'opus') return Buffer.concat([Uint8Array.of(0x90 | packetType), fourCc])
  return Uint8Array.of(0xaf, packetType)
}

/** What the configuration message carries: the box's content, which for Opus becomes an ID header (RFC 7845 5.1). */
function config({ config }: Mp4Track, { codec }: Framing): Uint8Array {
  if (codec !== 'opus') return config
  const from = new DataView(config.buffer, config.byteOffset)
  const header = Buffer.alloc(19)
  header.write('OpusHead')
  header[8] = 1
  header[9] = config[1]!
  header.writeUInt16LE(from.getUint16(2), 10)
  header.writeUInt32LE(from.getUint32(4), 12)
  header.writeInt16LE(from.getInt16(8), 16)
  return header
}

/** One round of the loop as Sluice reads it: tracks in the order of their configurations, and their units. */
export async function enhancedUnits(
  options: EnhancedOptions,
): Promise<{ tracks: Track[]; units: AccessUnit[] }> {
  const { headers, frames } = await encodeEnhanced(options)
  const depacketizer = new FlvDepacketizer()
  const tracks: Track[] = []
  const units: AccessUnit[] = []
  for (const { kind, timestampMs, body } of [...headers, ...frames])
    for (const event of depacketizer.push(kind, timestampMs, body)) {
      if (event.type === 'track') tracks.push(event.track)
      if (event.type === 'unit') units.push(event.unit)
    }
  return { tracks, units }
}
