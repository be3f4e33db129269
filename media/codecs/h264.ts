/** Hides how H.264 is stored: the AVC decoder configuration record and length-prefixed NAL units. */
import type { VideoTrack } from '../access-unit.ts'
import { concatBytes, readUint16, writeUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { parseSps } from './h264-sps.ts'

/** nal_unit_type, ITU-T H.264 table 7-1. */
export const NAL_IDR = 5
export const NAL_SEI = 6
export const NAL_SPS = 7
export const NAL_PPS = 8
export const NAL_AUD = 9
export const NAL_FILLER = 12

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1. */
export interface AvcConfig {
  /** Bytes of a NAL unit's length prefix in the stream that this record belongs to: 1, 2 or 4. */
  readonly lengthSize: number
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
}

export function nalType(nal: Uint8Array): number {
  return nal[0]! & 0x1f
}

/** Parses an AVC decoder configuration record. Throws `ProtocolError` where it is broken or has no SPS or PPS. */
export function parseAvcConfig(record: Uint8Array): AvcConfig {
  if (record.byteLength < 7 || record[0] !== 1) throw new ProtocolError('AVC configuration is not one')
  const lengthSize = (record[4]! & 3) + 1
  if (lengthSize === 3) throw new ProtocolError('AVC NAL length size 3 does not exist')
  const sps = readParameterSets(record, 6, record[5]! & 0x1f)
  if (sps.end >= record.byteLength) throw new ProtocolError('AVC configuration ends before its PPS')
  const pps = readParameterSets(record, sps.end + 1, record[sps.end]!)
  if (sps.nals.length === 0 || pps.nals.length === 0)
    throw new ProtocolError('AVC configuration has no parameter sets')
  return { lengthSize, sps: sps.nals, pps: pps.nals }
}

/** Baseline, Main and Extended are always 8-bit 4:2:0; the record of all others tells it, ISO/IEC 14496-15 5.3.3.1.2. */
const PROFILES_WITHOUT_FORMAT = new Set([66, 77, 88])

/**
 * The record with these sets and lengths of 4 bytes: at most 31 and 255 sets, one of each at least. Throws
 * `ProtocolError` where the first SPS is broken.
 */
export function writeAvcConfig(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const { profile, constraints, level, chroma, bitDepth } = parseSps(sps[0]!)
  const head = Uint8Array.of(1, profile, constraints, level, 0xff, 0xe0 | sps.length)
  const format = Uint8Array.of(
    0xfc | CHROMA_FORMATS.indexOf(chroma),
    0xf8 | (bitDepth - 8),
    0xf8 | (bitDepth - 8),
    0,
  )
  return concatBytes([
    head,
    ...sps.flatMap(withLength16),
    Uint8Array.of(pps.length),
    ...pps.flatMap(withLength16),
    ...(PROFILES_WITHOUT_FORMAT.has(profile) ? [] : [format]),
  ])
}

/** By chroma_format_idc. */
const CHROMA_FORMATS = ['4:0:0', '4:2:0', '4:2:2', '4:4:4']

function withLength16(nal: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(nal.byteLength >> 8, nal.byteLength & 0xff), nal]
}

function readParameterSets(
  record: Uint8Array,
  start: number,
  count: number,
): { nals: Uint8Array[]; end: number } {
  const nals: Uint8Array[] = []
  let at = start
  for (let index = 0; index < count; index++) {
    if (at + 2 > record.byteLength) throw new ProtocolError('AVC configuration ends in a parameter set')
    const end = at + 2 + readUint16(record, at)
    if (end === at + 2 || end > record.byteLength)
      throw new ProtocolError('AVC configuration has a parameter set of a wrong length')
    nals.push(record.subarray(at + 2, end))
    at = end
  }
  return { nals, end: at }
}

/**
 * The NAL units of one access unit with `lengthSize`-byte prefixes, without prefix; empty ones are left out.
 * Throws `ProtocolError` where a length leads past the end.
 */
export function* nalUnits(data: Uint8Array, lengthSize = 4): Generator<Uint8Array, void> {
  let at = 0
  while (at < data.byteLength) {
    let length = 0
    if (at + lengthSize > data.byteLength) throw new ProtocolError('NAL unit length is cut off')
    for (let index = 0; index < lengthSize; index++) length = length * 256 + data[at++]!
    if (at + length > data.byteLength) throw new ProtocolError('NAL unit is longer than its access unit')
    if (length > 0) yield data.subarray(at, at + length)
    at += length
  }
}

/** Puts every NAL unit behind a 4-byte length: one new array. */
export function joinNalUnits(nals: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(nals.reduce((sum, nal) => sum + 4 + nal.byteLength, 0))
  let at = 0
  for (const nal of nals) {
    writeUint32(data, at, nal.byteLength)
    data.set(nal, at + 4)
    at += 4 + nal.byteLength
  }
  return data
}

/**
 * The track that an AVC decoder configuration record describes; the record is copied. `hints.frameRate` counts
 * where the SPS has no timing. Throws `ProtocolError`.
 */
export function videoTrack(record: Uint8Array, hints: { readonly frameRate?: number } = {}): VideoTrack {
  const decoderConfig = new Uint8Array(record) // not slice(), which for a Buffer is a view
  const { sps, pps } = parseAvcConfig(decoderConfig)
  decoderConfig[4] = 0xff // six reserved ones, lengthSizeMinusOne = 3
  const picture = parseSps(sps[0]!)
  const frameRate = picture.frameRate ?? hints.frameRate
  return {
    kind: 'video',
    codec: 'h264',
    timescale: 90_000,
    decoderConfig,
    sps,
    pps,
    codecString: `avc1.${hex(picture.profile)}${hex(picture.constraints)}${hex(picture.level)}`,
    width: picture.width,
    height: picture.height,
    ...(frameRate !== undefined && { frameRate }),
    ...(picture.maxReorderFrames !== undefined && { maxReorderFrames: picture.maxReorderFrames }),
    chroma: picture.chroma,
    bitDepth: picture.bitDepth,
    ...(picture.colour && { colour: picture.colour }),
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
