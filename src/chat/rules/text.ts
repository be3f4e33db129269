/** What of a text that somebody typed may become a message: one line that nobody can break out of. */
import { AppError } from '../../errors.ts'

const MAX_GRAPHEMES = 500
/** Also bounds the work below: a grapheme can have any number of characters. */
const MAX_BYTES = 8_192

/** Characters that move, hide or reorder what stands beside them (UAX #9), show nothing, or mean nothing to others. */
const hidden =
  /\u034f|[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\uffff\p{Co}]/gu
/** Tag characters spell the name of a region's flag after a black flag, and nothing that is seen elsewhere. */
const tags = /(\u{1f3f4}[\u{e0020}-\u{e007e}]{1,6}\u{e007f})|[\u{e0000}-\u{e0fff}]/gu
/** Marks and joiners belong behind a character; emoji and several scripts need joiners between two. */
const leading = /(^| )(?:[\p{M} \u200c]|\u200d)+/gu
const strayJoiners = /[\u200c\u200d]+(?=\s|$)|(?<=[\u200c\u200d])[\u200c\u200d]+/gu
/** No language stacks more marks on a letter; in these scripts composed letters carry most of them. */
const fewMarks =
  /([\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}][\p{M}\u200c\u200d]{2})[\p{M}\u200c\u200d]+/gu
const manyMarks = /([\p{M}\u200c\u200d]{4})[\p{M}\u200c\u200d]+/gu

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * One line of 1 to 500 graphemes in NFC, without control, bidirectional and invisible characters. Applied twice, it
 * changes nothing more. Throws `AppError` INVALID (`chat_text_empty`, `chat_text_too_long`).
 */
export function normalizeText(raw: string): string {
  if (Buffer.byteLength(raw) > MAX_BYTES) throw tooLong()
  const text = raw
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\s\u0085]+/gu, ' ')
    .replace(/\p{Cc}/gu, '')
    .replace(tags, '$1')
    .replace(hidden, '')
    .replace(leading, '$1')
    .replace(fewMarks, '$1')
    .replace(manyMarks, '$1')
    .replace(strayJoiners, '')
    .normalize('NFC')
    .trim()
  if (text === '') throw new AppError('INVALID', 'chat_text_empty', 'Write something first.')
  if (Buffer.byteLength(text) > MAX_BYTES || hasMoreGraphemes(text, MAX_GRAPHEMES)) throw tooLong()
  return text
}

function hasMoreGraphemes(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  let count = 0
  for (const _ of graphemes.segment(text)) if (++count > limit) return true
  return false
}

function tooLong(): AppError {
  return new AppError('INVALID', 'chat_text_too_long', `A message has at most ${MAX_GRAPHEMES} characters.`)
}
