/** Two gateways on two instances of the chat: whoever is connected where, all see one conversation. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ChatService } from '../../src/chat/service.ts'
import { type ChatClient, createChat as createClient } from '../../src/client/chat/chat-client.ts'
import { channelWithOwner, chatter, createChat, TestWire } from '../chat/chats.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, type TestServices } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Gateway, openGateway } from './gateway.ts'

let opened: TestDatabase
let services: TestServices
let wire: TestWire
let chats: ChatService[]
let gateways: Gateway[]
const accounts = new Map<string, { id: string; username: string }>()
const clients: ChatClient[] = []

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  services = createServices(opened.database)
  wire = new TestWire()
  chats = [0, 1].map(() => createChat(opened.database, services, wire.end()))
  gateways = chats.map(chat => openGateway(chat, { account: name => accounts.get(name)! }))
}, 60_000)
afterAll(async () => {
  for (const client of clients) client.close()
  for (const gateway of gateways) gateway[Symbol.dispose]()
  await Promise.all(chats.map(chat => chat.close()))
  await opened[Symbol.asyncDispose]()
})

/** A client at one of the gateways, and all that it has seen. */
async function join(gateway: Gateway, slug: string, username: string | undefined) {
  const sockets: WebSocket[] = []
  const client = createClient({
    url: gateway.url.replace('ws', 'http'),
    slug,
    ticket: async () => (username === undefined ? undefined : `${username}@${slug}`),
    retryMs: 20,
    createSocket: url => {
      const socket = new WebSocket(url)
      sockets.push(socket)
      return socket
    },
  })
  clients.push(client)
  const seen: { seq: number; text: string }[] = []
  client.on('message', ({ seq, message }) => seen.push({ seq, text: message.text }))
  await waitFor(() => client.state === 'open', { message: 'the chat to be open' })
  return { client, seen, sockets }
}

test('one order for all, each event once, through lost texts on the bus and lost connections', async () => {
  const { owner, slug } = await channelWithOwner(services)
  accounts.set(owner.account.username, owner.account)
  const speakers = await Promise.all(gateways.map(gateway => join(gateway, slug, owner.account.username)))
  const restless = await join(gateways[1]!, slug, undefined)
  const dropping = setInterval(() => restless.sockets.at(-1)?.close(), 60)
  let lost = 0
  wire.loses = () => ++lost % 10 === 0
  const texts = Array.from({ length: 48 }, (_, n) => `message ${n}`)
  for (let at = 0; at < texts.length; at += 6)
    await Promise.all(texts.slice(at, at + 6).map((text, index) => speakers[index % 2]!.client.send(text)))
  clearInterval(dropping)
  wire.loses = () => false
  const all = [...speakers, restless]
  await waitFor(() => all.every(({ seen }) => seen.length >= texts.length), { message: 'all to have all' })
  const [first] = all
  expect(first!.seen.map(({ seq }) => seq)).toEqual(texts.map((_, index) => index + 1))
  expect(first!.seen.map(({ text }) => text).sort()).toEqual([...texts].sort())
  for (const { seen } of all) expect(seen).toEqual(first!.seen)
}, 30_000)

test('a ban by a command at one closes the account’s connections at the other, and keeps them out', async () => {
  const { owner, slug } = await channelWithOwner(services)
  const bob = await chatter(services)
  for (const { account } of [owner, bob]) accounts.set(account.username, account)
  const here = await join(gateways[0]!, slug, owner.account.username)
  const there = await join(gateways[1]!, slug, bob.account.username)
  await there.client.send('buy my things')
  await waitFor(() => here.seen.length === 1, { message: 'the message' })
  let expelled = ''
  here.client.on('expelled', ({ account }) => {
    expelled = account.username
  })
  await here.client.send(`/ban ${bob.account.username} spam`)
  await waitFor(() => there.client.state === 'closed', { message: 'the end' })
  expect(there.client.refusal).toBe('banned')
  await waitFor(() => expelled === bob.account.username, { message: 'the action to be shown' })
  const again = createClient({
    url: gateways[1]!.url.replace('ws', 'http'),
    slug,
    ticket: async () => `${bob.account.username}@${slug}`,
  })
  clients.push(again)
  await waitFor(() => again.state === 'closed', { message: 'the refusal' })
  expect(again.refusal).toBe('banned')
}, 30_000)
