/** What the video usability information of H.264 (E.1.1) and HEVC (E.2.1) has in common. */
import { type Colour, specified, UNSPECIFIED_COLOUR } from '../colour.ts'
import type { BitReader } from './bit-reader.ts'

/**
 * Reads overscan, signal type and chroma locations, which follow the sample aspect ratio in both. Undefined where no
 * colour is told.
 */
export function readVideoSignal(reader: BitReader): Colour | undefined {
  if (reader.flag()) reader.skip(1) // overscan
  const colour = reader.flag() ? readSignalType(reader) : undefined
  if (reader.flag()) {
    reader.unsignedGolomb() // chroma_sample_loc_type_top_field
    reader.unsignedGolomb()
  }
  return colour
}

function readSignalType(reader: BitReader): Colour | undefined {
  reader.skip(3) // video_format
  const isFullRange = reader.flag()
  const description = reader.flag() ? readColourDescription(reader) : UNSPECIFIED_COLOUR
  return specified({ ...description, isFullRange })
}

/** Code points of 8 bits each, in the order in which AV1 has them too. */
export function readColourDescription(reader: BitReader): Pick<Colour, 'primaries' | 'transfer' | 'matrix'> {
  const primaries = reader.bits(8)
  const transfer = reader.bits(8)
  return { primaries, transfer, matrix: reader.bits(8) }
}
