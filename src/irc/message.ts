/** Hides the form of IRC lines: RFC 1459 section 2.3, with message tags of IRCv3. */

/** One line, in either direction. */
export interface IrcMessage {
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Who it comes from; clients need not say. */
  readonly prefix?: string | undefined
  /** Upper case, or three digits. */
  readonly command: string
  /** The last may hold spaces and be empty. */
  readonly params: readonly string[]
}

/** What the server calls itself. */
export const SERVER_NAME = 'sluice'

/** RFC 1459 section 2.3. */
const MAX_PARAMS = 15
const MAX_TAGS = 64
const lineForm = /^(?:@([^ ]*) +)?(?::([^ ]*) +)?([A-Za-z]{1,32}|\d{3})(?: +(.*))?$/s
const escapes: Readonly<Record<string, string>> = {
  ';': '\\:',
  ' ': '\\s',
  '\\': '\\\\',
  '\r': '\\r',
  '\n': '\\n',
}
const unescapes: Readonly<Record<string, string>> = { ':': ';', s: ' ', r: '\r', n: '\n' }

/** A line without its end; undefined for what is none. */
export function parseMessage(line: string): IrcMessage | undefined {
  const match = lineForm.exec(line)
  if (!match) return undefined
  const [, tags, prefix, command = '', rest = ''] = match
  return {
    tags: tags ? parseTags(tags) : undefined,
    prefix,
    command: command.toUpperCase(),
    params: parseParams(rest),
  }
}

/** The line, with its end. Line breaks and NUL in a parameter become spaces, so that none can be smuggled in. */
export function formatMessage({ tags, prefix, command, params }: IrcMessage): string {
  const parts = params.map((param, index) => {
    const text = param.replace(/[\r\n\0]/g, ' ')
    if (index < params.length - 1) return text.replaceAll(' ', '_') || '*'
    return index > 0 || /^$|^:| /.test(text) ? `:${text}` : text
  })
  const head = [tags && formatTags(tags), prefix && `:${prefix}`, command].filter(Boolean)
  return `${[...head, ...parts].join(' ')}\r\n`
}

/** A line of the server itself. */
export function fromServer(command: string, params: readonly string[]): IrcMessage {
  return { prefix: SERVER_NAME, command, params }
}

/** RFC 1459 section 2.3.1: one that starts with a colon runs to the end. */
function parseParams(text: string): string[] {
  const params: string[] = []
  let rest = text
  while (rest !== '') {
    if (rest.startsWith(':') || params.length === MAX_PARAMS - 1) {
      params.push(rest.replace(/^:/, ''))
      break
    }
    const end = rest.search(/ |$/)
    params.push(rest.slice(0, end))
    rest = rest.slice(end).replace(/^ +/, '')
  }
  return params
}

/** IRCv3 message tags: the last of the same name counts; an empty value is the same as none. */
function parseTags(text: string): Record<string, string> {
  const pairs = text.split(';', MAX_TAGS).map(pair => {
    const [name = '', ...value] = pair.split('=')
    return [name, value.join('=').replace(/\\(.?)/gs, (_, next: string) => unescapes[next] ?? next)] as const
  })
  return Object.fromEntries(pairs.filter(([name]) => name !== '' && name !== '__proto__'))
}

function formatTags(tags: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(tags).map(
    ([name, value]) => `${name}=${value.replace(/[; \\\r\n]/g, each => escapes[each] ?? each)}`,
  )
  return pairs.length > 0 ? `@${pairs.join(';')}` : ''
}
