/** Hides how a media header names a language: three letters in 15 bits, where people write two. */

const UNDETERMINED = 'und'

/** ISO 639-1 to ISO 639-2/T, for the languages most spoken and streamed. */
const THREE_LETTERS: Record<string, string> = {
  ar: 'ara',
  bg: 'bul',
  bn: 'ben',
  ca: 'cat',
  cs: 'ces',
  da: 'dan',
  de: 'deu',
  el: 'ell',
  en: 'eng',
  es: 'spa',
  et: 'est',
  fa: 'fas',
  fi: 'fin',
  fr: 'fra',
  he: 'heb',
  hi: 'hin',
  hr: 'hrv',
  hu: 'hun',
  id: 'ind',
  it: 'ita',
  ja: 'jpn',
  ko: 'kor',
  lt: 'lit',
  lv: 'lav',
  ms: 'msa',
  nl: 'nld',
  no: 'nor',
  pl: 'pol',
  pt: 'por',
  ro: 'ron',
  ru: 'rus',
  sk: 'slk',
  sl: 'slv',
  sr: 'srp',
  sv: 'swe',
  ta: 'tam',
  th: 'tha',
  tr: 'tur',
  uk: 'ukr',
  ur: 'urd',
  vi: 'vie',
  zh: 'zho',
}

/** The field of mdhd (ISO/IEC 14496-12 8.4.2.3) for a BCP 47 tag; `und` for none and for one that is not known. */
export function languageCode(tag: string | undefined): number {
  const primary = (tag ?? UNDETERMINED).split('-')[0]!.toLowerCase()
  const letters = /^[a-z]{3}$/.test(primary) ? primary : (THREE_LETTERS[primary] ?? UNDETERMINED)
  return [...letters].reduce((code, letter) => code * 32 + letter.charCodeAt(0) - 0x60, 0)
}

/** What `languageCode` made of a language; undefined: it is not said. */
export function languageOf(code: number): string | undefined {
  const letters = String.fromCharCode(...[10, 5, 0].map(shift => ((code >> shift) & 0x1f) + 0x60))
  return /^[a-z]{3}$/.test(letters) && letters !== UNDETERMINED ? letters : undefined
}
