/** Reads what a publisher says of its picture's colours: the metadata frame of Enhanced RTMP v2 ("Metadata Frame"). */
import type { Colour, MasteringDisplay } from '../colour.ts'
import { type AmfObject, type AmfValue, decodeAmf0, isAmfObject } from '../rtmp/amf0.ts'

/** What was said; the rest is left to the parameter sets. */
export type ColourInfo = Partial<Colour>

const UNSPECIFIED = 2
/** What PQ can express, SMPTE ST 2084. */
const MAX_LUMINANCE = 10_000

/**
 * The last `colorInfo` among the pairs of a name and a value in `data`; an empty one takes back what was said before.
 * Undefined: there is none. Throws `ProtocolError` for what is not AMF0.
 */
export function readColourInfo(data: Uint8Array): ColourInfo | undefined {
  const values = decodeAmf0(data)
  const name = values.lastIndexOf('colorInfo')
  return name === -1 ? undefined : describe(values[name + 1])
}

function describe(value: AmfValue): ColourInfo {
  const { colorConfig, hdrCll, hdrMdcv } = objectOr(value)
  const { colorPrimaries, transferCharacteristics, matrixCoefficients } = objectOr(colorConfig)
  const [primaries, transfer, matrix] = [colorPrimaries, transferCharacteristics, matrixCoefficients].map(
    codePoint,
  )
  const mastering = masteringDisplay(objectOr(hdrMdcv))
  const lightLevel = contentLight(objectOr(hdrCll))
  return {
    ...(primaries !== undefined && { primaries }),
    ...(transfer !== undefined && { transfer }),
    ...(matrix !== undefined && { matrix }),
    ...(mastering && { mastering }),
    ...(lightLevel && { lightLevel }),
  }
}

function objectOr(value: AmfValue): AmfObject {
  return isAmfObject(value) ? value : {}
}

function codePoint(value: AmfValue): number | undefined {
  return isNumber(value, 255) && Number.isInteger(value) && value !== UNSPECIFIED ? value : undefined
}

function contentLight({ maxCLL, maxFall }: AmfObject): Colour['lightLevel'] {
  if (!isNumber(maxCLL, 0xffff) || !isNumber(maxFall, 0xffff)) return undefined
  return { maxContent: Math.round(maxCLL), maxFrameAverage: Math.round(maxFall) }
}

/** Whole or not at all: one with a hole describes no display. */
function masteringDisplay(about: AmfObject): MasteringDisplay | undefined {
  const point = (name: string) => {
    const [x, y] = [about[`${name}X`], about[`${name}Y`]]
    return isNumber(x, 1) && isNumber(y, 1) ? { x, y } : undefined
  }
  const [red, green, blue, white] = ['red', 'green', 'blue', 'whitePoint'].map(point)
  const { maxLuminance, minLuminance } = about
  if (!red || !green || !blue || !white) return undefined
  if (!isNumber(maxLuminance, MAX_LUMINANCE) || !isNumber(minLuminance, maxLuminance)) return undefined
  return { red, green, blue, white, maxLuminance, minLuminance }
}

/** From 0 to `max`. */
function isNumber(value: AmfValue, max: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= max
}
