/** How the samples of a picture stand for colours and brightness, whatever codec or container tells it. */

/** The code points are those of ITU-T H.273 (ISO/IEC 23091-2) section 8; 2 is "unspecified". */
export interface Colour {
  readonly primaries: number
  readonly transfer: number
  readonly matrix: number
  readonly isFullRange: boolean
  /** The display that the picture was made on, SMPTE ST 2086. */
  readonly mastering?: MasteringDisplay
  /** In cd/m²: the brightest sample, and the brightest frame on average, CTA-861.3 P.1. */
  readonly lightLevel?: { readonly maxContent: number; readonly maxFrameAverage: number }
}

/** Chromaticities of CIE 1931, from 0 to 1; luminances in cd/m². */
export interface MasteringDisplay {
  readonly red: Chromaticity
  readonly green: Chromaticity
  readonly blue: Chromaticity
  readonly white: Chromaticity
  readonly maxLuminance: number
  readonly minLuminance: number
}

interface Chromaticity {
  readonly x: number
  readonly y: number
}

export type VideoRange = 'SDR' | 'HLG' | 'PQ'

const UNSPECIFIED = 2
const TRANSFER_PQ = 16
const TRANSFER_HLG = 18

/** Undefined where nothing is told. */
export function specified(colour: Colour): Colour | undefined {
  const { primaries, transfer, matrix, isFullRange, mastering, lightLevel } = colour
  const isTold = [primaries, transfer, matrix].some(each => each !== UNSPECIFIED)
  return isTold || isFullRange || mastering || lightLevel ? colour : undefined
}

export const UNSPECIFIED_COLOUR: Colour = {
  primaries: UNSPECIFIED,
  transfer: UNSPECIFIED,
  matrix: UNSPECIFIED,
  isFullRange: false,
}

/** What is not told is taken for SDR. */
export function videoRangeOf(colour: Colour | undefined): VideoRange {
  if (colour?.transfer === TRANSFER_PQ) return 'PQ'
  return colour?.transfer === TRANSFER_HLG ? 'HLG' : 'SDR'
}

export function isSameColour(left: Colour | undefined, right: Colour | undefined): boolean {
  return JSON.stringify(inOrder(left)) === JSON.stringify(inOrder(right))
}

function inOrder(colour: Colour = UNSPECIFIED_COLOUR) {
  const { primaries, transfer, matrix, isFullRange, mastering, lightLevel } = colour
  const points = mastering && [mastering.red, mastering.green, mastering.blue, mastering.white]
  return [
    [primaries, transfer, matrix, isFullRange],
    points?.flatMap(({ x, y }) => [x, y]),
    mastering && [mastering.maxLuminance, mastering.minLuminance],
    lightLevel && [lightLevel.maxContent, lightLevel.maxFrameAverage],
  ]
}
