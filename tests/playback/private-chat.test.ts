/** The chat of a private channel is for its members alone, by every way in, and from the moment on when it becomes private. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type ApiClient, createClient, reasonOf } from '../../src/client/api-client.ts'
import { LineClient } from '../irc/line-client.ts'
import {
  type ChatServer,
  listenByAll,
  listenByIrc,
  listenBySocket,
  untilAll,
} from '../support/chat-listeners.ts'
import { freePort } from '../support/free-port.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'

let server: ChatServer
let channel: TestChannel
let anybody: ApiClient
let stranger: { api: ApiClient; token: string }
let member: { api: ApiClient; token: string; username: string }

beforeAll(async () => {
  const ircPort = await freePort()
  server = { sluice: await startSluice({ env: { IRC_PORT: String(ircPort) } }), ircPort }
  channel = await server.sluice.createChannel('ada')
  anybody = server.sluice.client
  stranger = await signUp('stranger')
  member = await signUp('member')
}, 60_000)
beforeEach(async () => {
  await setVisibility('public')
  await channel.client.chat.roles.set.mutate({ slug: 'ada', username: member.username, role: 'subscriber' })
})
afterAll(() => server.sluice.stop())

async function signUp(username: string) {
  const headers = { 'x-forwarded-for': `203.0.113.${username.length}` }
  const { accessToken: token } = await createClient({ url: server.sluice.url, headers }).auth.signUp.mutate({
    ...{ username, password: 'correct horse battery' },
  })
  return { api: createClient({ url: server.sluice.url, headers, accessToken: token }), token, username }
}

async function setVisibility(visibility: 'public' | 'unlisted' | 'private'): Promise<void> {
  await channel.client.channels.updateSettings.mutate({ channelId: channel.id, visibility })
}

const say = (api: ApiClient, text: string) => api.chat.send.mutate({ slug: 'ada', text })
const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    error => reasonOf(error) ?? 'unknown',
  )

test('who does not belong to it reads nothing, says nothing and does not hear who is there', async () => {
  await say(channel.client, 'said in public')
  await setVisibility('private')
  await say(channel.client, 'said among us')
  const slug = 'ada'
  for (const api of [anybody, stranger.api]) {
    const calls = {
      history: () => api.chat.history.query({ slug }),
      room: () => api.chat.room.query({ slug }),
      chatters: () => api.chat.chatters.query({ slug }),
      send: () => say(api, 'hello?'),
      react: () => api.chat.react.mutate({ slug, reaction: '🔥' }),
    }
    for (const [name, call] of Object.entries(calls))
      expect([name, await outcomeOf(call())]).toEqual([name, 'chat_members_only'])
  }
  expect(await outcomeOf(say(stranger.api, '/help'))).toBe('chat_members_only')
  const { items } = await member.api.chat.history.query({ slug })
  expect(items.map(({ text }) => text)).toContain('said among us')
  expect(await outcomeOf(say(member.api, 'here I am'))).toBe('ok')
  expect(await outcomeOf(member.api.chat.chatters.query({ slug }))).toBe('ok')
  await setVisibility('unlisted')
  expect(await outcomeOf(anybody.chat.history.query({ slug }))).toBe('ok')
})

test('nobody else gets in by WebSocket, events or IRC; members do', async () => {
  await setVisibility('private')
  for (const who of [{}, { token: stranger.token }]) {
    const socket = await listenBySocket(server, 'ada', who)
    expect([socket.client.state, socket.client.refusal]).toEqual(['closed', 'members_only'])
  }
  const events = await fetch(`${server.sluice.url}/trpc/chat.onMessage?input={"slug":"ada"}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${stranger.token}` },
  })
  expect(await events.text()).toContain('chat_members_only')
  using irc = await LineClient.signIn(server.ircPort, stranger.token)
  irc.send('JOIN #ada', 'PRIVMSG #ada :hello?')
  await irc.until(/ 473 \S+ #ada :/)
  await irc.until(/ 404 \S+ #ada :/)
  const members = await listenByAll(server, 'ada', { token: member.token })
  await say(channel.client, 'welcome')
  await untilAll(members.all, each => each.texts().includes('welcome'), { message: 'the members to hear' })
  for (const each of members.all) each.close()
})

test('who is there when it becomes private has to leave, and members stay', async () => {
  const guests = await Promise.all([
    listenByAll(server, 'ada'),
    listenByAll(server, 'ada', { token: stranger.token }),
  ])
  const members = await listenByAll(server, 'ada', { token: member.token })
  await say(channel.client, 'before')
  const everybody = [...guests.flatMap(each => each.all), ...members.all]
  await untilAll(everybody, each => each.texts().includes('before'), { message: 'everybody to hear' })
  await setVisibility('private')
  for (const { socket, irc, events } of guests) {
    await waitFor(() => socket.client.state === 'closed', { message: 'the WebSocket to be closed' })
    expect(socket.client.refusal).toBe('members_only')
    await irc.client.until(/ KICK #ada /)
    await waitFor(() => events.reader.errors.length > 0, { message: 'the events to end' })
    expect(reasonOf(events.reader.errors[0])).toBe('chat_members_only')
  }
  await say(channel.client, 'after')
  await untilAll(members.all, each => each.texts().includes('after'), { message: 'the members to hear' })
  for (const { all } of guests) for (const each of all) expect(each.texts()).not.toContain('after')
  for (const each of everybody) each.close()
})

test('who loses their role is a member no longer, and who gets one is from then on', async () => {
  await setVisibility('private')
  const [socket, irc] = [
    await listenBySocket(server, 'ada', { token: member.token }),
    await listenByIrc(server, 'ada', { token: member.token }),
  ]
  const sources = () => member.api.playback.sources.query({ slug: 'ada' })
  expect((await sources()).token).toBeDefined()
  await channel.client.chat.roles.remove.mutate({ slug: 'ada', username: member.username })
  await waitFor(() => socket.client.state === 'closed', { message: 'the WebSocket to be closed' })
  await irc.client.until(/ KICK #ada /)
  expect(await outcomeOf(say(member.api, 'am I out?'))).toBe('chat_members_only')
  expect(await outcomeOf(sources())).toBe('playback_forbidden')
  await channel.client.chat.roles.set.mutate({ slug: 'ada', username: member.username, role: 'vip' })
  expect(await outcomeOf(say(member.api, 'I am back'))).toBe('ok')
  expect(await outcomeOf(sources())).toBe('ok')
  irc.close()
})
