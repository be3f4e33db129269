/** Finds blocked words however they are disguised, in one pass over the text whatever the words are. */
import { type Letter, readLetters } from './letters.ts'

interface Word {
  readonly pattern: string
  /** `*` at its end: what is matched may be a part of a longer word. */
  readonly isOpenStart: boolean
  readonly isOpenEnd: boolean
}

/** A word as a chain: each step waits for its letter. */
interface Step {
  readonly word: Word
  readonly reads: string
  /** How many letters of the word there are up to this one. */
  readonly count: number
  /** The pattern itself has a space before it. */
  readonly isAfterSpace: boolean
  /** The pattern has `*` before it. */
  readonly isAfterAny: boolean
  next: Step | undefined
}

/**
 * The last step that matched, and the pauses on the way to it: 0 for none, INNER when the match began inside of a word.
 * One in a word can do all that INNER can, so that of each step two are kept at most: without and with most pauses.
 */
type Threads = Map<Step, number>
const INNER = -1
/** Letters a pause must make up for: "f u c k" and "fu ck" are one word, "pen is" is two. */
const LETTERS_PER_PIECE = 2

export class WordFilter {
  /** First steps by what they can be read as. */
  readonly #firsts = new Map<string, Step[]>()

  /**
   * A pattern is a word or several; `*` stands for any letters of a word. Patterns and texts are compared without
   * regard to case, accents, l33t, look-alike letters, repeated letters, and signs or single spaces between letters.
   * A pattern without letters matches nothing.
   */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const first = compile(pattern)
      for (const char of new Set(first?.reads)) {
        const steps = this.#firsts.get(char)
        if (steps) steps.push(first as Step)
        else this.#firsts.set(char, [first as Step])
      }
    }
  }

  /** The pattern that is in `text`; undefined: none is. */
  find(text: string): string | undefined {
    if (this.#firsts.size === 0) return undefined
    let now: [plain: Threads, spaced: Threads] = [new Map(), new Map()]
    for (const letter of readLetters(text)) {
      const then: typeof now = [new Map(), new Map()]
      let found: string | undefined
      const put = (step: Step, gaps: number) => {
        const threads = then[gaps > 0 ? 1 : 0]
        if (gaps > (threads.get(step) ?? INNER - 1)) threads.set(step, gaps)
      }
      const reach = (step: Step, gaps: number) => {
        if (!step.next && isWhole(step, gaps, letter)) found ??= step.word.pattern
        put(step, gaps)
      }
      for (const threads of now) for (const [step, gaps] of threads) goOn(step, gaps, letter, reach, put)
      this.#begin(letter, reach)
      if (found !== undefined) return found
      now = then
    }
    return undefined
  }

  #begin(letter: Letter, reach: (step: Step, gaps: number) => void): void {
    for (const char of letter.reads)
      for (const step of this.#firsts.get(char) ?? [])
        if (letter.isStart) reach(step, 0)
        else if (step.word.isOpenStart) reach(step, INNER)
  }
}

/** Where a thread can be after `letter`. */
function goOn(
  step: Step,
  gaps: number,
  letter: Letter,
  reach: (step: Step, gaps: number) => void,
  stay: (step: Step, gaps: number) => void,
): void {
  const { next } = step
  const paused = pause(gaps, letter.gap)
  if (next && meets(next.reads, letter.reads)) {
    const total = next.isAfterSpace ? gaps : paused
    if (total !== undefined) reach(next, total)
  }
  if (paused !== undefined && meets(step.reads, letter.reads)) reach(step, paused)
  if (letter.isSign || (next?.isAfterAny && letter.gap < 1)) stay(step, gaps)
}

/** Undefined: what began inside of a word is not spelled with pauses. */
function pause(gaps: number, gap: number): number | undefined {
  if (gap === 0) return gaps
  return gaps === INNER ? undefined : gaps + gap
}

function isWhole({ word, count }: Step, gaps: number, letter: Letter): boolean {
  if (gaps <= 0) return word.isOpenEnd || letter.isEnd
  return letter.isEnd && count <= LETTERS_PER_PIECE * (gaps + 1)
}

function meets(some: string, others: string): boolean {
  for (const char of some) if (others.includes(char)) return true
  return false
}

/** The word's first step; undefined without letters. */
function compile(pattern: string): Step | undefined {
  const trimmed = pattern.trim()
  const word = { pattern, isOpenStart: trimmed.startsWith('*'), isOpenEnd: trimmed.endsWith('*') }
  let first: Step | undefined
  let last: Step | undefined
  for (const part of trimmed.split('*'))
    for (const [index, { reads, gap }] of shortened(readLetters(part)).entries()) {
      const step: Step = {
        ...{ word, reads, count: (last?.count ?? 0) + 1, next: undefined },
        isAfterSpace: gap >= 1,
        isAfterAny: index === 0 && last !== undefined,
      }
      if (last) last.next = step
      first ??= step
      last = step
    }
  return first
}

/** Three of a letter and more are one, as in a text: nobody spells a word so. */
function shortened(letters: readonly Letter[]): Letter[] {
  const isRun = (index: number) =>
    index >= 0 &&
    letters[index]?.reads === letters[index + 1]?.reads &&
    letters[index]?.reads === letters[index + 2]?.reads
  return letters.filter((_, index) => !isRun(index - 1) && !isRun(index - 2))
}
