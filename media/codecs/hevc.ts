/** Hides how HEVC is stored: the decoder configuration record, and which NAL units begin a decodable picture. */
import type { VideoTrack } from '../access-unit.ts'
import { readUint16 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type HevcSequenceParameterSet, type ProfileTierLevel, parseHevcSps } from './hevc-sps.ts'

/** nal_unit_type, ITU-T H.265 table 7-1. */
const NAL_RASL_N = 8
const NAL_RASL_R = 9
const NAL_FIRST_IRAP = 16
const NAL_CRA = 21
const NAL_VPS = 32
const NAL_SPS = 33
const NAL_PPS = 34
/** What comes before the first array of a record. */
const RECORD_HEADER = 23

/** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1. */
export interface HevcConfig {
  /** Bytes of a NAL unit's length prefix in the stream that this record belongs to: 1, 2 or 4. */
  readonly lengthSize: number
  readonly vps: readonly Uint8Array[]
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
}

function hevcNalType(nal: Uint8Array): number {
  return (nal[0]! >> 1) & 0x3f
}

/** An intra random access point: BLA, IDR or CRA, where decoding may begin. */
export function isRandomAccessPoint(nal: Uint8Array): boolean {
  const type = hevcNalType(nal)
  return type >= NAL_FIRST_IRAP && type <= NAL_CRA
}

/** A random access skipped leading picture (RASL): needs pictures from before the random access point it follows. */
export function isSkippedLeadingPicture(nal: Uint8Array): boolean {
  const type = hevcNalType(nal)
  return type === NAL_RASL_N || type === NAL_RASL_R
}

/** Parses a decoder configuration record. Throws `ProtocolError` where it is broken or lacks a parameter set. */
export function parseHevcConfig(record: Uint8Array): HevcConfig {
  if (record.byteLength < RECORD_HEADER || record[0] !== 1)
    throw new ProtocolError('HEVC configuration is not one')
  const lengthSize = (record[21]! & 3) + 1
  if (lengthSize === 3) throw new ProtocolError('HEVC NAL length size 3 does not exist')
  const nals = [...parameterSets(record)]
  const ofType = (type: number) => nals.filter(nal => hevcNalType(nal) === type)
  const config = { lengthSize, vps: ofType(NAL_VPS), sps: ofType(NAL_SPS), pps: ofType(NAL_PPS) }
  if (config.vps.length === 0 || config.sps.length === 0 || config.pps.length === 0)
    throw new ProtocolError('HEVC configuration has no parameter sets')
  return config
}

function* parameterSets(record: Uint8Array): Generator<Uint8Array, void> {
  let at = RECORD_HEADER
  for (let array = 0; array < record[RECORD_HEADER - 1]!; array++) {
    if (at + 3 > record.byteLength) throw new ProtocolError('HEVC configuration ends before its arrays')
    const count = readUint16(record, at + 1)
    at += 3
    for (let index = 0; index < count; index++) {
      if (at + 2 > record.byteLength) throw new ProtocolError('HEVC configuration ends in a parameter set')
      const end = at + 2 + readUint16(record, at)
      if (end < at + 4 || end > record.byteLength)
        throw new ProtocolError('HEVC configuration has a parameter set of a wrong length')
      yield record.subarray(at + 2, end)
      at = end
    }
  }
}

/**
 * The track that a decoder configuration record describes; the record is copied. `hints.frameRate` counts where the
 * SPS has no timing. Throws `ProtocolError`.
 */
export function hevcTrack(record: Uint8Array, hints: { readonly frameRate?: number } = {}): VideoTrack {
  const decoderConfig = new Uint8Array(record) // not slice(), which for a Buffer is a view
  const picture: HevcSequenceParameterSet = parseHevcSps(parseHevcConfig(decoderConfig).sps[0]!)
  decoderConfig[21]! |= 3 // lengthSizeMinusOne
  const frameRate = picture.frameRate ?? hints.frameRate
  return {
    kind: 'video',
    codec: 'hevc',
    timescale: 90_000,
    decoderConfig,
    sps: [],
    pps: [],
    codecString: codecString(picture.general),
    width: picture.width,
    height: picture.height,
    ...(frameRate !== undefined && { frameRate }),
    maxReorderFrames: picture.maxReorderFrames,
    chroma: picture.chroma,
    bitDepth: picture.bitDepth,
    ...(picture.colour && { colour: picture.colour }),
  }
}

/** ISO/IEC 14496-15 Annex E.3: `hvc1.1.6.L93.90`. */
function codecString(general: ProfileTierLevel): string {
  const profile = `${['', 'A', 'B', 'C'][general.profileSpace]}${general.profile}`
  const compatibility = reverseBits(general.compatibility).toString(16).toUpperCase()
  const level = `${general.isHighTier ? 'H' : 'L'}${general.level}`
  const used = general.constraints.findLastIndex(byte => byte !== 0) + 1
  const constraints = general.constraints.slice(0, used).map(byte => byte.toString(16).toUpperCase())
  return ['hvc1', profile, compatibility, level, ...constraints].join('.')
}

/** The compatibility flags are written with the first one as the lowest bit. */
function reverseBits(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit++) reversed = reversed * 2 + ((value >>> bit) & 1)
  return reversed
}
