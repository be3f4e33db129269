/** IRC lines, read and written. */
import { expect, test } from 'bun:test'
import { formatMessage, type IrcMessage, parseMessage } from '../../src/irc/message.ts'

const both: { name: string; line: string; message: IrcMessage }[] = [
  {
    name: 'a last parameter with spaces',
    line: 'PRIVMSG #alice :hello all',
    message: { command: 'PRIVMSG', params: ['#alice', 'hello all'] },
  },
  {
    name: 'an empty last parameter',
    line: 'TOPIC #alice :',
    message: { command: 'TOPIC', params: ['#alice', ''] },
  },
  {
    name: 'a last parameter with colons',
    line: 'PRIVMSG #a ::-) : x',
    message: { command: 'PRIVMSG', params: ['#a', ':-) : x'] },
  },
  {
    name: 'a numeric with a prefix',
    line: ':sluice 001 bob :Welcome',
    message: { prefix: 'sluice', command: '001', params: ['bob', 'Welcome'] },
  },
  {
    name: 'tags with everything that is escaped',
    line: '@id=1;text=a\\:b\\sc\\\\d\\r\\n :bob!bob@bob PRIVMSG #a :x',
    message: {
      tags: { id: '1', text: 'a;b c\\d\r\n' },
      prefix: 'bob!bob@bob',
      command: 'PRIVMSG',
      params: ['#a', 'x'],
    },
  },
]

test.each(both)('$name', ({ line, message }) => {
  expect(parseMessage(line)).toEqual({ tags: undefined, prefix: undefined, ...message })
  expect(formatMessage(message)).toBe(`${line}\r\n`)
})

test.each([
  { line: 'join #a', params: ['#a'], command: 'JOIN' },
  { line: 'NICK   bob', params: ['bob'], command: 'NICK' },
  { line: 'CAP', params: [], command: 'CAP' },
  { line: `X ${'a '.repeat(14)}b c d`, params: [...Array(14).fill('a'), 'b c d'], command: 'X' },
])('what clients write otherwise: $line', ({ line, ...message }) => {
  expect(parseMessage(line)).toMatchObject(message)
})

test.each(['', ' ', ':', '@', '@a=b', ':prefix', '12 x', '\u0000', 'PRIV$ x'])(
  'what is no line: %p',
  line => {
    expect(parseMessage(line)).toBeUndefined()
  },
)

test('no parameter can smuggle in a second line', () => {
  const line = formatMessage({ command: 'NOTICE', params: ['a b', 'x\r\nQUIT\0'] })
  expect(line).toBe('NOTICE a_b :x  QUIT \r\n')
})

test('tags cannot reach the prototype of what holds them', () => {
  expect(parseMessage('@__proto__=1;a PING')?.tags).toEqual({ a: '' })
})
