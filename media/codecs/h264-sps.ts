/** Reads a sequence parameter set of H.264, ITU-T H.264 7.3.2.1.1 and Annex E: size, profile, frame rate, reordering. */
import type { Colour } from '../colour.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type BitReader, nalPayloadReader } from './bit-reader.ts'
import { readVideoSignal } from './video-usability.ts'

const MAX_SIDE = 16_384
const CHROMA = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'] as const
/** Profiles whose SPS carries the chroma fields, 7.3.2.1.1. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])
const INTRA_CAPABLE_PROFILES = new Set([44, 86, 100, 110, 122, 244])
/** Table E-1, from aspect_ratio_idc 1. */
const ASPECT_RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
]

export interface SequenceParameterSet {
  readonly profile: number
  /** constraint_set0_flag is the highest bit. */
  readonly constraints: number
  readonly level: number
  readonly chroma: (typeof CHROMA)[number]
  /** The larger of luma's and chroma's. */
  readonly bitDepth: number
  /** Cropped size in samples of luma; the pixel's own shape is `sampleAspectRatio`. */
  readonly width: number
  readonly height: number
  readonly sampleAspectRatio: readonly [number, number]
  /** Frames per second; undefined where timing is absent or senseless. */
  readonly frameRate: number | undefined
  /** max_num_reorder_frames, or 0 where the profile or the picture order excludes reordering. */
  readonly maxReorderFrames: number | undefined
  readonly colour: Colour | undefined
}

interface VideoUsability {
  readonly colour: Colour | undefined
  readonly sampleAspectRatio: readonly [number, number]
  readonly frameRate: number | undefined
  readonly maxReorderFrames: number | undefined
}

/** Parses one SPS NAL unit with its header byte. Throws `ProtocolError` where it is broken or larger than 16384 a side. */
export function parseSps(nal: Uint8Array): SequenceParameterSet {
  if (nal.byteLength < 4 || (nal[0]! & 0x1f) !== 7) throw new ProtocolError('H.264 SPS is not one')
  const reader = nalPayloadReader(nal)
  reader.skip(8)
  const profile = reader.bits(8)
  const constraints = reader.bits(8)
  const level = reader.bits(8)
  reader.unsignedGolomb() // seq_parameter_set_id
  const sample = HIGH_PROFILES.has(profile) ? readSampleFormat(reader) : { chroma: 1, bitDepth: 8 }
  reader.unsignedGolomb() // log2_max_frame_num_minus4
  const orderCountType = readPictureOrderCount(reader)
  reader.unsignedGolomb() // max_num_ref_frames
  reader.skip(1) // gaps_in_frame_num_value_allowed_flag
  const size = readSize(reader, sample.chroma)
  const usability = reader.flag() ? readVideoUsability(reader) : NO_USABILITY
  const canReorder =
    profile !== 66 && // A.2.1: Baseline has no B slices
    orderCountType !== 2 && // 8.2.1.3: output order is decoding order
    !(INTRA_CAPABLE_PROFILES.has(profile) && (constraints & 0x10) !== 0) // E.2.1: intra only
  return {
    profile,
    constraints,
    level,
    chroma: CHROMA[sample.chroma]!,
    bitDepth: sample.bitDepth,
    ...size,
    sampleAspectRatio: usability.sampleAspectRatio,
    frameRate: usability.frameRate,
    colour: usability.colour,
    maxReorderFrames: canReorder ? usability.maxReorderFrames : 0,
  }
}

function readSampleFormat(reader: BitReader): { chroma: number; bitDepth: number } {
  const chroma = reader.unsignedGolomb()
  if (chroma > 3) throw new ProtocolError(`H.264 chroma_format_idc ${chroma} does not exist`)
  if (chroma === 3) reader.skip(1) // separate_colour_plane_flag
  const bitDepth = 8 + Math.max(reader.unsignedGolomb(), reader.unsignedGolomb())
  if (bitDepth > 14) throw new ProtocolError(`H.264 bit depth ${bitDepth} does not exist`)
  reader.skip(1) // qpprime_y_zero_transform_bypass_flag
  const hasScalingMatrix = reader.flag()
  const lists = hasScalingMatrix ? (chroma === 3 ? 12 : 8) : 0
  for (let index = 0; index < lists; index++) {
    const isPresent = reader.flag()
    if (isPresent) skipScalingList(reader, index < 6 ? 16 : 64)
  }
  return { chroma, bitDepth }
}

/** 7.3.2.1.1.1. */
function skipScalingList(reader: BitReader, size: number): void {
  let last = 8
  let next = 8
  for (let index = 0; index < size; index++) {
    if (next !== 0) next = (last + reader.signedGolomb() + 256) % 256
    if (next !== 0) last = next
  }
}

function readPictureOrderCount(reader: BitReader): number {
  const type = reader.unsignedGolomb()
  if (type > 2) throw new ProtocolError(`H.264 pic_order_cnt_type ${type} does not exist`)
  if (type === 0) reader.unsignedGolomb() // log2_max_pic_order_cnt_lsb_minus4
  if (type === 1) {
    reader.skip(1)
    reader.signedGolomb()
    reader.signedGolomb()
    const cycle = reader.unsignedGolomb()
    if (cycle > 255) throw new ProtocolError('H.264 picture order count cycle is longer than 255')
    for (let index = 0; index < cycle; index++) reader.signedGolomb()
  }
  return type
}

/** Macroblocks of 16 by 16, less the cropping in units of 7.4.2.1.1, equations 7-19 to 7-22. */
function readSize(reader: BitReader, chroma: number): { width: number; height: number } {
  const columns = reader.unsignedGolomb() + 1
  const rows = reader.unsignedGolomb() + 1
  const isFrameOnly = reader.flag()
  if (!isFrameOnly) reader.skip(1) // mb_adaptive_frame_field_flag
  reader.skip(1) // direct_8x8_inference_flag
  const fields = isFrameOnly ? 1 : 2
  let width = columns * 16
  let height = rows * 16 * fields
  if (reader.flag()) {
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1
    const unitY = (chroma === 1 ? 2 : 1) * fields
    width -= unitX * (reader.unsignedGolomb() + reader.unsignedGolomb())
    height -= unitY * (reader.unsignedGolomb() + reader.unsignedGolomb())
  }
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
    throw new ProtocolError(`H.264 picture of ${width} by ${height} is not possible`)
  return { width, height }
}

const NO_USABILITY: VideoUsability = {
  colour: undefined,
  sampleAspectRatio: [1, 1],
  frameRate: undefined,
  maxReorderFrames: undefined,
}

/** vui_parameters(), E.1.1. */
function readVideoUsability(reader: BitReader): VideoUsability {
  const sampleAspectRatio = reader.flag() ? readAspectRatio(reader) : NO_USABILITY.sampleAspectRatio
  const colour = readVideoSignal(reader)
  const frameRate = reader.flag() ? readFrameRate(reader) : undefined
  const hasNalHrd = reader.flag()
  if (hasNalHrd) skipHrd(reader)
  const hasVclHrd = reader.flag()
  if (hasVclHrd) skipHrd(reader)
  if (hasNalHrd || hasVclHrd) reader.skip(1) // low_delay_hrd_flag
  reader.skip(1) // pic_struct_present_flag
  const maxReorderFrames = reader.flag() ? readReorder(reader) : undefined
  return { colour, sampleAspectRatio, frameRate, maxReorderFrames }
}

function readAspectRatio(reader: BitReader): readonly [number, number] {
  const index = reader.bits(8)
  if (index !== 255) return ASPECT_RATIOS[index - 1] ?? [1, 1]
  const width = reader.bits(16)
  const height = reader.bits(16)
  return width > 0 && height > 0 ? [width, height] : [1, 1]
}

/** E.2.1: a tick is one field, so a frame lasts two. */
function readFrameRate(reader: BitReader): number | undefined {
  const unitsInTick = reader.bits(32)
  const timeScale = reader.bits(32)
  reader.skip(1) // fixed_frame_rate_flag
  const frameRate = timeScale / (2 * unitsInTick)
  return frameRate >= 1 && frameRate <= 1000 ? frameRate : undefined
}

/** hrd_parameters(), E.1.2. */
function skipHrd(reader: BitReader): void {
  const count = reader.unsignedGolomb() + 1
  if (count > 32) throw new ProtocolError('H.264 cpb_cnt_minus1 is larger than 31')
  reader.skip(8)
  for (let index = 0; index < count; index++) {
    reader.unsignedGolomb()
    reader.unsignedGolomb()
    reader.skip(1)
  }
  reader.skip(20)
}

function readReorder(reader: BitReader): number | undefined {
  reader.skip(1) // motion_vectors_over_pic_boundaries_flag
  for (let index = 0; index < 4; index++) reader.unsignedGolomb()
  const reorder = reader.unsignedGolomb()
  return reorder <= 16 ? reorder : undefined
}
