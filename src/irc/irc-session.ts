/** One IRC client: who it is, which rooms it is in, and what its commands do. Knows lines, and nothing of sockets. */
import { type Chatter, type Expulsion, type Room, type Standing, withSlash } from '../chat/chat.ts'
import type { ChatMessage, ModeratorEvent, RoomEvent } from '../chat/events.ts'
import { expelledBy } from '../chat/expulsion.ts'
import { AppError } from '../errors.ts'
import { CapabilitySet, negotiate } from './capabilities.ts'
import type { IrcRooms, Member } from './irc-room.ts'
import { formatMessage, fromServer, type IrcMessage, SERVER_NAME } from './message.ts'
import { OwnEcho } from './own-echo.ts'
import { type Identity, Registration, welcome } from './registration.ts'
import { answerRest, type RestAnswer } from './rest-answers.ts'
import { channelOf, moderatorLine, noticeLine, prefixOf, roomStateLine, userStateLine } from './room-lines.ts'

export interface IrcSessionOptions {
  readonly rooms: IrcRooms
  /** The account of an access token. */
  readonly identify: (accessToken: string) => Promise<{ id: string; username: string } | undefined>
  /** Who is in a channel's chat, at most `limit` names. */
  readonly names: (channelId: string, limit: number) => readonly string[] | Promise<readonly string[]>
  /** What a channel's chat is about: its title. */
  readonly topic: (slug: string) => Promise<string | undefined>
  /** Of the client: an IPv4 address or an IPv6 /64. */
  readonly address: string
  readonly send: (text: string) => void
  /** The client is told why, and disconnected. */
  readonly end: (reason: string) => void
}

interface Joined {
  readonly room: Room
  /** As the room calls this one. */
  readonly username: string
  isModerator: boolean
  readonly leave: () => void
  readonly echo: OwnEcho
}

const MAX_ROOMS = 20
const MAX_NAMES = 1_000
const NAMES_PER_LINE = 20
const channelForm = /^#([a-z0-9_-]{1,64})$/i

export class IrcSession implements Member {
  readonly capabilities = new CapabilitySet()
  readonly #options: IrcSessionOptions
  readonly #joined = new Map<string, Joined>()
  readonly #registration = new Registration()
  #identity: Identity | undefined
  #isClosed = false

  constructor(options: IrcSessionOptions) {
    this.#options = options
  }

  /** Carries out one line; the next may come when it has. Never rejects for what the client did. */
  async handle(message: IrcMessage): Promise<void> {
    if (message.command === 'QUIT') return this.#options.end('Bye.')
    if (message.command === 'PING')
      return this.#line(fromServer('PONG', [SERVER_NAME, message.params[0] ?? '']))
    if (message.command === 'CAP' && message.params[0]?.toUpperCase() !== 'END')
      this.#line(negotiate(message.params, this.#nick, this.capabilities))
    if (this.#identity) return this.#command(message)
    await this.#register(message)
  }

  /** Leaves every room. Idempotent. */
  close(): void {
    this.#isClosed = true
    for (const slug of [...this.#joined.keys()]) this.#leave(slug)
  }

  tell(room: Room, event: RoomEvent, text: string): void {
    if (text === '') return
    const joined = this.#joined.get(room.slug)
    if (event.type === 'presence') this.#options.send(this.#withoutOwn(text))
    else if (event.type === 'message' && joined && this.#isOwn(event.message, joined))
      joined.echo.receive(event.message.id, text)
    else this.#options.send(text)
  }

  expel(room: Room, expulsion: Expulsion): void {
    if (!expelledBy(expulsion)(this.chatter) || !this.#joined.has(room.slug)) return
    this.#line(fromServer('KICK', [channelOf(room), this.#nick, expulsion.reason]))
    this.#leave(room.slug)
  }

  tellModerator(room: Room, event: ModeratorEvent): void {
    if (this.#joined.get(room.slug)?.isModerator) this.#line(moderatorLine(event, room, this.capabilities))
  }

  async standingChanged(room: Room, accountId?: string): Promise<void> {
    if (accountId !== undefined && this.#account?.id !== accountId) return
    const standing = await room.enter(this.chatter).catch(error => this.#shutOut(room, error))
    const joined = this.#joined.get(room.slug)
    if (!standing || !joined) return
    joined.isModerator = standing.isModerator
    if (this.capabilities.has('twitch.tv/commands'))
      this.#line(userStateLine(standing, room, this.capabilities))
  }

  /** Who is banned hears of that by `expel`. */
  #shutOut(room: Room, error: unknown): undefined {
    if (!(error instanceof AppError) || error.reason !== 'chat_members_only') return
    if (!this.#joined.has(room.slug)) return
    this.#line(fromServer('KICK', [channelOf(room), this.#nick, error.message]))
    this.#leave(room.slug)
  }

  get isRegistered(): boolean {
    return this.#identity !== undefined
  }

  get #account(): Identity['account'] {
    return this.#identity?.account
  }

  get #nick(): string {
    return this.#identity?.nick ?? '*'
  }

  get chatter(): Chatter {
    const { address } = this.#options
    return {
      account: this.#account,
      address,
      viewerKey: this.#account ? `account:${this.#account.id}` : `irc:${this.#nick}:${address}`,
    }
  }

  async #register(message: IrcMessage): Promise<void> {
    const answer = await this.#registration.receive(message, this.#options.identify)
    if (!answer) return
    for (const line of answer.lines) this.#line(line)
    if (answer.outcome === 'refused') return this.#options.end(answer.reason)
    if (answer.outcome === 'registered') {
      this.#identity = answer.identity
      for (const line of welcome(answer.identity, this.capabilities)) this.#line(line)
    }
  }

  async #command({ command, params, tags }: IrcMessage): Promise<void> {
    const [first = '', second = ''] = params
    switch (command) {
      case 'PRIVMSG':
        return this.#say(first, second, tags?.['reply-parent-msg-id'] ?? tags?.['+draft/reply'])
      case 'JOIN':
        return this.#joinAll(first)
      case 'PART':
        for (const name of first.split(',')) this.#part(name)
        return
      case 'NAMES':
        return this.#names(first)
      case 'NICK':
        return first.toLowerCase() === this.#nick
          ? undefined
          : this.#reply('447', ['Your name is that of your account.'])
      case 'TOPIC':
        return this.#topic(first)
      default:
        return this.#answerRest(answerRest(command, first))
    }
  }

  #answerRest(answer: RestAnswer | undefined): void {
    if (answer) this.#reply(...answer)
  }

  async #joinAll(names: string): Promise<void> {
    for (const name of names.split(',').slice(0, MAX_ROOMS)) {
      const slug = channelForm.exec(name)?.[1]?.toLowerCase()
      if (slug === undefined) this.#reply('403', [name, 'Channels are called #slug.'])
      else if (this.#joined.size >= MAX_ROOMS)
        this.#reply('405', [name, `You can be in ${MAX_ROOMS} channels.`])
      else if (!this.#joined.has(slug)) await this.#join(slug)
    }
  }

  async #join(slug: string): Promise<void> {
    let standing: Standing
    let room: Room | undefined
    try {
      standing = await this.#options.rooms.join(slug, this, held => {
        room = held
        return held.enter(this.chatter)
      })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return this.#reply(joinRefusal(error), [`#${slug}`, error.message])
    }
    if (!room || this.#isClosed) return this.#options.rooms.leave(slug, this)
    const depart = room.arrive(this.chatter, standing.username)
    const leave = () => {
      depart()
      this.#options.rooms.leave(slug, this)
    }
    const { username, isModerator } = standing
    this.#joined.set(slug, { room, username, isModerator, leave, echo: new OwnEcho(this.#options.send) })
    this.#line({ prefix: prefixOf(this.#nick), command: 'JOIN', params: [channelOf(room)] })
    await this.#topic(channelOf(room))
    await this.#names(channelOf(room))
    if (!this.capabilities.has('twitch.tv/commands')) return
    this.#line(roomStateLine(room.settings, room, this.capabilities))
    this.#line(userStateLine(standing, room, this.capabilities))
  }

  /** Of this person, and not wanted back. */
  #isOwn({ author }: ChatMessage, { username }: Joined): boolean {
    if (this.capabilities.has('echo-message')) return false
    return author.id === (this.#account?.id ?? null) && author.username === username
  }

  #part(name: string): void {
    const joined = this.#joinedAs(name)
    if (!joined) return this.#reply('442', [name, 'You are not on that channel.'])
    this.#leave(joined.room.slug)
    this.#line({ prefix: prefixOf(this.#nick), command: 'PART', params: [name.toLowerCase()] })
  }

  #leave(slug: string): void {
    this.#joined.get(slug)?.leave()
    this.#joined.delete(slug)
  }

  async #say(target: string, raw: string, replyTo: string | undefined): Promise<void> {
    const joined = this.#joinedAs(target)
    if (!joined)
      return target.startsWith('#')
        ? this.#reply('404', [target, 'Join the channel first.'])
        : this.#reply('401', [target, 'There are no private messages here.'])
    const { room, echo } = joined
    const text = withSlash(withoutCtcp(raw))
    await echo.during(async () => {
      try {
        const said = await room.say(this.chatter, { text, replyTo })
        if (said.outcome === 'held' || said.outcome === 'done') this.#notice(room, said.outcome, said.text)
        else if (this.#account) await this.standingChanged(room, this.#account.id)
        if (said.outcome === 'sent') return said.message.message.id
        return said.outcome === 'hidden' ? said.message.id : undefined
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        this.#notice(room, error.reason, error.message)
        return undefined
      }
    })
  }

  async #topic(name: string): Promise<void> {
    const joined = this.#joinedAs(name)
    if (!joined) return this.#reply('442', [name, 'You are not on that channel.'])
    const topic = await this.#options.topic(joined.room.slug)
    this.#reply(topic ? '332' : '331', [name, topic ?? 'No topic is set.'])
  }

  async #names(name: string): Promise<void> {
    const joined = this.#joinedAs(name)
    const found = joined ? await this.#options.names(joined.room.channelId, MAX_NAMES) : []
    const names = joined && !found.includes(this.#nick) ? [this.#nick, ...found] : found
    for (let at = 0; at < names.length; at += NAMES_PER_LINE)
      this.#reply('353', ['=', name, names.slice(at, at + NAMES_PER_LINE).join(' ')])
    this.#reply('366', [name || '*', 'End of NAMES list'])
  }

  #joinedAs(name: string): Joined | undefined {
    const slug = channelForm.exec(name)?.[1]?.toLowerCase()
    return slug === undefined ? undefined : this.#joined.get(slug)
  }

  /** Its own coming and going was told when it happened. */
  #withoutOwn(text: string): string {
    const own = `:${prefixOf(this.#nick)} `
    return text
      .split(/(?<=\n)/)
      .filter(line => !line.startsWith(own))
      .join('')
  }

  #notice(room: Room, code: string, text: string): void {
    this.#line(noticeLine(room, code, text, this.capabilities))
  }

  #reply(numeric: string, params: readonly string[]): void {
    this.#line(fromServer(numeric, [this.#nick, ...params]))
  }

  #line(message: IrcMessage): void {
    this.#options.send(formatMessage(message))
  }
}

/** No such channel, invite only, banned, or unavailable. */
function joinRefusal({ kind, reason }: AppError): string {
  if (kind === 'NOT_FOUND') return '403'
  if (reason === 'chat_members_only') return '473'
  return kind === 'FORBIDDEN' ? '474' : '437'
}

/** CTCP's ACTION is what clients send for `/me`. */
function withoutCtcp(text: string): string {
  return text.startsWith('\u0001') ? text.replaceAll('\u0001', '').replace(/^ACTION /, '') : text
}
