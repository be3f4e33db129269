/** Reads a sequence header of AV1 (AV1 5.5): profile, level, size, frame rate, colour format. */
import { type Colour, specified, UNSPECIFIED_COLOUR } from '../colour.ts'
import { ProtocolError } from '../protocol-error.ts'
import { BitReader } from './bit-reader.ts'
import { readColourDescription } from './video-usability.ts'

export interface Av1SequenceHeader {
  readonly profile: number
  /** seq_level_idx and seq_tier of the first operating point. */
  readonly level: number
  readonly isHighTier: boolean
  readonly width: number
  readonly height: number
  /** Frames per second; undefined where timing is absent or senseless. */
  readonly frameRate: number | undefined
  readonly bitDepth: 8 | 10 | 12
  readonly chroma: '4:0:0' | '4:2:0' | '4:2:2' | '4:4:4'
  readonly colour: Colour | undefined
}

interface OperatingPoint {
  readonly level: number
  readonly isHighTier: boolean
  readonly frameRate: number | undefined
}

const MAX_SIDE = 16_384

/** `payload`: the OBU without its header. Throws `ProtocolError` where it is broken or larger than 16384 a side. */
export function parseSequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const reader = new BitReader(payload)
  const profile = reader.bits(3)
  if (profile > 2) throw new ProtocolError(`AV1 profile ${profile} does not exist`)
  reader.skip(1) // still_picture
  const isReduced = reader.flag()
  const point = isReduced
    ? { level: reader.bits(5), isHighTier: false, frameRate: undefined }
    : readOperatingPoints(reader)
  const widthBits = reader.bits(4) + 1
  const heightBits = reader.bits(4) + 1
  const width = reader.bits(widthBits) + 1
  const height = reader.bits(heightBits) + 1
  if (width > MAX_SIDE || height > MAX_SIDE)
    throw new ProtocolError(`AV1 picture of ${width} by ${height} is not possible`)
  skipCodingTools(reader, isReduced)
  return { profile, ...point, width, height, ...readColour(reader, profile) }
}

/** From timing_info_present_flag to the last operating point. */
function readOperatingPoints(reader: BitReader): OperatingPoint {
  let frameRate: number | undefined
  let delayBits = 0
  if (reader.flag()) {
    frameRate = readFrameRate(reader)
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1
      reader.skip(32 + 5 + 5) // the rest of decoder_model_info()
    }
  }
  const hasDisplayDelay = reader.flag()
  const count = reader.bits(5) + 1
  let first: OperatingPoint | undefined
  for (let index = 0; index < count; index++) {
    reader.skip(12) // operating_point_idc
    const level = reader.bits(5)
    const isHighTier = level > 7 && reader.flag()
    first ??= { level, isHighTier, frameRate }
    const hasDecoderModel = delayBits > 0 && reader.flag()
    if (hasDecoderModel) reader.skip(2 * delayBits + 1) // operating_parameters_info()
    const hasOwnDisplayDelay = hasDisplayDelay && reader.flag()
    if (hasOwnDisplayDelay) reader.skip(4)
  }
  return first!
}

/** timing_info(), 5.5.3: frames are evenly spaced only where it says so. */
function readFrameRate(reader: BitReader): number | undefined {
  const unitsInTick = reader.bits(32)
  const timeScale = reader.bits(32)
  if (!reader.flag()) return undefined
  const frameRate = timeScale / (unitsInTick * (reader.unsignedGolomb() + 1))
  return frameRate >= 1 && frameRate <= 1000 ? frameRate : undefined
}

/** From frame_id_numbers_present_flag to enable_restoration. */
function skipCodingTools(reader: BitReader, isReduced: boolean): void {
  const hasFrameIds = !isReduced && reader.flag()
  if (hasFrameIds) reader.skip(4 + 3)
  reader.skip(3) // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!isReduced) {
    reader.skip(4) // inter-intra, masked, warped, dual filter
    const hasOrderHint = reader.flag()
    if (hasOrderHint) reader.skip(2) // enable_jnt_comp, enable_ref_frame_mvs
    const mayForceIntegers = reader.flag() || reader.flag() // screen content: chosen per frame, or forced
    const isForced = mayForceIntegers && !reader.flag() // seq_choose_integer_mv
    if (isForced) reader.skip(1)
    if (hasOrderHint) reader.skip(3) // order_hint_bits_minus_1
  }
  reader.skip(3) // enable_superres, enable_cdef, enable_restoration
}

/** color_config(), 5.5.2. */
function readColour(
  reader: BitReader,
  profile: number,
): Pick<Av1SequenceHeader, 'bitDepth' | 'chroma' | 'colour'> {
  const isHigh = reader.flag()
  const isTwelve = profile === 2 && isHigh && reader.flag()
  const bitDepth = isTwelve ? 12 : isHigh ? 10 : 8
  const isMonochrome = profile !== 1 && reader.flag()
  const description = reader.flag() ? readColourDescription(reader) : UNSPECIFIED_COLOUR
  const { primaries, transfer, matrix } = description
  const isRgb = !isMonochrome && primaries === 1 && transfer === 13 && matrix === 0
  const isFullRange = isRgb || reader.flag() // color_range
  const colour = specified({ ...description, isFullRange })
  const chroma = isMonochrome ? '4:0:0' : isRgb ? '4:4:4' : readChroma(reader, profile, isTwelve)
  return { bitDepth, chroma, colour }
}

function readChroma(reader: BitReader, profile: number, isTwelve: boolean): Av1SequenceHeader['chroma'] {
  if (profile !== 2) return profile === 0 ? '4:2:0' : '4:4:4'
  if (!isTwelve) return '4:2:2'
  if (!reader.flag()) return '4:4:4'
  return reader.flag() ? '4:2:0' : '4:2:2'
}
