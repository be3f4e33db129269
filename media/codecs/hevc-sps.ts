/** Reads a sequence parameter set of HEVC, ITU-T H.265 7.3.2.2 and Annex E: profile, size, frame rate, reordering. */
import type { Colour } from '../colour.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type BitReader, nalPayloadReader } from './bit-reader.ts'
import { readVideoSignal } from './video-usability.ts'

const MAX_SIDE = 16_384
const CHROMA = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'] as const
const NAL_SPS = 33

/** The general part of profile_tier_level(), 7.3.3. */
export interface ProfileTierLevel {
  readonly profileSpace: number
  readonly isHighTier: boolean
  readonly profile: number
  /** general_profile_compatibility_flag[0] is the highest bit. */
  readonly compatibility: number
  /** The six bytes from general_progressive_source_flag on. */
  readonly constraints: readonly number[]
  /** Thirty times the level's number. */
  readonly level: number
}

export interface HevcSequenceParameterSet {
  readonly general: ProfileTierLevel
  readonly chroma: (typeof CHROMA)[number]
  /** The larger of luma's and chroma's. */
  readonly bitDepth: number
  /** Cropped size in samples of luma. */
  readonly width: number
  readonly height: number
  /** sps_max_num_reorder_pics of all layers together. */
  readonly maxReorderFrames: number
  /** Frames per second; undefined where timing is absent or senseless. */
  readonly frameRate: number | undefined
  readonly colour: Colour | undefined
}

interface VideoUsability {
  readonly frameRate: number | undefined
  readonly colour: Colour | undefined
}

/** Parses one SPS NAL unit with its header. Throws `ProtocolError` where it is broken or larger than 16384 a side. */
export function parseHevcSps(nal: Uint8Array): HevcSequenceParameterSet {
  if (nal.byteLength < 4 || ((nal[0]! >> 1) & 0x3f) !== NAL_SPS)
    throw new ProtocolError('HEVC SPS is not one')
  const reader = nalPayloadReader(nal)
  reader.skip(16 + 4) // NAL unit header, sps_video_parameter_set_id
  const lastLayer = reader.bits(3)
  reader.skip(1) // sps_temporal_id_nesting_flag
  const general = readProfileTierLevel(reader, lastLayer)
  reader.unsignedGolomb() // sps_seq_parameter_set_id
  const chroma = reader.unsignedGolomb()
  if (chroma > 3) throw new ProtocolError(`HEVC chroma_format_idc ${chroma} does not exist`)
  if (chroma === 3) reader.skip(1) // separate_colour_plane_flag
  const size = readSize(reader, chroma)
  const bitDepth = 8 + Math.max(reader.unsignedGolomb(), reader.unsignedGolomb())
  if (bitDepth > 16) throw new ProtocolError(`HEVC bit depth ${bitDepth} does not exist`)
  const orderCountBits = reader.unsignedGolomb() + 4
  if (orderCountBits > 16) throw new ProtocolError('HEVC picture order count is longer than 16 bits')
  const maxReorderFrames = readReorder(reader, lastLayer)
  skipCodingTools(reader)
  skipReferencePictures(reader, orderCountBits)
  reader.skip(2) // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  const usability = reader.flag() ? readVideoUsability(reader) : { frameRate: undefined, colour: undefined }
  return { general, chroma: CHROMA[chroma]!, bitDepth, ...size, maxReorderFrames, ...usability }
}

/** profile_tier_level(), 7.3.3. */
function readProfileTierLevel(reader: BitReader, lastLayer: number): ProfileTierLevel {
  const profileSpace = reader.bits(2)
  const isHighTier = reader.flag()
  const profile = reader.bits(5)
  const compatibility = reader.bits(32)
  const constraints = Array.from({ length: 6 }, () => reader.bits(8))
  const level = reader.bits(8)
  const layers = Array.from({ length: lastLayer }, () => ({
    hasProfile: reader.flag(),
    hasLevel: reader.flag(),
  }))
  if (lastLayer > 0) reader.skip(2 * (8 - lastLayer)) // reserved_zero_2bits
  for (const { hasProfile, hasLevel } of layers) reader.skip((hasProfile ? 88 : 0) + (hasLevel ? 8 : 0))
  return { profileSpace, isHighTier, profile, compatibility, constraints, level }
}

/** Cropping counts in units of chroma samples, table 6-1. */
function readSize(reader: BitReader, chroma: number): { width: number; height: number } {
  let width = reader.unsignedGolomb()
  let height = reader.unsignedGolomb()
  if (reader.flag()) {
    width -= (chroma === 1 || chroma === 2 ? 2 : 1) * (reader.unsignedGolomb() + reader.unsignedGolomb())
    height -= (chroma === 1 ? 2 : 1) * (reader.unsignedGolomb() + reader.unsignedGolomb())
  }
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
    throw new ProtocolError(`HEVC picture of ${width} by ${height} is not possible`)
  return { width, height }
}

/** The highest layer's value counts for the whole stream. */
function readReorder(reader: BitReader, lastLayer: number): number {
  const layers = reader.flag() ? lastLayer + 1 : 1
  let reorder = 0
  for (let layer = 0; layer < layers; layer++) {
    reader.unsignedGolomb() // sps_max_dec_pic_buffering_minus1
    reorder = reader.unsignedGolomb()
    reader.unsignedGolomb() // sps_max_latency_increase_plus1
  }
  if (reorder > 16) throw new ProtocolError('HEVC pictures are reordered by more than 16')
  return reorder
}

function skipCodingTools(reader: BitReader): void {
  for (let field = 0; field < 6; field++) reader.unsignedGolomb() // block sizes and transform depths
  const hasScalingLists = reader.flag() && reader.flag()
  if (hasScalingLists) skipScalingLists(reader)
  reader.skip(2) // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (!reader.flag()) return
  reader.skip(8) // pcm_sample_bit_depth
  reader.unsignedGolomb()
  reader.unsignedGolomb()
  reader.skip(1) // pcm_loop_filter_disabled_flag
}

/** scaling_list_data(), 7.3.4. */
function skipScalingLists(reader: BitReader): void {
  for (let size = 0; size < 4; size++)
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.unsignedGolomb() // scaling_list_pred_matrix_id_delta
        continue
      }
      if (size > 1) reader.signedGolomb() // scaling_list_dc_coef_minus8
      for (let index = 0; index < Math.min(64, 1 << (4 + 2 * size)); index++) reader.signedGolomb()
    }
}

function skipReferencePictures(reader: BitReader, orderCountBits: number): void {
  const sets = reader.unsignedGolomb()
  if (sets > 64) throw new ProtocolError('HEVC has more than 64 short-term reference picture sets')
  let deltas = 0
  for (let set = 0; set < sets; set++) deltas = skipReferencePictureSet(reader, set, deltas)
  if (!reader.flag()) return
  const longTerm = reader.unsignedGolomb()
  if (longTerm > 32) throw new ProtocolError('HEVC has more than 32 long-term reference pictures')
  reader.skip(longTerm * (orderCountBits + 1))
}

/** st_ref_pic_set(), 7.3.7. `before`: NumDeltaPocs of the set before; returns this one's. */
function skipReferencePictureSet(reader: BitReader, set: number, before: number): number {
  let deltas = 0
  const isPredicted = set > 0 && reader.flag()
  if (isPredicted) {
    reader.skip(1) // delta_rps_sign
    reader.unsignedGolomb() // abs_delta_rps_minus1
    for (let index = 0; index <= before; index++) {
      const isKept = reader.flag() || reader.flag() // used_by_curr_pic_flag, use_delta_flag
      if (isKept) deltas++
    }
  } else {
    deltas = reader.unsignedGolomb() + reader.unsignedGolomb()
    if (deltas > 16) throw new ProtocolError('HEVC reference picture set has more than 16 pictures')
    for (let index = 0; index < deltas; index++) {
      reader.unsignedGolomb() // delta_poc_minus1
      reader.skip(1)
    }
  }
  if (deltas > 16) throw new ProtocolError('HEVC reference picture set has more than 16 pictures')
  return deltas
}

/** vui_parameters(), E.2.1, as far as its timing. */
function readVideoUsability(reader: BitReader): VideoUsability {
  if (reader.flag() && reader.bits(8) === 255) reader.skip(32) // sample aspect ratio
  const colour = readVideoSignal(reader)
  reader.skip(3) // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (reader.flag()) for (let side = 0; side < 4; side++) reader.unsignedGolomb() // default display window
  return { frameRate: reader.flag() ? readFrameRate(reader) : undefined, colour }
}

function readFrameRate(reader: BitReader): number | undefined {
  const unitsInTick = reader.bits(32)
  const frameRate = reader.bits(32) / unitsInTick
  return frameRate >= 1 && frameRate <= 1000 ? frameRate : undefined
}
