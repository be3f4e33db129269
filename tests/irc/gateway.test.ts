/** The IRC gateway as plain clients and Twitch's bots see it, on the real chat. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ChatMessage } from '../../src/chat/events.ts'
import { COMMAND_WORDS } from '../../src/chat/rules/commands.ts'
import type { IrcServer, IrcServerOptions } from '../../src/irc/irc-server.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createChannel, openPlatform, type TestPlatform } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { LineClient, openIrcServer, tokenOf } from './line-client.ts'

const TWITCH = 'twitch.tv/tags twitch.tv/commands twitch.tv/membership'

let database: TestDatabase
let platform: TestPlatform
let irc: IrcServer
let alice: { id: string; token: string }
let bob: { id: string; token: string }

beforeAll(async () => {
  database = await openTestDatabase('pglite')
  platform = await openPlatform(database.database)
  irc = open({})
  alice = await tokenOf(platform, 'alice')
  bob = await tokenOf(platform, 'bob')
}, 30_000)

afterAll(async () => {
  await irc.close()
  await platform[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function open(options: Partial<IrcServerOptions>): IrcServer {
  return openIrcServer(platform, options)
}

async function room(): Promise<string> {
  return (await createChannel(platform.services, alice.id)).slug
}

/** Says it by another way than IRC. */
async function say(slug: string, by: { id: string }, username: string, text: string): Promise<ChatMessage> {
  const held = await platform.chat.rooms.open(slug)
  const said = await held.say(
    { account: { id: by.id, username }, address: '192.0.2.7', viewerKey: 'x' },
    { text },
  )
  held.release()
  if (said.outcome !== 'sent') throw new Error(said.outcome)
  return said.message.message
}

test('a plain client signs in with an access token, joins and is told who is there', async () => {
  const slug = await room()
  using client = await LineClient.connect(irc.port)
  client.send(
    'CAP LS 302',
    `PASS ${bob.token}`,
    'NICK Whoever',
    'USER w 0 * :W',
    'CAP REQ :server-time',
    'CAP END',
  )
  await client.until(/^:sluice 001 bob :Welcome, bob$/)
  expect(client.lines).toContain('CAP * ACK :server-time'.replace(/^/, ':sluice '))
  await client.join(slug)
  expect(client.lines).toContain(`:bob!bob@bob.sluice JOIN #${slug}`)
  expect(client.lines).toContain(`:sluice 332 bob #${slug} :Title of ${slug}`)
  expect(client.lines).toContain(`:sluice 353 bob = #${slug} :alice bob carol`)
})

test('what one says all others hear, and not the one who says it', async () => {
  const slug = await room()
  using one = await LineClient.signIn(irc.port, alice.token)
  using other = await LineClient.signIn(irc.port, bob.token)
  await Promise.all([one.join(slug), other.join(slug)])
  one.send(`PRIVMSG #${slug} :hello all`)
  await other.until(/^:alice!alice@alice\.sluice PRIVMSG #\S+ :hello all$/)
  await say(slug, alice, 'alice', 'from the page')
  await one.until(/:from the page$/)
  expect(one.lines.filter(line => line.includes('hello all'))).toEqual([])
})

test('a client that asks for echo-message hears itself, with the id of what it said', async () => {
  const slug = await room()
  using client = await LineClient.signIn(irc.port, bob.token, 'echo-message message-tags server-time')
  await client.join(slug)
  client.send(`PRIVMSG #${slug} :me too`)
  const line = await client.until(/PRIVMSG #\S+ :me too$/)
  const { items } = await platform.chat.rooms.history(slug, { limit: 1 })
  expect(line).toStartWith(`@msgid=${items[0]!.id};time=${items[0]!.sentAt} :bob!`)
})

test("Twitch's bots are told badges, ids, the room's state and their own", async () => {
  const slug = await room()
  using bot = await LineClient.signIn(irc.port, bob.token, TWITCH)
  await bot.join(slug)
  await bot.until(/ROOMSTATE #/)
  await bot.until(/USERSTATE #/)
  const message = await say(slug, alice, 'alice', 'hi :) ')
  const line = await bot.until(/PRIVMSG/)
  expect(line).toContain('badges=broadcaster/1;')
  expect(line).toContain(`;id=${message.id};`)
  expect(line).toContain(`;tmi-sent-ts=${Date.parse(message.sentAt)};`)
  expect(line).toContain(`;user-id=${alice.id} `)
})

test('an answer says what it answers, both ways', async () => {
  const slug = await room()
  using bot = await LineClient.signIn(irc.port, bob.token, TWITCH)
  await bot.join(slug)
  const question = await say(slug, alice, 'alice', 'how are you?')
  bot.send(`@reply-parent-msg-id=${question.id} PRIVMSG #${slug} :fine`)
  const { items } = await waitFor(
    async () => {
      const history = await platform.chat.rooms.history(slug, { limit: 5 })
      return history.items.length === 2 ? history : undefined
    },
    { message: 'the answer' },
  )
  expect(items[0]!.replyTo).toMatchObject({ id: question.id, username: 'alice', text: 'how are you?' })
  await say(slug, alice, 'alice', 'good')
})

test('moderation: a deletion, a timeout and a ban reach everybody, and who is banned is out', async () => {
  const slug = await room()
  using owner = await LineClient.signIn(irc.port, alice.token, TWITCH)
  using other = await LineClient.signIn(irc.port, bob.token)
  await Promise.all([owner.join(slug), other.join(slug)])
  const { id } = await say(slug, bob, 'bob', 'spam spam')
  owner.send(`PRIVMSG #${slug} :/delete ${id}`)
  expect(await owner.until(/CLEARMSG/)).toContain(`target-msg-id=${id}`)
  owner.send(`PRIVMSG #${slug} :.timeout bob 600 spam`)
  expect(await owner.until(/CLEARCHAT #\S+ :bob/)).toContain('ban-duration=600')
  await other.until(/NOTICE #\S+ :bob was timed out for 600 s/)
  other.send(`PRIVMSG #${slug} :let me speak`)
  await other.until(/NOTICE #\S+ :.*timed out/i)
  owner.send(`PRIVMSG #${slug} :/ban bob enough`)
  await other.until(/^:sluice KICK #\S+ bob :/)
  other.send(`JOIN #${slug}`)
  await other.until(/ 474 bob /)
})

test('a command that is typed with a dot is carried out or refused, and never said', async () => {
  const slug = await room()
  using other = await LineClient.signIn(irc.port, bob.token, TWITCH)
  await other.join(slug)
  using owner = await LineClient.signIn(irc.port, alice.token, TWITCH)
  await owner.join(slug)
  for (const word of COMMAND_WORDS) owner.send(`PRIVMSG #${slug} : .${word} 1`)
  const answers = () => owner.lines.filter(line => / NOTICE #/.test(line))
  await waitFor(() => answers().length === COMMAND_WORDS.length, { message: 'an answer to each' })
  for (const text of ['...to be continued', '.blocky', '.']) owner.send(`PRIVMSG #${slug} :${text}`)
  await other.until(/ PRIVMSG #\S+ :\.$/)
  const heard = other.lines.flatMap(line => / PRIVMSG #\S+ :(.*)$/.exec(line)?.[1] ?? [])
  expect(heard).toEqual(['...to be continued', '.blocky', '.'])
})

test('a guest reads, and is told why nothing can be said', async () => {
  const slug = await room()
  using guest = await LineClient.connect(irc.port)
  guest.send('NICK justinfan42')
  await guest.until(/ 001 justinfan42 /)
  await guest.join(slug)
  await say(slug, alice, 'alice', 'hello guests')
  await guest.until(/hello guests/)
  guest.send(`PRIVMSG #${slug} :hi`)
  await guest.until(/^:sluice NOTICE #\S+ :.*[Ss]ign/)
})

test('a wrong token is refused and the connection closed', async () => {
  using client = await LineClient.connect(irc.port)
  client.send('PASS oauth:nonsense', 'NICK bob')
  await client.until(/NOTICE \* :Login authentication failed/)
  await waitFor(() => client.isClosed, { message: 'the end' })
})

test.each([
  { line: 'JOIN #no-such-channel', answer: / 403 bob #no-such-channel / },
  { line: 'JOIN elsewhere', answer: / 403 bob elsewhere / },
  { line: 'PRIVMSG #elsewhere :x', answer: / 404 bob #elsewhere / },
  { line: 'PRIVMSG alice :psst', answer: / 401 bob alice / },
  { line: 'PART #elsewhere', answer: / 442 bob #elsewhere / },
  { line: 'WHO #a', answer: / 315 bob #a / },
  { line: 'MODE #a', answer: / 324 bob #a / },
  { line: 'FOO', answer: / 421 bob FOO / },
  { line: 'NICK alice', answer: / 447 bob / },
  { line: 'PING :a b', answer: /^:sluice PONG sluice :a b$/ },
])('$line is answered', async ({ line, answer }) => {
  using client = await LineClient.signIn(irc.port, bob.token)
  client.send(line)
  await client.until(answer)
})

test('bytes that are no text, lines without an end and empty ones disturb nobody', async () => {
  const slug = await room()
  using client = await LineClient.signIn(irc.port, bob.token)
  await client.join(slug)
  client.write(Buffer.from([0x50, 0xff, 0xfe, 0x0a, 0x0a, 0x0d, 0x0a]))
  await client.until(/INVALID_UTF8/)
  client.write(Buffer.alloc(40_000, 'x'))
  client.write(Buffer.from('\n'))
  await client.until(/ 417 /)
  client.send(`PRIVMSG #${slug} :still here`)
  await waitFor(async () => (await platform.chat.rooms.history(slug, { limit: 1 })).items.length === 1, {
    message: 'the message',
  })
})

test('a flood of lines ends its own connection, and no other', async () => {
  using flooder = await LineClient.signIn(irc.port, bob.token)
  using other = await LineClient.signIn(irc.port, alice.token)
  flooder.send(...Array<string>(500).fill('NAMES #a'))
  await waitFor(() => flooder.isClosed, { message: 'the end' })
  expect(flooder.lines.at(-1)).toBe('ERROR :Too many lines at once: send fewer.')
  await other.settle()
})

test('who says nothing for long is asked, and who does not answer is gone', async () => {
  await using impatient = open({ limits: { quietMs: 50, registerMs: 50 } })
  using silent = await LineClient.connect(impatient.port)
  await waitFor(() => silent.isClosed, { message: 'the end' })
  using client = await LineClient.signIn(impatient.port, bob.token)
  await client.until(/^PING sluice$/)
  await waitFor(() => client.isClosed, { message: 'the end' })
})

test('beyond the limit for one address a connection is closed at once, and a place is free again after one ends', async () => {
  await using small = open({ maxConnectionsPerAddress: 1 })
  const first = await LineClient.signIn(small.port, bob.token)
  using second = await LineClient.connect(small.port)
  await waitFor(() => second.isClosed, { message: 'the end' })
  first.send('QUIT')
  await waitFor(() => small.connectionCount === 0, { message: 'the place' })
  using third = await LineClient.signIn(small.port, bob.token)
  await third.settle()
})

test('a taken port is named together with IRC_PORT', () => {
  expect(() => open({ port: irc.port })).toThrow('IRC_PORT')
})

test('when the server stops, clients are told to come back', async () => {
  const stopping = open({})
  using client = await LineClient.signIn(stopping.port, bob.token)
  await Promise.all([stopping.close(), stopping.close()])
  await client.until(/^ERROR :.*come back/)
})
