/** Hides the boxes of a track that do not depend on where its samples are: the same in an init segment and in a movie. */
import { ascii, box, fullBox, u16, u32, zeros } from './boxes.ts'
import { languageCode } from './language.ts'

/** The unity matrix of mvhd and tkhd, ISO/IEC 14496-12 8.2.2. */
export const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

/** What follows the duration in tkhd, 8.3.2; `width` and `height` in pixels, 0 for sound. */
export function trackHeaderEnd(kind: 'video' | 'audio', width: number, height: number): Uint8Array[] {
  const volume = kind === 'video' ? 0 : 0x0100
  return [zeros(8), u16(0, 0, volume, 0), MATRIX, u32(width << 16, height << 16)]
}

/** What mdhd says of a language, and the whole tag, which its three letters cannot hold: 8.4.2 and 8.4.6. */
export function languageBoxes(language: string | undefined) {
  return {
    mdhdEnd: u16(languageCode(language), 0),
    elng: language === undefined ? [] : [fullBox('elng', 0, 0, ascii(`${language}\0`))],
  }
}

export function handler(kind: 'video' | 'audio'): Uint8Array {
  const type = kind === 'video' ? 'vide' : 'soun'
  return fullBox('hdlr', 0, 0, u32(0), ascii(type), zeros(12), ascii('Sluice\0'))
}

/** minf: the media's header, where it lies, and its tables. */
export function mediaInformation(kind: 'video' | 'audio', stbl: Uint8Array): Uint8Array {
  const header = kind === 'video' ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4))
  // One data reference with flag 1: the media is in this file.
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)))
  return box('minf', header, dinf, stbl)
}
