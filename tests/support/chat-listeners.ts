/** Somebody who listens to a room by each of the three ways in, and what they have heard. */
import { createClient } from '../../src/client/api-client.ts'
import { createChat } from '../../src/client/chat/chat-client.ts'
import { listen } from '../api/chat-room.ts'
import { LineClient } from '../irc/line-client.ts'
import type { Sluice } from './sluice.ts'
import { waitFor } from './wait-for.ts'

/** What a listener has heard so far, in order. */
export interface Listener {
  readonly way: string
  readonly texts: () => string[]
  /** Ids of messages that are not to be shown any more. */
  readonly deleted: () => string[]
  /** Codes of what is to be shown at once. */
  readonly notices: () => string[]
  readonly close: () => void
}

/** A server with its IRC gateway. */
export interface ChatServer {
  readonly sluice: Sluice
  readonly ircPort: number
}

export interface Who {
  /** Undefined: a guest. */
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
}

const CAPABILITIES = 'twitch.tv/tags twitch.tv/commands echo-message'

/** By WebSocket, as programs do it: by ticket. It comes back by itself. */
export async function listenBySocket(
  { sluice }: ChatServer,
  slug: string,
  { token, headers = {} }: Who = {},
) {
  const sockets: WebSocket[] = []
  const api = createClient({ url: sluice.url, headers, ...(token !== undefined && { accessToken: token }) })
  const ticket = async () =>
    token === undefined ? undefined : (await api.chat.ticket.mutate({ slug })).ticket
  const createSocket = (url: string) => {
    const socket = new WebSocket(url, { headers } as never)
    sockets.push(socket)
    return socket
  }
  const client = createChat({ ...{ url: sluice.url, slug, ticket, createSocket }, retryMs: 50 })
  const heard = { texts: [] as string[], deleted: [] as string[], notices: [] as string[] }
  const presence: { viewers: number; chatters: number }[] = []
  client.on('message', ({ message }) => heard.texts.push(message.text))
  client.on('deleted', ({ id }) => heard.deleted.push(id))
  client.on('notice', ({ code }) => heard.notices.push(code))
  client.on('presence', ({ viewers, chatters }) => presence.push({ viewers, chatters }))
  await waitFor(() => client.state === 'open' || client.state === 'closed', { message: 'the WebSocket' })
  return {
    ...{ way: 'WebSocket', client, presence, close: () => client.close() },
    ...{ texts: () => heard.texts, deleted: () => heard.deleted, notices: () => heard.notices },
    /** As a network does it. */
    cut: () => (sockets.at(-1) as WebSocket & { terminate(): void }).terminate(),
    /** How often it has connected. */
    connections: () => sockets.length,
  }
}

/** By server-sent events, with the typed client. It comes back by itself. */
export async function listenByEvents({ sluice }: ChatServer, slug: string, { token, headers }: Who = {}) {
  const reader = listen(sluice.url, slug, {
    ...headers,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  })
  await reader.isReady()
  const heard = <T>(pick: (event: (typeof reader.events)[number]['data']) => T | undefined) =>
    reader.events.flatMap(({ data }) => pick(data) ?? [])
  return {
    ...{ way: 'SSE', texts: reader.texts, close: () => reader[Symbol.dispose]() },
    deleted: () => heard(event => (event.type === 'deleted' ? event.id : undefined)),
    notices: () => heard(event => (event.type === 'notice' ? event.code : undefined)),
    cut: () => reader.opened.at(-1)?.cut(),
    reader,
  }
}

/** By IRC, as Twitch's bots do it. */
export async function listenByIrc({ ircPort }: ChatServer, slug: string, { token }: Who = {}) {
  const irc = token === undefined ? await LineClient.connect(ircPort) : undefined
  irc?.send(`CAP REQ :${CAPABILITIES}`, 'NICK justinfan123')
  const client = irc ?? (await LineClient.signIn(ircPort, token!, CAPABILITIES))
  await client.until(/ 422 /)
  await client.join(slug)
  const heard = (form: RegExp) => client.lines.flatMap(line => form.exec(line)?.[1] ?? [])
  return {
    ...{ way: 'IRC', client, close: () => client[Symbol.dispose]() },
    texts: () => heard(/ PRIVMSG #\S+ :(.*)$/),
    deleted: () => heard(/^@\S*target-msg-id=([\w-]+)\S* \S+ CLEARMSG /),
    notices: () => heard(/^@msg-id=(\w+) \S+ NOTICE #/),
  }
}

/** One by each way. */
export async function listenByAll(server: ChatServer, slug: string, who: Who = {}) {
  const [socket, events, irc] = await Promise.all([
    listenBySocket(server, slug, who),
    listenByEvents(server, slug, who),
    listenByIrc(server, slug, who),
  ])
  return { socket, events, irc, all: [socket, events, irc] as readonly Listener[] }
}

/** Waits until each of them shows it; the error says which of them did not. */
export async function untilAll(
  listeners: readonly Listener[],
  isTrue: (listener: Listener) => boolean,
  options: { message: string; timeoutMs?: number },
): Promise<void> {
  const missing = () =>
    listeners.flatMap((each, index) =>
      isTrue(each) ? [] : [`${each.way} ${index}: ${each.texts().slice(-3).join(' | ')}`],
    )
  let left = missing()
  await waitFor(
    () => {
      left = missing()
      return left.length === 0
    },
    { intervalMs: 10, ...options },
  ).catch(cause => {
    throw new Error(`${options.message}: not for ${left.join('; ')}`, { cause })
  })
}
