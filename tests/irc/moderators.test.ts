/** What moderators see and do by IRC, and what happens to those whom they put out. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { IrcServer } from '../../src/irc/irc-server.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createChannel, openPlatform, type TestPlatform } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { LineClient, openIrcServer, tokenOf } from './line-client.ts'

const TWITCH = 'twitch.tv/tags twitch.tv/commands'

type Somebody = { id: string; username: string; token: string }

let database: TestDatabase
let platform: TestPlatform
/** Where all clients come from one address, and where they come from another. */
let [irc, elsewhere]: IrcServer[] = []
let [owner, moderator, bob]: Somebody[] = []

beforeAll(async () => {
  database = await openTestDatabase('pglite')
  platform = await openPlatform(database.database)
  irc = openIrcServer(platform, { addressKey: () => '203.0.113.7' })
  elsewhere = openIrcServer(platform, { addressKey: () => '198.51.100.7' })
  const signUp = async (username: string) => ({ username, ...(await tokenOf(platform, username)) })
  ;[owner, moderator, bob] = [await signUp('olga'), await signUp('mona'), await signUp('bob')]
}, 30_000)

afterAll(async () => {
  await Promise.all([irc!.close(), elsewhere!.close()])
  await platform[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

async function room(): Promise<string> {
  const { slug } = await createChannel(platform.services, owner!.id)
  await platform.chat.rooms.moderation.setRole(owner!, slug, 'mona', 'moderator')
  return slug
}

async function joined(slug: string, who: Somebody, { port } = irc!): Promise<LineClient> {
  const client = await LineClient.signIn(port, who.token, TWITCH)
  await client.join(slug)
  return client
}

async function guestIn(slug: string, nick: string, { port } = irc!): Promise<LineClient> {
  const client = await LineClient.connect(port)
  client.send(`NICK ${nick}`)
  await client.until(/ 001 /)
  await client.join(slug)
  return client
}

test('moderators are told what is held, with its id, and decide upon it; others are told nothing of it', async () => {
  const slug = await room()
  await platform.chat.rooms.moderation.updateSettings(owner!, slug, { isFirstMessageHeld: true })
  using mona = await joined(slug, moderator!)
  using other = await joined(slug, bob!)
  other.send(`PRIVMSG #${slug} :may I?`)
  const line = await mona.until(/ NOTICE #\S+ :Held \(first_message\): <bob> may I\? /)
  const id = /target-msg-id=([\w-]{36})/.exec(line)![1]!
  expect(line).toContain('msg-id=held')
  expect(line).toContain(`/approve ${id} `)
  mona.send(`PRIVMSG #${slug} :.approve ${id}`)
  await mona.until(/^@\S*msg-id=reviewed\S* :sluice NOTICE .* was approved\.$/)
  await mona.until(/:bob!\S+ PRIVMSG #\S+ :may I\?$/)
  await other.settle()
  expect(other.lines.filter(each => /msg-id=reviewed|<bob>/.test(each))).toEqual([])

  await platform.chat.rooms.moderation.removeRole(owner!, slug, 'mona')
  await waitFor(() => mona.lines.filter(each => / USERSTATE /.test(each)).length > 1, {
    message: 'her new state',
  })
  using carol = await joined(slug, { username: 'carol', ...(await tokenOf(platform, 'carol')) })
  carol.send(`PRIVMSG #${slug} :and I?`)
  await carol.until(/waits for a moderator/)
  await mona.settle()
  expect(mona.lines.filter(each => each.includes('<carol>'))).toEqual([])
})

test('a guest is silenced, put out and let in again by the name that the chat shows', async () => {
  const slug = await room()
  await platform.chat.rooms.moderation.updateSettings(owner!, slug, { isSignedInOnly: false })
  using mona = await joined(slug, moderator!, elsewhere)
  using stranger = await guestIn(slug, 'justinfan5')
  stranger.send(`PRIVMSG #${slug} :buy my things`)
  const [, name] = /:(guest_[0-9a-f]{6})!\S+ PRIVMSG /.exec(await mona.until(/:buy my things$/))!
  await stranger.settle()
  // Its client shows by itself what it sends.
  expect(stranger.lines.filter(line => line.includes(':buy my things'))).toEqual([])
  mona.send(`PRIVMSG #${slug} :/timeout ${name} 600 spam`)
  expect(await mona.until(new RegExp(`CLEARCHAT #\\S+ :${name}`))).toContain('ban-duration=600')
  stranger.send(`PRIVMSG #${slug} :and more`)
  await stranger.until(/NOTICE #\S+ :You may speak again in/)
  mona.send(`PRIVMSG #${slug} :.untimeout ${name}`)
  await mona.until(/ may speak again\.$/)
  mona.send(`PRIVMSG #${slug} :/ban @${name}`)
  await stranger.until(/^:sluice KICK #\S+ justinfan5 :/)
  stranger.send(`JOIN #${slug}`)
  await stranger.until(/ 474 justinfan5 /)
  mona.send(`PRIVMSG #${slug} :/unban ${name}`, `PRIVMSG #${slug} :/ban guest_000000`)
  await mona.until(/No guest of this name has written here/)
  stranger.send(`JOIN #${slug}`)
  await stranger.until(/ 366 justinfan5 /)
})

test('a ban of an address range puts out guests and accounts who come from it, and no others', async () => {
  const slug = await room()
  using mona = await joined(slug, moderator!)
  using account = await joined(slug, bob!)
  using guest = await guestIn(slug, 'justinfan6')
  using far = await guestIn(slug, 'justinfan7', elsewhere)
  mona.send(`PRIVMSG #${slug} :/ban 203.0.113.0/24 bots`)
  await Promise.all([
    account.until(/^:sluice KICK #\S+ bob :/),
    guest.until(/^:sluice KICK #\S+ justinfan6 :/),
  ])
  guest.send(`JOIN #${slug}`)
  await guest.until(/ 474 justinfan6 /)
  for (const each of [far, mona]) {
    await each.settle()
    expect(each.lines.filter(line => line.includes(' KICK '))).toEqual([])
  }
  mona.send(`PRIVMSG #${slug} :.unban 203.0.113.0/24`)
  await mona.until(/is not banned any more/)
  guest.send(`JOIN #${slug}`)
  await guest.until(/ 366 justinfan6 /)
})

test('clients who do not read are dropped when they hold too much together, long before each holds too much', async () => {
  const slug = await room()
  await using small = openIrcServer(platform, { maxQueuedBytes: 64 * 1024 })
  const slow = await Promise.all(
    Array.from({ length: 10 }, (_, index) => guestIn(slug, `justinfan${index}`, small)),
  )
  using reader = await guestIn(slug, 'justinfan99', small)
  for (const each of slow) each.pause()
  const opened = await platform.chat.rooms.open(slug)
  const text = '👩🏽‍🚀'.repeat(430)
  let said = 0
  // The kernel takes some megabytes for each of them first.
  await waitFor(
    async () => {
      const event = { seq: 1, type: 'notice', code: 'x', text: `${++said} ${text}` } as const
      for (let n = 0; n < 100; n++) opened.tell(event)
      return small.connectionCount === 1
    },
    { message: 'the slow ones to be dropped', timeoutMs: 20_000, intervalMs: 20 },
  )
  opened.release()
  await reader.settle()
  for (const each of slow) each[Symbol.dispose]()
}, 30_000)
