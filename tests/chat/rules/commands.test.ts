/** Commands as people type them. */
import { describe, expect, test } from 'bun:test'
import { parseCommand, usages } from '../../../src/chat/rules/commands.ts'

const id = '01890a5d-ac96-774b-bcce-b302099a8057'

test.each([
  [
    '/timeout bob 600 spam and more',
    { name: 'timeout', username: 'bob', seconds: 600, reason: 'spam and more' },
  ],
  ['/timeout @Bob', { name: 'timeout', username: 'bob', seconds: 600 }],
  ['/TIMEOUT bob 10m', { name: 'timeout', username: 'bob', seconds: 600 }],
  ['/timeout bob 1h x', { name: 'timeout', username: 'bob', seconds: 3_600, reason: 'x' }],
  ['/timeout bob 7D', { name: 'timeout', username: 'bob', seconds: 604_800 }],
  ['/timeout bob be nice', { name: 'timeout', username: 'bob', seconds: 600, reason: 'be nice' }],
  ['/untimeout bob', { name: 'untimeout', username: 'bob' }],
  ['/ban bob', { name: 'ban', target: { username: 'bob' } }],
  ['/ban 192.0.2.7 bot net', { name: 'ban', target: { addressRange: '192.0.2.7/32' }, reason: 'bot net' }],
  ['/ban 192.0.2.0/24', { name: 'ban', target: { addressRange: '192.0.2.0/24' } }],
  ['/unban 2001:DB8::1', { name: 'unban', target: { addressRange: '2001:db8::1/64' } }],
  ['/shadowban bob ads', { name: 'shadowban', username: 'bob', reason: 'ads' }],
  [`/delete ${id}`, { name: 'delete', messageId: id }],
  [`/approve ${id.toUpperCase()}`, { name: 'approve', messageId: id }],
  ['/clear', { name: 'clear' }],
  ['/slow', { name: 'slow', seconds: 30 }],
  ['/slow 2m', { name: 'slow', seconds: 120 }],
  ['/slow off', { name: 'slow', seconds: 0 }],
  ['/slowoff', { name: 'slow', seconds: 0 }],
  ['/followers', { name: 'followers', minutes: 0 }],
  ['/followers 10', { name: 'followers', minutes: 10 }],
  ['/followers 1h', { name: 'followers', minutes: 60 }],
  ['/followers off', { name: 'followers', minutes: null }],
  ['/signedin off', { name: 'signedin', isOn: false }],
  ['/links hold', { name: 'links', policy: 'hold' }],
  ['/mod bob', { name: 'mod', username: 'bob' }],
  ['/block bad *words', { name: 'block', word: 'bad *words' }],
  ['/help', { name: 'help' }],
])('%j', (text, command) => {
  const parsed: unknown = parseCommand(text)
  expect(JSON.parse(JSON.stringify(parsed))).toEqual(command)
})

test.each(['hello', '', '/', '//', '/ timeout bob', ' 1/2', '/1', 'see /timeout', '/__proto__'])(
  '%j is something to say',
  text => {
    expect(parseCommand(text)).toBeUndefined()
  },
)

describe('refuses', () => {
  test.each([
    ...[
      '/timeout',
      '/timeout b',
      '/timeout bob 0',
      '/timeout bob 15d',
      '/timeout bob 10x',
      '/timeout bob 1.5h',
      '/ban',
    ],
    ...[
      '/ban 10.0.0.0/4',
      '/ban 192.0.2.0/33',
      '/ban 1.2.3',
      '/unban bob why',
      '/delete 7',
      '/clear now',
      '/slow fast',
    ],
    ...[
      '/slow 2h',
      '/followers 1y',
      '/signedin maybe',
      '/links',
      '/mod bob alice',
      '/block',
      '/timeout bob 99999999999',
    ],
  ])('%j and says how it goes', text => {
    const name = text.slice(1).split(' ')[0] as keyof typeof usages
    expect(() => parseCommand(text)).toThrow(
      expect.objectContaining({ reason: 'chat_command_malformed', message: `Usage: ${usages[name]}` }),
    )
  })

  test.each(['/dance', '/constructor', '/hasOwnProperty', `/${'x'.repeat(500)}`])('%j', text => {
    expect(() => parseCommand(text)).toThrow(expect.objectContaining({ kind: 'INVALID' }))
  })
})
