/** Hides how a sample entry tells the colours of its picture. */
import type { Colour, MasteringDisplay } from '../colour.ts'
import { ascii, box, u8, u16, u32 } from './boxes.ts'

/** Units of a chromaticity and of a luminance, ITU-T H.265 D.3.28. */
const CHROMATICITY_STEPS = 50_000
const LUMINANCE_STEPS = 10_000

/** ColourInformationBox and, for HDR, its companions, ISO/IEC 14496-12 12.1.5 to 12.1.7. */
export function colourBoxes(colour: Colour | undefined): Uint8Array[] {
  if (!colour) return []
  const { primaries, transfer, matrix, isFullRange, mastering, lightLevel } = colour
  const colr = box('colr', ascii('nclx'), u16(primaries, transfer, matrix), u8(isFullRange ? 0x80 : 0))
  return [
    colr,
    ...(mastering ? [masteringBox(mastering)] : []),
    ...(lightLevel ? [box('clli', u16(lightLevel.maxContent, lightLevel.maxFrameAverage))] : []),
  ]
}

/** MasteringDisplayColourVolumeBox: the primaries come as green, blue, red. */
function masteringBox({ red, green, blue, white, maxLuminance, minLuminance }: MasteringDisplay): Uint8Array {
  const points = [green, blue, red, white].flatMap(({ x, y }) => [x, y])
  return box(
    'mdcv',
    u16(...points.map(each => Math.round(each * CHROMATICITY_STEPS))),
    u32(...[maxLuminance, minLuminance].map(each => Math.round(each * LUMINANCE_STEPS))),
  )
}
