/** Hides how letters are disguised: by case, accents, digits, symbols, other scripts, and signs between them. */

/** One letter of a text, and what it can be read as. */
export interface Letter {
  /** What it stands for, plainest first: `a`; for `4`: `4a`. */
  readonly reads: string
  /** How much of a pause lies before it: 1 with a space, 0 for none or other signs. */
  readonly gap: number
  /** A word can begin here. */
  readonly isStart: boolean
  /** A word can end here. */
  isEnd: boolean
  /** It may as well be a sign that means nothing. */
  readonly isSign: boolean
}

/** Each letter, then what looks like it or is typed for it. Characters that NFKD takes apart need no entry. */
const lookAlikes = `
  a 4@аαɑᴀдλ∂æаԁ  b 8ьвßʙɓƀ฿бъ  c (сϲᴄ¢©<кç  d đɗԁᴅð  e 3еєεᴇ€ɛəэёӗ  f ƒꜰғϝ  g 9ɡɢǥԍ  h нһʜħн#ң
  i 1!|іιɪıїӏ¡  j јʝᴊ  k кκᴋҡқ  l 1|!łʟℓӏι  m мᴍʍм  n ηпиɴŋñ  o 0оοøσᴏөфо¤  p рρᴘþ  q 9ԛʠ  r гяʀɾ®
  s 5$ѕʂꜱ§ßs  t 7+тτᴛŧ†  u υцᴜμʊџvµ  v νѵᴠ  w ԝωшщᴡѡ  x хχ×ж  y уγʏ¥ұү  z 2ᴢʐƶᴢz`

const readings = new Map<string, string>()
for (const [, letter = '', others = ''] of lookAlikes.matchAll(/([a-z]) (\S+)/g))
  for (const other of others)
    if (other !== letter && !/[a-z]/.test(other)) readings.set(other, (readings.get(other) ?? '') + letter)
// Censored by its author: any vowel.
readings.set('*', 'aeiou')

/** Letters in boxes and circles that Unicode does not take apart, by the first of each 26. */
const boxed = [0x1f150, 0x1f170, 0x1f1e6]

const isLetter = /^[\p{L}\p{N}]$/u
/** Scripts that put no spaces between words. */
const isUnspaced =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]$/u
const isDropped = /^[\p{M}\p{Cf}]$/u

/** In "he'll" it is no disguise, in "f'u'c'k" it is. */
const APOSTROPHE_GAP = 0.4

/** The letters of `text`; what is between them shows in `gap`, `isStart` and `isEnd`. */
export function readLetters(text: string): Letter[] {
  const letters: Letter[] = []
  const digits = numbersIn(text)
  let gap = 0
  let isStart = true
  for (const { char, index } of characters(text)) {
    if (isDropped.test(char)) continue
    const known = readings.get(char)
    const isPlain = isLetter.test(char)
    const previous = letters.at(-1)
    const isOnItsOwn = isUnspaced.test(char)
    if (previous && (!isPlain || isOnItsOwn)) previous.isEnd = true
    if (!isPlain && known === undefined) {
      gap = Math.max(gap, gapOf(char))
      isStart = true
      continue
    }
    const reads = digits.has(index) ? char : char + (known ?? '')
    letters.push({ reads, gap, isStart: isStart || isOnItsOwn, isEnd: isOnItsOwn, isSign: !isPlain })
    gap = 0
    isStart = !isPlain || isOnItsOwn
  }
  const last = letters.at(-1)
  if (last) last.isEnd = true
  return letters
}

function gapOf(char: string): number {
  if (/\s/.test(char)) return 1
  return char === "'" || char === '\u2019' ? APOSTROPHE_GAP : 0
}

function* characters(text: string): Generator<{ char: string; index: number }> {
  let index = 0
  for (const char of plain(text)) {
    yield { char: unboxed(char), index }
    index += 1
  }
}

/** Numbers of two digits and more that are words of their own stay numbers: 455 is no word. */
function numbersIn(text: string): Set<number> {
  const found = new Set<number>()
  const all = [...plain(text)]
  let start = 0
  for (let index = 0; index <= all.length; index++) {
    const char = all[index]
    if (char !== undefined && isLetter.test(char)) continue
    const word = all.slice(start, index)
    if (word.length > 1 && word.every(each => /\p{Nd}/u.test(each)))
      for (let at = start; at < index; at++) found.add(at)
    start = index + 1
  }
  return found
}

function plain(text: string): string {
  return text.normalize('NFKD').toLowerCase()
}

function unboxed(char: string): string {
  const code = char.codePointAt(0) ?? 0
  const first = boxed.find(start => code >= start && code < start + 26)
  return first === undefined ? char : String.fromCharCode(97 + code - first)
}
