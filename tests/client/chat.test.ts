/** The chat in a frontend: it comes back by itself, misses nothing, says nothing twice, and knows when to stop. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type ChatClient, type ChatOptions, createChat } from '../../src/client/chat/chat-client.ts'
import type { ChatError } from '../../src/client/chat/chat-requests.ts'
import { FakeRoom, fakeChat } from '../chat-socket/fake-chat.ts'
import { type Gateway, openGateway } from '../chat-socket/gateway.ts'
import { waitFor } from '../support/wait-for.ts'

let room: FakeRoom
let gateway: Gateway
let chat: ChatClient | undefined

beforeEach(() => {
  room = new FakeRoom('room')
  gateway = openGateway(fakeChat(room))
})
afterEach(() => {
  chat?.close()
  gateway[Symbol.dispose]()
})

/** As bob, with all texts that arrive. */
function open(options: Partial<ChatOptions> = {}) {
  const sockets: WebSocket[] = []
  const opened = createChat({
    url: gateway.url.replace('ws', 'http'),
    slug: 'room',
    ticket: async () => `bob@${options.slug ?? 'room'}`,
    retryMs: 20,
    createSocket: url => {
      const socket = new WebSocket(url)
      sockets.push(socket)
      return socket
    },
    ...options,
  })
  chat = opened
  const texts: string[] = []
  const states: string[] = []
  opened.on('message', ({ message }) => texts.push(message.text))
  opened.on('state', state => states.push(state))
  const isOpen = () =>
    waitFor(() => opened.state === 'open', { message: 'the chat to be open', intervalMs: 5 })
  return { chat: opened, texts, states, sockets, isOpen }
}

const say = (text: string) => room.add({ type: 'message', message: room.message(text) })
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'sent',
    (error: ChatError) => error.reason,
  )

test('says, is answered, and hears; the server’s refusals are errors with their reason', async () => {
  const { chat, texts, isOpen } = open()
  await isOpen()
  expect(chat.me).toMatchObject({ username: 'bob', isGuest: false })
  expect(await chat.send('hello')).toEqual({ id: 'message-1' })
  expect(await chat.send('/help')).toEqual({ text: 'did /help' })
  await waitFor(() => texts.length === 1, { message: 'the message' })
  expect(texts).toEqual(['hello'])
  chat.react('🔥')
  chat.react('🔥')
  await chat.send('after')
  expect(room.reactions).toEqual(['🔥'])
  const guest = open({ ticket: async () => undefined })
  await guest.isOpen()
  expect(await reasonOf(guest.chat.send('hi'))).toBe('chat_signed_in_only')
  guest.chat.close()
})

test('what was said while it was away is told when it is back, once', async () => {
  const { chat, texts, states, sockets, isOpen } = open()
  await isOpen()
  say('one')
  await waitFor(() => texts.length === 1, { message: 'the first' })
  for (let round = 0; round < 5; round++) {
    sockets.at(-1)?.close()
    say(`missed ${round}`)
    await waitFor(() => texts.length === 2 + round, { message: 'the missed one', intervalMs: 5 })
  }
  say('last')
  await waitFor(() => texts.at(-1) === 'last', { message: 'the last' })
  expect(texts).toEqual(['one', ...[0, 1, 2, 3, 4].map(round => `missed ${round}`), 'last'])
  expect(chat.seq).toBe(7)
  expect(states.slice(0, 3)).toEqual(['open', 'reconnecting', 'open'])
})

test('events that a server tells again are left out; a gap says that the history is to be read', async () => {
  for (let n = 1; n <= 10; n++) say(`old ${n}`)
  const ahead = open({ after: 12 })
  await ahead.isOpen()
  for (let n = 11; n <= 14; n++) say(`new ${n}`)
  await waitFor(() => ahead.texts.length === 2, { message: 'the new ones' })
  expect(ahead.texts).toEqual(['new 13', 'new 14'])
  ahead.chat.close()
  for (let n = 15; n <= 900; n++) say(`more ${n}`)
  const lost = open({ after: 3 })
  let gaps = 0
  lost.chat.on('gap', () => gaps++)
  await lost.isOpen()
  await waitFor(() => gaps === 1, { message: 'the gap' })
  say('now')
  await waitFor(() => lost.texts.length === 1, { message: 'what is said now' })
  expect(lost.texts).toEqual(['now'])
})

test('who is hidden sees their own messages', async () => {
  room.hidden.add('bob')
  const { chat, texts, isOpen } = open()
  await isOpen()
  say('from another')
  await chat.send('spam')
  await chat.send('more spam')
  await waitFor(() => texts.length === 3, { message: 'the messages' })
  expect(texts).toEqual(['from another', 'spam', 'more spam'])
})

test('messages under way are rejected when the connection is lost; too many at once too', async () => {
  room.storing = new Promise(() => {})
  const { chat, sockets, isOpen } = open()
  await isOpen()
  const sent = Array.from({ length: 25 }, (_, n) => reasonOf(chat.send(`text ${n}`)))
  expect(await Promise.all(sent.slice(20))).toEqual(Array(5).fill('busy'))
  sockets[0]?.close()
  expect(await Promise.all(sent.slice(0, 20))).toEqual(Array(20).fill('disconnected'))
  expect(await reasonOf(chat.send('while away'))).toBe('disconnected')
})

test('comes back to a server that was away, and gives up when it is banned or the channel is unknown', async () => {
  const { chat, isOpen, sockets, texts } = open()
  await isOpen()
  const { port } = gateway
  gateway[Symbol.dispose]()
  await waitFor(() => sockets.length > 2, { message: 'some attempts' })
  room = new FakeRoom('room')
  gateway = openGateway(fakeChat(room), { port })
  await isOpen()
  say('back')
  await waitFor(() => texts.includes('back'), { message: 'the first message after' })
  room.expel({ accountId: 'id-bob', reason: 'spam' })
  await waitFor(() => chat.state === 'closed', { message: 'the end' })
  expect(chat.refusal).toBe('banned')
  const nowhere = open({ slug: 'nowhere' })
  await waitFor(() => nowhere.chat.state === 'closed', { message: 'the end' })
  expect(nowhere.chat.refusal).toBe('no_channel')
})
