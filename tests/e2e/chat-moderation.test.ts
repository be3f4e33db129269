/** Moderation over two processes, by every way in: shadow-bans, what is held, guests by name, and Redis away. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ChatServer } from '../support/chat-listeners.ts'
import { listenBySocket, untilAll } from '../support/chat-listeners.ts'
import { waitFor } from '../support/wait-for.ts'
import { historyOf, type Person, TwoServers } from './two-servers.ts'

let servers: TwoServers
let here: ChatServer
let there: ChatServer

beforeAll(async () => {
  servers = await TwoServers.open()
  here = servers.here
  there = servers.there
}, 120_000)

afterAll(() => servers?.[Symbol.asyncDispose](), 30_000)

/** What `who` finds after loading the page anew, oldest first. */
async function reloaded(who: Person, server: ChatServer, slug: string): Promise<string[]> {
  const { items } = await who.at(server).chat.history.query({ slug, limit: 100 })
  return items.map(item => item.text).reverse()
}

test('who is shadow-banned sees all of their own by every way, on both and after a reload; others see nothing', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('shadow')
  const [mallory, bob] = await Promise.all([servers.signUp('mallory'), servers.signUp('bob')])
  const own = [
    await servers.listenByAll(here, slug, mallory),
    await servers.listenByAll(there, slug, mallory),
  ]
  const others = [await servers.listenByAll(here, slug, bob), await servers.listenByAll(there, slug)]
  await mallory.at(here).chat.send.mutate({ slug, text: 'before' })
  await owner.chat.send.mutate({ slug, text: `/shadowban ${mallory.username} spam` })
  await bob.at(there).chat.send.mutate({ slug, text: 'a question' })

  await own[0]!.socket.client.send('by WebSocket')
  const sent = await mallory.at(there).chat.send.mutate({ slug, text: 'by tRPC' })
  expect(sent).toMatchObject({ outcome: 'sent', text: 'by tRPC', author: { username: mallory.username } })
  own[1]!.irc.client.send(`PRIVMSG #${slug} :by IRC`)
  const everything = ['before', 'a question', 'by WebSocket', 'by tRPC', 'by IRC']
  await untilAll(
    own.flatMap(each => each.all),
    each => each.texts().length === everything.length,
    { message: 'the author to hear all of it' },
  )
  for (const each of own.flatMap(({ all }) => all)) expect(each.texts()).toEqual(everything)
  await bob.at(here).chat.send.mutate({ slug, text: 'an answer' })
  await untilAll(
    [...own, ...others].flatMap(each => each.all),
    each => each.texts().at(-1) === 'an answer',
    { message: 'what is said next' },
  )
  for (const each of others.flatMap(({ all }) => all))
    expect(each.texts()).toEqual(['before', 'a question', 'an answer'])
  for (const server of servers.both) {
    expect(await reloaded(mallory, server, slug)).toEqual([...everything, 'an answer'])
    expect(await reloaded(bob, server, slug)).toEqual(['before', 'a question', 'an answer'])
    expect(await historyOf(server, slug)).toEqual(['before', 'a question', 'an answer'])
  }
  expect(own.flatMap(({ irc }) => irc.notices())).toEqual([])
}, 60_000)

test('what is held is told to moderators by every way and on both, with its id, and to nobody else', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('held')
  const [mona, bob] = await Promise.all([servers.signUp('mona'), servers.signUp('bob')])
  await owner.chat.roles.set.mutate({ slug, username: mona.username, role: 'moderator' })
  await owner.chat.updateSettings.mutate({ slug, isFirstMessageHeld: true })
  const moderators = [
    await servers.listenByAll(here, slug, mona),
    await servers.listenByAll(there, slug, mona),
  ]
  const others = await servers.listenByAll(there, slug, bob)
  const bySocket = moderators.map(({ socket }) => {
    const ids: string[] = []
    socket.client.on('held', ({ message }) => ids.push(message.id))
    return ids
  })
  const byEvents = ({ events }: (typeof moderators)[number]) =>
    events.reader.events.flatMap(({ data }) => (data.type === 'held' ? [data.message.id] : []))
  const byIrc = ({ irc }: (typeof moderators)[number]) =>
    irc.client.lines.flatMap(line => /msg-id=held;target-msg-id=([\w-]+) /.exec(line)?.[1] ?? [])
  const said = await bob.at(there).chat.send.mutate({ slug, text: 'my first' })
  expect(said).toMatchObject({ outcome: 'held' })
  const { items } = await mona.at(here).chat.held.list.query({ slug })
  const ids = items.map(({ message }) => message.id)
  expect(ids).toHaveLength(1)
  const told = () => [...bySocket, ...moderators.map(byEvents), ...moderators.map(byIrc)]
  await waitFor(() => told().every(each => Bun.deepEquals(each, ids)), { message: 'each to be told' }).catch(
    () => expect(told()).toEqual(Array(6).fill(ids)),
  )
  await mona.at(there).chat.held.approve.mutate({ slug, id: ids[0]! })
  await untilAll(
    [...others.all, ...moderators.flatMap(each => each.all)],
    each => each.texts().at(-1) === 'my first',
    { message: 'what was approved' },
  )
  expect([byEvents(others), byIrc(others)]).toEqual([[], []])
}, 60_000)

test('a guest is meant by name in the API and by WebSocket, too', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('guests')
  const mona = await servers.signUp('mona')
  await owner.chat.roles.set.mutate({ slug, username: mona.username, role: 'moderator' })
  await owner.chat.updateSettings.mutate({ slug, isSignedInOnly: false })
  const stranger = { headers: { 'x-forwarded-for': '198.18.7.7' } }
  const guest = servers.keep(await listenBySocket(there, slug, stranger))
  await guest.client.send('buy this')
  const username = guest.client.me!.username
  expect(username).toMatch(/^guest_/)
  await mona.at(here).chat.timeout.mutate({ slug, username, seconds: 600 })
  await waitFor(async () => (await guest.client.send('more').catch(reason)) === 'chat_timed_out', {
    message: 'the guest to be silent',
  })
  await mona.at(here).chat.untimeout.mutate({ slug, username })
  const socket = servers.keep(await listenBySocket(here, slug, mona))
  await socket.client.send(`/ban ${username}`)
  await waitFor(() => guest.client.refusal === 'banned', { message: 'the guest to be out', timeoutMs: 1_000 })
}, 60_000)

test('while Redis is away a ban closes what is connected to its own process at once', async () => {
  const { slug, client: owner } = await here.sluice.createChannel('alone')
  const [mallory, bob] = await Promise.all([servers.signUp('mallory'), servers.signUp('bob')])
  const own = await servers.listenByAll(here, slug, mallory)
  const far = await servers.listenByAll(there, slug, mallory)
  const others = await servers.listenByAll(here, slug, bob)
  await servers.redis.kill()
  await untilAll(others.all, each => each.notices().includes('degraded'), {
    message: 'the notice of the loss',
  })
  await owner.chat.ban.mutate({ slug, username: mallory.username })
  const isOut = ({ socket, events, irc }: typeof own) =>
    socket.client.refusal === 'banned' &&
    events.reader.errors.length > 0 &&
    irc.client.lines.some(line => line.includes(` KICK #${slug} `))
  await waitFor(() => isOut(own), { message: 'them to be out', timeoutMs: 1_000, intervalMs: 10 })
  await waitFor(() => isOut(far), { message: 'them to be out on the other as well', timeoutMs: 10_000 })
  await servers.redis.restart()
  await untilAll(others.all, each => each.notices().includes('restored'), { message: 'the return' })
}, 60_000)

const reason = (error: { reason: string }) => error.reason
