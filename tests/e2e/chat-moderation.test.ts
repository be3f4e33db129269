/** Moderation over two processes, by every way in: what an author who is shadow-banned can find out. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ChatServer } from '../support/chat-listeners.ts'
import { untilAll } from '../support/chat-listeners.ts'
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
