/** One conversation over two processes: what is said, who is put out, and what Redis' absence costs. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createClient, reasonOf } from '../../src/client/api-client.ts'
import { listen } from '../api/chat-room.ts'
import {
  type ChatServer,
  listenByEvents,
  listenByIrc,
  listenBySocket,
  untilAll,
  type Who,
} from '../support/chat-listeners.ts'
import { waitFor } from '../support/wait-for.ts'
import { historyOf, TwoServers } from './two-servers.ts'

let servers: TwoServers
let here: ChatServer
let there: ChatServer

beforeAll(async () => {
  servers = await TwoServers.open()
  here = servers.here
  there = servers.there
}, 120_000)

afterAll(() => servers?.[Symbol.asyncDispose](), 30_000)

test('what is said by any way is heard by every way on both, once and in one order', async () => {
  const { slug } = await here.sluice.createChannel('order')
  const [alice, bob, carol] = await Promise.all([
    servers.signUp('alice'),
    servers.signUp('bob'),
    servers.signUp('carol'),
  ])
  const listeners = [
    ...(await servers.listenByAll(here, slug)).all,
    ...(await servers.listenByAll(there, slug)).all,
  ]
  const bySocket = servers.keep(await listenBySocket(here, slug, bob))
  const byIrc = servers.keep(await listenByIrc(here, slug, carol))
  const api = alice.at(here)
  const rounds = [0, 1, 2, 3]
  for (const round of rounds) {
    byIrc.client.send(`PRIVMSG #${slug} :IRC says ${round}`)
    await Promise.all([
      api.chat.send.mutate({ slug, text: `tRPC says ${round}` }),
      bySocket.client.send(`WebSocket says ${round}`),
    ])
  }
  const all = rounds.flatMap(round => ['IRC', 'tRPC', 'WebSocket'].map(way => `${way} says ${round}`))
  await untilAll(listeners, each => each.texts().length >= all.length, { message: 'everything to be heard' })
  const order = await historyOf(there, slug)
  expect(order.toSorted()).toEqual(all.toSorted())
  for (const each of listeners) expect(each.texts()).toEqual(order)
})

test('a ban on one puts out on the other within a second, and keeps out; a deletion is everywhere', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('moderated')
  const [dave, eve] = await Promise.all([servers.signUp('dave'), servers.signUp('eve')])
  const others = [
    ...(await servers.listenByAll(here, slug)).all,
    ...(await servers.listenByAll(there, slug)).all,
  ]
  const [socket, events, irc] = [
    servers.keep(await listenBySocket(there, slug, dave)),
    servers.keep(await listenByEvents(there, slug, dave)),
    servers.keep(await listenByIrc(there, slug, dave)),
  ]
  await socket.client.send('buy my things')
  const { id } = await socket.client.send('they are cheap')
  await eve.at(there).chat.send.mutate({ slug, text: 'no, thanks' })
  await untilAll(others, each => each.texts().length === 3, { message: 'the three messages' })

  await owner.chat.delete.mutate({ slug, id: id! })
  const withinASecond = { timeoutMs: 1_000, intervalMs: 10 }
  await untilAll(others, each => each.deleted().includes(id!), {
    ...withinASecond,
    message: 'the deletion to be told',
  })
  expect(await historyOf(there, slug)).toEqual(['buy my things', 'no, thanks'])

  await owner.chat.ban.mutate({ slug, username: dave.username, reason: 'spam' })
  const ways = () => ({
    socket: socket.client.refusal === 'banned',
    events: events.reader.errors.length > 0,
    irc: irc.client.lines.some(line => line.includes(` KICK #${slug} ${dave.username} `)),
  })
  await waitFor(() => !Object.values(ways()).includes(false), { ...withinASecond, message: 'the end' }).catch(
    () => expect(ways()).toEqual({ socket: true, events: true, irc: true }),
  )
  for (const server of servers.both) {
    await isKeptOut(server, slug, dave)
    await expect(dave.at(server).chat.send.mutate({ slug, text: 'I am back' })).rejects.toThrow('banned')
  }
  irc.client.send(`JOIN #${slug}`)
  await irc.client.until(/ 474 /)
  await eve.at(there).chat.send.mutate({ slug, text: 'much better' })
  await untilAll(others, each => each.texts().at(-1) === 'much better', { message: 'the others to hear on' })
}, 30_000)

test('a guest whose address range is banned on one is put out on the other; rules hold over both', async () => {
  const { slug, id: channelId, client: owner } = await here.sluice.createChannel('ruled')
  const [near, far] = ['198.18.5.7', '198.18.6.7'].map(each => ({ headers: { 'x-forwarded-for': each } }))
  const [socket, events] = [
    servers.keep(await listenBySocket(there, slug, near)),
    servers.keep(await listenByEvents(there, slug, near)),
  ]
  const neighbour = servers.keep(await listenBySocket(there, slug, far))
  await owner.chat.updateSettings.mutate({ slug, isSignedInOnly: false })
  await waitFor(() => socket.client.settings?.isSignedInOnly === false, { message: 'the new settings' })
  await socket.client.send('hello from a guest')
  await owner.chat.ban.mutate({ slug, addressRange: '198.18.5.0/24' })
  await waitFor(() => socket.client.refusal === 'banned' && events.reader.errors.length > 0, {
    message: 'the guest to be out',
    timeoutMs: 1_000,
    intervalMs: 10,
  })
  await isKeptOut(here, slug, near!)
  await neighbour.client.send('hello from the next street')

  const heidi = await servers.signUp('heidi')
  const say = (server: ChatServer, text: string) =>
    heidi
      .at(server)
      .chat.send.mutate({ slug, text })
      .then(() => 'said', reasonOf)
  await owner.chat.updateSettings.mutate({ slug, followersOnlyMinutes: 0, slowModeSeconds: 60 })
  await waitFor(() => neighbour.client.settings?.slowModeSeconds === 60, { message: 'the new settings' })
  expect(await say(there, 'may I?')).toBe('chat_followers_only')
  await heidi.at(here).channels.follow.mutate({ channelId })
  await waitFor(async () => (await say(there, 'now I may')) === 'said', { message: 'the follower to speak' })
  expect(await say(here, 'and here?')).toBe('chat_slow_mode')
}, 30_000)

/** By WebSocket and by server-sent events. */
async function isKeptOut(server: ChatServer, slug: string, { token, headers }: Who): Promise<void> {
  const socket = servers.keep(await listenBySocket(server, slug, { token, headers: headers ?? {} }))
  expect(socket.client.refusal).toBe('banned')
  using reader = listen(server.sluice.url, slug, {
    ...headers,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  })
  await waitFor(() => reader.errors.length > 0, { message: 'the refusal' })
  expect(reasonOf(reader.errors[0])).toBe('chat_banned')
  expect(reader.events).toEqual([])
}

/** Speaks all the time, a little less than half of what one account may on one server. */
function speaker(name: string, say: (text: string) => Promise<unknown>) {
  const acknowledged: string[] = []
  const failed: unknown[] = []
  let isSpeaking = true
  const run = async () => {
    for (let n = 0; isSpeaking; n++) {
      const text = `${name} ${n}`
      await say(text).then(
        () => acknowledged.push(text),
        error => failed.push(error),
      )
      await Bun.sleep(220)
    }
  }
  const done = run()
  const stop = async () => {
    isSpeaking = false
    await done
  }
  return { acknowledged, failed, stop }
}

test('Redis killed and started again mid-conversation: nothing acknowledged is lost, doubled or out of order', async () => {
  const channel = await here.sluice.createChannel('outage')
  const { slug } = channel
  const token = await servers.ownerToken(channel)
  const near = await servers.listenByAll(here, slug)
  const far = await servers.listenByAll(there, slug)
  const restless = servers.keep(await listenBySocket(there, slug))
  const listeners = [...near.all, ...far.all, restless]
  const speakers = (
    await Promise.all(
      servers.both.map(async (server, index) => {
        const { client } = servers.keep(await listenBySocket(server, slug, { token }))
        const api = createClient({ url: server.sluice.url, accessToken: token })
        return [
          speaker(`WebSocket ${index} says`, text => client.send(text)),
          speaker(`tRPC ${index} says`, text => api.chat.send.mutate({ slug, text })),
        ]
      }),
    )
  ).flat()
  const more = async (count: number) => {
    const goals = speakers.map(({ acknowledged }) => acknowledged.length + count)
    await waitFor(() => speakers.every(({ acknowledged }, index) => acknowledged.length >= goals[index]!), {
      message: `${count} more to be acknowledged on both`,
    })
  }
  await more(10)
  await servers.redis.kill()
  await untilAll(listeners, each => each.notices().includes('degraded'), {
    message: 'the notice of the loss',
  })
  await more(10)
  restless.cut()
  far.events.cut()
  await more(10)
  const soFar = speakers.flatMap(each => each.acknowledged)
  await untilAll(listeners, each => soFar.every(text => each.texts().includes(text)), {
    message: 'both to hear each other without Redis',
  })
  await servers.redis.restart()
  await more(10)
  restless.cut()
  near.events.cut()
  await untilAll(listeners, each => each.notices().includes('restored'), {
    message: 'the notice of the return',
    timeoutMs: 20_000,
  })
  await more(10)
  await Promise.all(speakers.map(({ stop }) => stop()))

  const order = await historyOf(here, slug)
  const acknowledged = speakers.flatMap(each => each.acknowledged)
  expect(speakers.flatMap(each => each.failed)).toEqual([])
  expect(order.toSorted()).toEqual(acknowledged.toSorted())
  await untilAll(listeners, each => each.texts().length >= order.length, { message: 'all to be heard' })
  for (const each of listeners) expect(each.texts()).toEqual(order)
  expect(restless.connections()).toBe(3)
}, 60_000)

test('Redis that hangs keeps nobody from speaking, and bans still cross', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('hanging')
  const ivan = await servers.signUp('ivan')
  const banned = await servers.listenByAll(there, slug, ivan)
  const listeners = [
    ...(await servers.listenByAll(here, slug)).all,
    ...(await servers.listenByAll(there, slug)).all,
  ]
  servers.redis.pause()
  await owner.chat.send.mutate({ slug, text: 'is anybody there?' })
  await owner.chat.ban.mutate({ slug, username: ivan.username })
  await untilAll(listeners, each => each.texts().length === 1 && each.notices().includes('degraded'), {
    message: 'the message and the notice of the loss',
  })
  await waitFor(() => banned.socket.client.refusal === 'banned', { message: 'the ban to have crossed' })
  servers.redis.resume()
  await untilAll(listeners, each => each.notices().includes('restored'), {
    message: 'the notice of the return',
  })
  await owner.chat.send.mutate({ slug, text: 'all of us' })
  await untilAll(listeners, each => each.texts().length > 1, { message: 'the second message' })
  for (const each of listeners) expect(each.texts()).toEqual(['is anybody there?', 'all of us'])
}, 60_000)
