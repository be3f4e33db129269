/** How an IRC client says who it is: RFC 1459's NICK and USER, Twitch's PASS and NICK, with or without CAP. */
import { randomInt } from 'node:crypto'
import type { CapabilitySet } from './capabilities.ts'
import { fromServer, type IrcMessage, SERVER_NAME } from './message.ts'

export interface Identity {
  /** Undefined: a guest. */
  readonly account: { readonly id: string; readonly username: string } | undefined
  readonly nick: string
}

/** What came of a line; nothing while more has to be said. */
export type Answer = { readonly lines: readonly IrcMessage[] } & (
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'registered'; readonly identity: Identity }
  | { readonly outcome: 'refused'; readonly reason: string }
)

const nickForm = /^[a-z_][a-z0-9_]{0,24}$/i
/** Twitch's name for who only reads. */
const anonymousForm = /^justinfan\d+$/
const BAD_TOKEN = 'The access token is wrong or has expired: PASS takes one from auth.signIn.'

export class Registration {
  #nick: string | undefined
  #token: string | undefined
  #hasUser = false
  /** From CAP LS to CAP END; bots for Twitch ask for its capabilities without either. */
  #isNegotiating = false

  /** `identify` finds the account of an access token. */
  async receive(
    { command, params: [first = ''] }: IrcMessage,
    identify: (accessToken: string) => Promise<Identity['account']>,
  ): Promise<Answer | undefined> {
    switch (command) {
      case 'CAP':
        if (first.toUpperCase() === 'LS') this.#isNegotiating = true
        if (first.toUpperCase() === 'END') this.#isNegotiating = false
        break
      case 'PASS':
        this.#token = first.replace(/^oauth:/i, '')
        break
      case 'NICK':
        if (!nickForm.test(first)) return this.#say('432', [first, 'Use the name of your account.'])
        this.#nick = first.toLowerCase()
        break
      case 'USER':
        this.#hasUser = true
        break
      default:
        return this.#say('451', ['Send PASS (an access token) and NICK first.'])
    }
    return this.#complete(identify)
  }

  async #complete(identify: (token: string) => Promise<Identity['account']>): Promise<Answer | undefined> {
    if (this.#nick === undefined || this.#isNegotiating) return undefined
    const isAnonymous = anonymousForm.test(this.#nick)
    if (!this.#hasUser && this.#token === undefined && !isAnonymous) return undefined
    if (!this.#token || isAnonymous) {
      const nick = isAnonymous ? this.#nick : `justinfan${randomInt(1e9)}`
      return { outcome: 'registered', identity: { account: undefined, nick }, lines: [] }
    }
    const account = await identify(this.#token)
    if (account) return { outcome: 'registered', identity: { account, nick: account.username }, lines: [] }
    const lines = [
      fromServer('NOTICE', ['*', 'Login authentication failed']),
      fromServer('464', [this.#nick, BAD_TOKEN]),
    ]
    return { outcome: 'refused', reason: BAD_TOKEN, lines }
  }

  #say(numeric: string, params: readonly string[]): Answer {
    return { outcome: 'waiting', lines: [fromServer(numeric, [this.#nick ?? '*', ...params])] }
  }
}

/** RFC 1459 section 6.2 and the ISUPPORT of its successors. */
export function welcome({ account, nick }: Identity, caps: CapabilitySet): IrcMessage[] {
  const reply = (numeric: string, ...params: string[]) => fromServer(numeric, [nick, ...params])
  const lines = [
    reply('001', account ? `Welcome, ${nick}` : 'Welcome. You are a guest: PASS takes an access token.'),
    reply('002', `Your host is ${SERVER_NAME}`),
    reply('003', 'This server is a way into the chat of live streams'),
    reply('004', SERVER_NAME, SERVER_NAME, 'i', 'nt'),
    reply(
      '005',
      'CHANTYPES=#',
      'PREFIX=(ov)@+',
      'CASEMAPPING=ascii',
      'NETWORK=Sluice',
      'UTF8ONLY',
      'are supported',
    ),
    reply('422', 'There is no message of the day.'),
  ]
  if (!account || !caps.has('twitch.tv/commands')) return lines
  const tags = { 'display-name': account.username, 'user-id': account.id }
  const state = fromServer('GLOBALUSERSTATE', [])
  return [...lines, caps.has('twitch.tv/tags') ? { ...state, tags } : state]
}
