/** The moderators' commands, as they are typed in every way into the chat: `/timeout bob 600 spam`. */
import { isIP } from 'node:net'
import { AppError } from '../../errors.ts'

/** An account or a guest by name, or a range of addresses in CIDR form. */
export type CommandTarget = { readonly username: string } | { readonly addressRange: string }

type Grant = 'mod' | 'unmod' | 'vip' | 'unvip' | 'subscriber' | 'unsubscriber'

export type Command =
  | {
      readonly name: 'timeout'
      readonly username: string
      readonly seconds: number
      readonly reason: string | undefined
    }
  | { readonly name: 'ban'; readonly target: CommandTarget; readonly reason: string | undefined }
  | { readonly name: 'unban'; readonly target: CommandTarget }
  | { readonly name: 'shadowban'; readonly username: string; readonly reason: string | undefined }
  | { readonly name: 'untimeout' | 'unshadowban' | Grant; readonly username: string }
  | { readonly name: 'delete'; readonly messageId: string; readonly reason: string | undefined }
  | { readonly name: 'approve' | 'reject'; readonly messageId: string }
  | { readonly name: 'clear' | 'help' }
  /** 0: no slow mode. */
  | { readonly name: 'slow'; readonly seconds: number }
  /** Null: everybody may speak. */
  | { readonly name: 'followers'; readonly minutes: number | null }
  | { readonly name: 'signedin'; readonly isOn: boolean }
  | { readonly name: 'links'; readonly policy: 'allow' | 'hold' | 'refuse' }
  | { readonly name: 'block' | 'unblock'; readonly word: string }

export type CommandName = Command['name']

/** How each is typed; for help, and for who mistypes one. */
export const usages = {
  timeout: '/timeout NAME [DURATION] [REASON] (600, 10m, 1h, 7d; 10 minutes unless told)',
  untimeout: '/untimeout NAME',
  ban: '/ban NAME|ADDRESS-RANGE [REASON]',
  unban: '/unban NAME|ADDRESS-RANGE',
  shadowban: '/shadowban NAME [REASON]',
  unshadowban: '/unshadowban NAME',
  mod: '/mod NAME',
  unmod: '/unmod NAME',
  vip: '/vip NAME',
  unvip: '/unvip NAME',
  subscriber: '/subscriber NAME',
  unsubscriber: '/unsubscriber NAME',
  delete: '/delete MESSAGE-ID [REASON]',
  approve: '/approve MESSAGE-ID',
  reject: '/reject MESSAGE-ID',
  clear: '/clear',
  slow: '/slow DURATION|off (30 seconds unless told)',
  followers: '/followers [DURATION]|off (how long one must have followed)',
  signedin: '/signedin on|off',
  links: '/links allow|hold|refuse',
  block: '/block WORD (with * for any letters)',
  unblock: '/unblock WORD',
  help: '/help',
} as const satisfies Record<CommandName, string>

/** What people type who know them from elsewhere. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['to', '/timeout'],
  ['slowoff', '/slow off'],
  ['followersoff', '/followers off'],
  ['signedinoff', '/signedin off'],
  ['sub', '/subscriber'],
  ['unsub', '/unsubscriber'],
])

/** All that may stand behind the slash. */
export const COMMAND_WORDS: readonly string[] = [...Object.keys(usages), ...aliases.keys()]

const DEFAULT_TIMEOUT_SECONDS = 600
const MAX_TIMEOUT_SECONDS = 14 * 86_400
const DEFAULT_SLOW_SECONDS = 30
const MAX_SLOW_SECONDS = 3_600
const MAX_FOLLOWERS_MINUTES = 90 * 24 * 60
const MAX_REASON_CHARS = 200
const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const
const usernameForm = /^@?([a-z0-9_]{3,24})$/i
const idForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The command that `text` is; undefined when it is something to say, which is all that does not begin with a slash and
 * a letter. Throws `AppError` INVALID (`chat_command_unknown`, `chat_command_malformed`, with its usage).
 */
export function parseCommand(text: string): Command | undefined {
  const [, typed, rest = ''] = /^\/([a-z]\w*)(?: +(.*))?$/isu.exec(text.trim()) ?? []
  if (typed === undefined) return undefined
  const alias = aliases.get(typed.toLowerCase())
  if (alias !== undefined) return parseCommand(`${alias} ${rest}`)
  const name = typed.toLowerCase()
  if (!isCommandName(name))
    throw new AppError(
      'INVALID',
      'chat_command_unknown',
      `There is no command /${name.slice(0, 32)}. See /help.`,
    )
  const command = readers[name](rest.trim().split(/\s+/).filter(Boolean))
  if (!command) throw new AppError('INVALID', 'chat_command_malformed', `Usage: ${usages[name]}`)
  return command
}

/** Seconds of `600`, `90s`, `10m`, `1h`, `7d`, `2w`; undefined for anything else, and for more than `maxSeconds`. */
export function parseDuration(text: string, maxSeconds: number): number | undefined {
  const [, digits, unit] = /^(\d{1,9})([smhdw]?)$/i.exec(text) ?? []
  if (digits === undefined) return undefined
  const seconds = Number(digits) * unitSeconds[(unit?.toLowerCase() || 's') as keyof typeof unitSeconds]
  return seconds <= maxSeconds ? seconds : undefined
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(usages, name)
}

/** Undefined: not in the form that `usages` tells. */
type Read = (words: readonly string[]) => Command | undefined

const onName =
  (name: 'untimeout' | 'unshadowban' | Grant): Read =>
  ([word, ...rest]) => {
    const username = usernameOf(word)
    return username && rest.length === 0 ? { name, username } : undefined
  }

const onWord =
  (name: 'block' | 'unblock'): Read =>
  words => {
    const word = words.join(' ')
    return word && word.length <= 100 ? { name, word } : undefined
  }

const onHeld =
  (name: 'approve' | 'reject'): Read =>
  ([id, ...rest]) =>
    id && idForm.test(id) && rest.length === 0 ? { name, messageId: id.toLowerCase() } : undefined

const alone =
  (name: 'clear' | 'help'): Read =>
  words =>
    words.length === 0 ? { name } : undefined

const readers: Record<CommandName, Read> = {
  timeout: readTimeout,
  ban: ([word, ...reason]) => {
    const target = targetOf(word)
    return target && { name: 'ban', target, reason: reasonOf(reason) }
  },
  unban: ([word, ...rest]) => {
    const target = targetOf(word)
    return target && rest.length === 0 ? { name: 'unban', target } : undefined
  },
  shadowban: ([word, ...reason]) => {
    const username = usernameOf(word)
    return username ? { name: 'shadowban', username, reason: reasonOf(reason) } : undefined
  },
  untimeout: onName('untimeout'),
  unshadowban: onName('unshadowban'),
  mod: onName('mod'),
  unmod: onName('unmod'),
  vip: onName('vip'),
  unvip: onName('unvip'),
  subscriber: onName('subscriber'),
  unsubscriber: onName('unsubscriber'),
  delete: ([id, ...reason]) =>
    id && idForm.test(id)
      ? { name: 'delete', messageId: id.toLowerCase(), reason: reasonOf(reason) }
      : undefined,
  approve: onHeld('approve'),
  reject: onHeld('reject'),
  clear: alone('clear'),
  slow: readSlow,
  followers: readFollowers,
  signedin: ([word = 'on', ...rest]) =>
    /^(?:on|off)$/i.test(word) && rest.length === 0
      ? { name: 'signedin', isOn: word.toLowerCase() === 'on' }
      : undefined,
  links: ([word, ...rest]) => {
    const policy = (['allow', 'hold', 'refuse'] as const).find(each => each === word?.toLowerCase())
    return policy && rest.length === 0 ? { name: 'links', policy } : undefined
  },
  block: onWord('block'),
  unblock: onWord('unblock'),
  help: alone('help'),
}

/** A second word that begins with a digit is a duration, or a mistake: a reason it would hardly be. */
function readTimeout([word, ...rest]: readonly string[]): Command | undefined {
  const username = usernameOf(word)
  if (!username) return undefined
  const isTimed = /^\d/.test(rest[0] ?? '')
  const seconds = isTimed ? parseDuration(rest[0] ?? '', MAX_TIMEOUT_SECONDS) : DEFAULT_TIMEOUT_SECONDS
  if (!seconds) return undefined
  return { name: 'timeout', username, seconds, reason: reasonOf(isTimed ? rest.slice(1) : rest) }
}

function readSlow([word, ...rest]: readonly string[]): Command | undefined {
  if (rest.length > 0) return undefined
  if (word === undefined) return { name: 'slow', seconds: DEFAULT_SLOW_SECONDS }
  const seconds = word.toLowerCase() === 'off' ? 0 : parseDuration(word, MAX_SLOW_SECONDS)
  return seconds === undefined ? undefined : { name: 'slow', seconds }
}

/** Minutes without a unit, as elsewhere. */
function readFollowers([word, ...rest]: readonly string[]): Command | undefined {
  if (rest.length > 0) return undefined
  if (word?.toLowerCase() === 'off') return { name: 'followers', minutes: null }
  if (word === undefined) return { name: 'followers', minutes: 0 }
  const seconds = parseDuration(/^\d+$/.test(word) ? `${word}m` : word, MAX_FOLLOWERS_MINUTES * 60)
  return seconds === undefined ? undefined : { name: 'followers', minutes: Math.ceil(seconds / 60) }
}

function usernameOf(word: string | undefined): string | undefined {
  return usernameForm.exec(word ?? '')?.[1]?.toLowerCase()
}

function targetOf(word: string | undefined): CommandTarget | undefined {
  const addressRange = rangeOf(word ?? '')
  if (addressRange !== undefined) return { addressRange }
  const username = usernameOf(word)
  return username === undefined ? undefined : { username }
}

/** CIDR; a lone address is a range of itself, in IPv6 of the /64 that one customer has. */
function rangeOf(word: string): string | undefined {
  const [address = '', bits, ...rest] = word.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return undefined
  const [widest, whole, own] = version === 4 ? [8, 32, 32] : [16, 128, 64]
  if (bits === undefined) return `${address.toLowerCase()}/${own}`
  const isValid = /^\d{1,3}$/.test(bits) && Number(bits) >= widest && Number(bits) <= whole
  return isValid ? `${address.toLowerCase()}/${Number(bits)}` : undefined
}

function reasonOf(words: readonly string[]): string | undefined {
  return words.length === 0 ? undefined : words.join(' ').slice(0, MAX_REASON_CHARS)
}
