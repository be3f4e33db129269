/** Hides the live Matroska stream (RFC 9559) of one track: what ffmpeg reads any codec from, at once and for days. */
import type { AccessUnit, Track } from '../access-unit.ts'
import { concatBytes } from '../bytes.ts'
import { ascii, u8, u16 } from '../mp4/boxes.ts'

/** Element ids, RFC 9559 5.1, with their length marker. */
const ID = {
  header: [0x1a, 0x45, 0xdf, 0xa3],
  docType: [0x42, 0x82],
  segment: [0x18, 0x53, 0x80, 0x67],
  info: [0x15, 0x49, 0xa9, 0x66],
  timestampScale: [0x2a, 0xd7, 0xb1],
  tracks: [0x16, 0x54, 0xae, 0x6b],
  trackEntry: [0xae],
  trackNumber: [0xd7],
  trackUid: [0x73, 0xc5],
  trackType: [0x83],
  codecId: [0x86],
  codecPrivate: [0x63, 0xa2],
  video: [0xe0],
  pixelWidth: [0xb0],
  pixelHeight: [0xba],
  audio: [0xe1],
  samplingFrequency: [0xb5],
  channels: [0x9f],
  cluster: [0x1f, 0x43, 0xb6, 0x75],
  timestamp: [0xe7],
  simpleBlock: [0xa3],
} as const

const CODEC_IDS = {
  h264: 'V_MPEG4/ISO/AVC',
  hevc: 'V_MPEGH/ISO/HEVC',
  av1: 'V_AV1',
  aac: 'A_AAC',
  opus: 'A_OPUS',
} as const
const MILLISECOND = 1_000_000
const TRACK = 1
const KEY_BLOCK = 0x80
/** An unknown size: the segment lasts as long as the stream. */
const UNKNOWN_SIZE = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]

/** Everything before the first unit of `track`. */
export function matroskaHeader(track: Track): Uint8Array {
  const entry = element(
    ID.trackEntry,
    element(ID.trackNumber, u8(TRACK)),
    element(ID.trackUid, u8(TRACK)),
    element(ID.trackType, u8(track.kind === 'video' ? 1 : 2)),
    element(ID.codecId, ascii(CODEC_IDS[track.codec])),
    ...(track.decoderConfig.byteLength > 0 ? [element(ID.codecPrivate, track.decoderConfig)] : []),
    track.kind === 'video'
      ? element(
          ID.video,
          element(ID.pixelWidth, u16(track.width)),
          element(ID.pixelHeight, u16(track.height)),
        )
      : element(
          ID.audio,
          element(ID.samplingFrequency, float(track.sampleRate)),
          element(ID.channels, u8(track.channels)),
        ),
  )
  return concatBytes([
    element(ID.header, element(ID.docType, ascii('matroska'))),
    Uint8Array.of(...ID.segment, ...UNKNOWN_SIZE),
    element(ID.info, element(ID.timestampScale, unsigned(MILLISECOND))),
    element(ID.tracks, entry),
  ])
}

/**
 * One unit in a cluster of its own, so that nothing is open between two of them. `timestampMs`: its presentation time,
 * which Matroska alone carries; not negative.
 */
export function matroskaUnit(unit: Pick<AccessUnit, 'isKey' | 'data'>, timestampMs: number): Uint8Array {
  // Track number, time after the cluster's, flags.
  const block = Uint8Array.of(0x80 | TRACK, 0, 0, unit.isKey ? KEY_BLOCK : 0)
  return element(
    ID.cluster,
    element(ID.timestamp, unsigned(timestampMs)),
    element(ID.simpleBlock, block, unit.data),
  )
}

/** An element with its size in 8 bytes at most, RFC 8794 4. */
function element(id: readonly number[], ...content: readonly Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, part) => sum + part.byteLength, 0)
  return concatBytes([Uint8Array.of(...id), dataSize(size), ...content])
}

/** A variable-size integer of 4 bytes: up to 256 MB. */
function dataSize(size: number): Uint8Array {
  return u8(0x10 | (size >>> 24), (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff)
}

/** Six bytes: milliseconds for as long as anybody streams. */
function unsigned(value: number): Uint8Array {
  return concatBytes([u16(Math.floor(value / 2 ** 32)), u16((value / 2 ** 16) & 0xffff), u16(value & 0xffff)])
}

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}
