/** HDR10 as a publisher describes it, and what it means. */

import { concatBytes } from '../../media/bytes.ts'
import type { Colour } from '../../media/colour.ts'
import { type AmfValue, encodeAmf0 } from '../../media/rtmp/amf0.ts'

export const HDR10: Colour = {
  primaries: 9,
  transfer: 16,
  matrix: 9,
  isFullRange: false,
  mastering: {
    red: { x: 0.68, y: 0.32 },
    green: { x: 0.265, y: 0.69 },
    blue: { x: 0.15, y: 0.06 },
    white: { x: 0.3127, y: 0.329 },
    maxLuminance: 1000,
    minLuminance: 0.005,
  },
  lightLevel: { maxContent: 1000, maxFrameAverage: 400 },
}

/** The words of Enhanced RTMP v2 for `HDR10`. */
export const COLOUR_INFO = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxFall: 400, maxCLL: 1000 },
  hdrMdcv: {
    ...{ redX: 0.68, redY: 0.32, greenX: 0.265, greenY: 0.69, blueX: 0.15, blueY: 0.06 },
    ...{ whitePointX: 0.3127, whitePointY: 0.329, maxLuminance: 1000, minLuminance: 0.005 },
  },
}

/** A video message that is a metadata frame. */
export function colourMessage(info: AmfValue, fourCc = 'hvc1'): Uint8Array {
  const header = Uint8Array.of(0x94, ...Buffer.from(fourCc))
  return concatBytes([header, encodeAmf0('colorInfo', info)])
}
