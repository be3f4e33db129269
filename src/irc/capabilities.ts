/** What a client can ask for beyond RFC 1459 (IRCv3 and Twitch's own), and what lines look like for it. */

import { fromServer, type IrcMessage } from './message.ts'

const CAPABILITIES = [
  'message-tags',
  'server-time',
  'echo-message',
  'twitch.tv/tags',
  'twitch.tv/commands',
  'twitch.tv/membership',
] as const

type Capability = (typeof CAPABILITIES)[number]

/** Those of a client; two clients with the same `key` are sent the same lines. */
export class CapabilitySet {
  readonly #names = new Set<Capability>()

  has(name: Capability): boolean {
    return this.#names.has(name)
  }

  /** All or none of them: IRCv3 capability negotiation, `CAP REQ`; `-name` takes one away. */
  request(names: readonly string[]): boolean {
    if (!names.every(name => (CAPABILITIES as readonly string[]).includes(name.replace(/^-/, ''))))
      return false
    for (const name of names)
      if (name.startsWith('-')) this.#names.delete(name.slice(1) as Capability)
      else this.#names.add(name as Capability)
    return true
  }

  get list(): readonly Capability[] {
    return [...this.#names]
  }

  get key(): string {
    return CAPABILITIES.map(name => (this.#names.has(name) ? '1' : '0')).join('')
  }
}

/** The answer to `CAP SUBCOMMAND …` (IRCv3 capability negotiation); `nick`: `*` before it is known. */
export function negotiate(
  [subcommand = '', ...rest]: readonly string[],
  nick: string,
  caps: CapabilitySet,
): IrcMessage {
  const names = rest.at(-1)?.split(' ').filter(Boolean) ?? []
  switch (subcommand.toUpperCase()) {
    case 'LS':
      return fromServer('CAP', [nick, 'LS', CAPABILITIES.join(' ')])
    case 'LIST':
      return fromServer('CAP', [nick, 'LIST', caps.list.join(' ')])
    case 'REQ':
      return fromServer('CAP', [nick, caps.request(names) ? 'ACK' : 'NAK', names.join(' ')])
    default:
      return fromServer('410', [nick, subcommand, 'Invalid CAP command'])
  }
}
