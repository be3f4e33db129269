/** What of a text that somebody typed may become a message: lines that nobody can break out of. */
import { AppError } from '../../errors.ts'

/** What a text is for. */
export interface TextForm {
  readonly name: string
  readonly maxGraphemes: number
  /** Also bounds the work below: a grapheme can have any number of characters. */
  readonly maxBytes: number
  /** Line feeds stay, no more than one empty line between two others; else all of it becomes one line. */
  readonly hasLines: boolean
}

const messageForm: TextForm = { name: 'message', maxGraphemes: 500, maxBytes: 8_192, hasLines: false }

/** As Unicode has them (UAX #14), and those that typewriters had. */
const lineBreaks = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/u

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
 * A text of 1 grapheme and up to the form's limit in NFC, without control, bidirectional and invisible characters.
 * Applied twice, it changes nothing more. Throws `AppError` INVALID (`chat_text_empty`, `chat_text_too_long`).
 */
export function normalizeText(raw: string, form: TextForm = messageForm): string {
  if (Buffer.byteLength(raw) > form.maxBytes) throw tooLong(form)
  const text = form.hasLines ? lines(raw) : line(raw)
  if (text === '') throw new AppError('INVALID', 'chat_text_empty', 'Write something first.')
  if (Buffer.byteLength(text) > form.maxBytes || hasMoreGraphemes(text, form.maxGraphemes))
    throw tooLong(form)
  return text
}

function lines(raw: string): string {
  const each = raw.toWellFormed().split(lineBreaks).map(line)
  return each
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function line(raw: string): string {
  return raw
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
}

function hasMoreGraphemes(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  let count = 0
  for (const _ of graphemes.segment(text)) if (++count > limit) return true
  return false
}

function tooLong({ name, maxGraphemes }: TextForm): AppError {
  return new AppError('INVALID', 'chat_text_too_long', `A ${name} has at most ${maxGraphemes} characters.`)
}
