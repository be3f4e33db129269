/** Hides where a sample entry keeps what its pictures decode with, and how that stands before a picture instead. */
import { joinNalUnits, parseAvcConfig } from '../codecs/h264.ts'
import { parseHevcConfig } from '../codecs/hevc.ts'
import { type BoxSpan, boxAt, boxesIn } from './box-reader.ts'

/** A box's header and the fields of a VisualSampleEntry before its boxes, ISO/IEC 14496-12 12.1.3. */
const VISUAL_ENTRY_BYTES = 8 + 78
/** NAL units in samples have lengths of so many bytes here. */
const LENGTH_SIZE = 4

/** The content of a box in a visual sample entry: `avcC`, `hvcC`, `av1C`. */
export function findConfig(sampleEntry: Uint8Array, type: string): Uint8Array | undefined {
  const box: BoxSpan | undefined = boxesIn(sampleEntry, VISUAL_ENTRY_BYTES).find(each => each.type === type)
  return box && sampleEntry.subarray(box.contentStart, box.end)
}

/**
 * The entry's parameter sets as NAL units that can stand at the beginning of a sample; undefined: there are none, as AV1
 * has them in its key frames. Throws `ProtocolError`.
 */
export function parameterSets(sampleEntry: Uint8Array): Uint8Array | undefined {
  const type = boxAt(sampleEntry, 0, sampleEntry.byteLength)?.type
  const avc = type === 'avc1' ? findConfig(sampleEntry, 'avcC') : undefined
  if (avc) {
    const { lengthSize, sps, pps } = parseAvcConfig(avc)
    return lengthSize === LENGTH_SIZE ? joinNalUnits([...sps, ...pps]) : undefined
  }
  const hevc = type === 'hvc1' ? findConfig(sampleEntry, 'hvcC') : undefined
  if (!hevc) return undefined
  const { lengthSize, vps, sps, pps } = parseHevcConfig(hevc)
  return lengthSize === LENGTH_SIZE ? joinNalUnits([...vps, ...sps, ...pps]) : undefined
}
