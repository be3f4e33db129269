/** What can complete the word before the caret: names after `@`, emotes and emoji after `:`, commands after `/`. */
import { emoji } from './emoji.ts'
import { type SlashCommand, slashCommands } from './slash-commands.ts'

export interface Emote {
  readonly code: string
  readonly url: string
}

export interface Completion {
  readonly key: string
  /** Takes the word's place; a space follows. */
  readonly text: string
  readonly label: string
  readonly hint?: string
  readonly emoji?: string
  readonly imageUrl?: string
}

export interface CompletionSources {
  readonly names: readonly string[]
  readonly emotes: readonly Emote[]
  readonly isModerator: boolean
}

export interface Completing {
  /** Where the word begins. */
  readonly start: number
  readonly completions: readonly Completion[]
}

const MAX = 7

/** Undefined: there is nothing to complete. */
export function completionsAt(
  text: string,
  caret: number,
  sources: CompletionSources,
): Completing | undefined {
  const [, mark = '', word = ''] = /(?:^|\s)([@:/])([a-z0-9_]*)$/i.exec(text.slice(0, caret)) ?? []
  if (mark === '') return undefined
  const start = caret - word.length - 1
  const completions = find(mark, word.toLowerCase(), start === 0, sources)
  return completions.length > 0 ? { start, completions } : undefined
}

function find(mark: string, word: string, isFirst: boolean, sources: CompletionSources): Completion[] {
  if (mark === '@') return names(word, sources.names)
  if (mark === ':') return word.length >= 2 ? pictures(word, sources.emotes) : []
  return isFirst ? commands(word, sources.isModerator) : []
}

function names(word: string, known: readonly string[]): Completion[] {
  return best(word, known, name => name).map(name => ({ key: name, text: `@${name}`, label: name }))
}

function pictures(word: string, emotes: readonly Emote[]): Completion[] {
  const own = best(word, emotes, ({ code }) => code).map(({ code, url }) => ({
    ...{ key: `emote-${code}`, text: `:${code}:`, label: `:${code}:`, imageUrl: url },
  }))
  const common = best(word, emoji, ([, name]) => name).map(([character, name]) => ({
    ...{ key: `emoji-${name}`, text: character, label: `:${name}:`, emoji: character },
  }))
  return [...own, ...common].slice(0, MAX)
}

function commands(word: string, isModerator: boolean): Completion[] {
  const allowed = slashCommands.filter(command => isModerator || !command.isForModerators)
  return best(word, allowed, ({ name }: SlashCommand) => name).map(({ name, usage, hint }) => ({
    ...{ key: name, text: `/${name}`, label: `/${name}${usage && ` ${usage}`}`, hint },
  }))
}

/** Those that begin with the word before those that contain it. */
function best<T>(word: string, all: readonly T[], nameOf: (each: T) => string): T[] {
  const place = (each: T) => nameOf(each).toLowerCase().indexOf(word)
  const found = all.filter(each => place(each) >= 0)
  return [...found.filter(each => place(each) === 0), ...found.filter(each => place(each) > 0)].slice(0, MAX)
}
