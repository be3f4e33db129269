/** What hostile clients do to a real server, while well-behaved people go on chatting and must not notice. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { ChatServer } from '../support/chat-listeners.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { openDescriptors, treeUsage } from '../support/process-tree.ts'
import { frame, PING, RawWebSocket, TEXT } from '../support/raw-web-socket.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { Crowd } from './chat-crowd.ts'
import { flood, shout, signUpShouters } from './chat-shouters.ts'
import { garbage, send } from './garbage-frames.ts'

const PEOPLE = 20
const FLOODERS = 200
const SLOW_READERS = 50
/** Of other addresses than the crowd's: connections are counted by address. */
const HOSTILE_ADDRESS = '127.0.0.2'

/** Of requests by `fetch`, and to the database. */
const KEPT_ALIVE = 40
/**
 * Of live memory there may be 64 MiB in the WebSockets' queues, 5 MiB in those of IRC, 8 MiB of events that wait for
 * event streams (shared by them all) and 20 MiB of recent events: 100 MiB, and as much again that is not collected yet,
 * and something on top. If what slow readers do not take were kept for them, it would be 1 GiB.
 */
const MAX_GROWTH_MIB = 256
/** What others wait for an answer, whatever happens. */
const MAX_ANSWER_MS = 2_000

let server: ChatServer
let channel: TestChannel
let crowd: Crowd
let calm: { rssMiB: number; sockets: number }
let peakMiB = 0
let sampler: Timer

const rssMiB = () => treeUsage(server.sluice.pid).rssMiB
const connections = (way: string) => server.sluice.metric(`sluice_chat_connections{way="${way}"}`)
/** Says what the server's memory is and what the others noticed, who must have been answered in time. */
function report(what: string): void {
  const [now, peak, slowest] = [rssMiB(), peakMiB, crowd.takeSlowest()].map(Math.round)
  const growth = Math.max(0, Math.round(peakMiB - (calm?.rssMiB ?? peakMiB)))
  console.log(
    `${what}: ${now} MiB now, ${peak} at the peak (${growth} more than before); ` +
      `the slowest answer to others took ${slowest} ms`,
  )
  expect(slowest).toBeLessThan(MAX_ANSWER_MS)
}

beforeAll(async () => {
  const ircPort = await freePort()
  const env = { DATABASE_URL: await createPostgresDatabase(), IRC_PORT: String(ircPort) }
  server = { sluice: await startSluice({ env }), ircPort }
  channel = await server.sluice.createChannel('busy')
  crowd = await Crowd.open(server, channel.slug, PEOPLE)
  await crowd.isUndisturbed()
  await crowd.isUndisturbed()
  calm = { rssMiB: rssMiB(), sockets: openDescriptors(server.sluice.pid).sockets }
  sampler = setInterval(() => {
    peakMiB = Math.max(peakMiB, rssMiB())
  }, 100)
  report('calm')
}, 120_000)

afterAll(async () => {
  clearInterval(sampler)
  crowd?.close()
  await server?.sluice.stop()
}, 30_000)

const chatUrl = () => `${server.sluice.url}/chat/${channel.slug}`
const hostile = (index: number) => ({
  localAddress: HOSTILE_ADDRESS,
  headers: { 'x-forwarded-for': `192.0.2.${index % 250}` },
})
const openHostile = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, index) => RawWebSocket.open(chatUrl(), hostile(index))))

/** A connection that says `first` and reads nothing. */
function mute(port: number, first: string | Uint8Array): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: HOSTILE_ADDRESS })
  socket.on('error', () => {}).pause()
  socket.write(first)
  return socket
}

const webPort = () => Number(new URL(server.sluice.url).port)

/** Writes `bytes` again and again, as fast as the server takes them. */
async function pour(
  sockets: readonly { write(bytes: Uint8Array): boolean }[],
  bytes: Uint8Array,
  ms: number,
) {
  const end = performance.now() + ms
  while (performance.now() < end) {
    for (const socket of sockets) for (let n = 0; n < 10 && socket.write(bytes); n++) {}
    await Bun.sleep(1)
  }
}

test('frames of garbage are refused, each on its own connection', async () => {
  for (const [what, make] of Object.entries(garbage)) {
    const sockets = await openHostile(5)
    const greeted = sockets.map(({ texts }) => texts)
    expect(greeted).not.toContain(0)
    for (const socket of sockets) for (let n = 0; n < 12; n++) socket.write(make())
    // Some mean nothing until more comes; all others are answered, or end the connection.
    const isOpenEnded = what === 'random bytes'
    const isAnswered = () =>
      sockets.every((each, index) => isOpenEnded || each.isClosed || each.texts > greeted[index]! + 8)
    await waitFor(isAnswered, { message: `an answer to ${what}` })
    for (const socket of sockets) socket[Symbol.dispose]()
  }
  report('garbage')
  await crowd.isUndisturbed()
}, 60_000)

test('a flood from 200 connections is answered for a while, then closed', async () => {
  // Guests may speak: what comes slowly enough is stored and told.
  await channel.client.chat.updateSettings.mutate({ slug: channel.slug, isSignedInOnly: false })
  const sockets = await openHostile(FLOODERS)
  // Half of them do not want to know.
  for (const each of sockets.slice(FLOODERS / 2)) each.pause()
  const requests = Buffer.concat(
    Array.from({ length: 20 }, (_, n) => frame(TEXT, send(`buy my things ${n}`.padEnd(400, '!')))),
  )
  await pour(sockets, requests, 4_000)
  report('flood')
  await onlyCrowdIsLeft()
  const reading = sockets.slice(0, FLOODERS / 2)
  await Promise.all(reading.map(each => each.closed))
  expect(new Set(reading.map(each => each.closeCode))).toEqual(new Set([4003]))
  for (const socket of sockets) socket[Symbol.dispose]()
  const pings = await openHostile(50)
  await pour(pings, Buffer.concat(Array.from({ length: 200 }, () => frame(PING, 'x'.repeat(100)))), 2_000)
  for (const socket of pings) socket[Symbol.dispose]()
  report('pings')
  await crowd.isUndisturbed()
}, 60_000)

test('accounts that flood by many connections and by IRC are kept to their rates, moderators too', async () => {
  const owner = channel.client
  const moderator = await flood(server, channel.slug, 'flooding_mod', owner)
  expect(moderator.count).toBeGreaterThanOrEqual(40)
  expect(moderator.count).toBeLessThanOrEqual(41 + moderator.seconds * 10)
  expect(moderator.reasons).toEqual(new Set(['rate_limited']))
  const bob = await flood(server, channel.slug, 'flooding_bob')
  expect(bob.count).toBeLessThanOrEqual(6 + (bob.seconds * 5) / 3)
  expect(bob.reasons).toContain('chat_flood')
  report('accounts')
  await onlyCrowdIsLeft()
  await crowd.isUndisturbed()
}, 60_000)

test('connections that come and go leave nothing behind; half of a request costs a connection alone', async () => {
  for (let round = 0; round < 20; round++) {
    const coming = Array.from({ length: 50 }, (_, index) => new RawWebSocket(chatUrl(), hostile(index)))
    // Some go before they are greeted.
    if (round % 2 === 0)
      await waitFor(() => coming.every(each => each.texts > 0), { message: 'the greeting' })
    for (const each of coming) each[Symbol.dispose]()
  }
  const halves = [
    'GET /chat/busy HTTP/1.1\r\nHost: a',
    'GET /chat/busy HTTP/1.1\r\n',
    'G',
    '\r\n',
    '\x16\x03\x01',
  ]
  const half = Array.from({ length: 100 }, (_, index) => mute(webPort(), halves[index % halves.length]!))
  const unread = ['no-such-channel', '%00', '..%2f..', 'x'.repeat(5_000)].map(
    slug => new RawWebSocket(`${server.sluice.url}/chat/${slug}`, hostile(1)),
  )
  await waitFor(() => unread.every(each => each.isClosed || each.status), { message: 'refusals' })
  for (const each of unread) each[Symbol.dispose]()
  report('churn')
  await crowd.isUndisturbed()
  for (const each of half) each.destroy()
  await onlyCrowdIsLeft()
}, 60_000)

test('IRC: who sends garbage, lines without end or floods is put out', async () => {
  const floods = [
    randomBytes(20_000),
    Buffer.alloc(60_000, 'x'),
    Buffer.from(`JOIN #busy\r\nPRIVMSG #busy :${'buy '.repeat(100)}\r\nNAMES #busy\r\n`.repeat(50)),
    Buffer.from('PING x\r\n'.repeat(100)),
  ]
  const sockets = floods.flatMap(bytes =>
    Array.from({ length: 10 }, (_, index) => {
      const socket = mute(server.ircPort, index % 2 === 0 ? 'NICK justinfan7\r\n' : '')
      if (index < 5) socket.resume()
      return { bytes, socket }
    }),
  )
  await Promise.all(sockets.map(({ bytes, socket }) => pour([socket], bytes, 3_000)))
  report('IRC')
  await onlyCrowdIsLeft()
  for (const { socket } of sockets) socket.destroy()
  await crowd.isUndisturbed()
}, 60_000)

/** The server counts no other connection any more, though clients may not have noticed. */
async function onlyCrowdIsLeft(): Promise<void> {
  const ways = ['websocket', 'sse', 'irc']
  const left = async () => Promise.all(ways.map(connections))
  await waitFor(async () => Bun.deepEquals(await left(), [PEOPLE, 1, 1]), {
    message: 'only the crowd to be left',
    timeoutMs: 30_000,
  }).catch(async () => expect(await left()).toEqual([PEOPLE, 1, 1]))
}

/** Some 8 KB, which is as much as a message can have. */
const longText = (n: number) => `${n} ${'👩🏽‍🚀'.repeat(430)}`

let rounds = 0

test('readers who do not read are dropped, and cost no more than their bounded queues', async () => {
  const droppedReaders = async () => (await server.sluice.metric('sluice_chat_dropped_readers_total'))!
  const droppedBefore = await droppedReaders()
  const input = encodeURIComponent(JSON.stringify({ slug: channel.slug }))
  const sockets = await openHostile(SLOW_READERS)
  for (const each of sockets) each.pause()
  const request = `GET /trpc/chat.onMessage?input=${input} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
  const events = Array.from({ length: SLOW_READERS }, () => mute(webPort(), request))
  const irc = Array.from({ length: 20 }, () => mute(server.ircPort, 'NICK justinfan8\r\nJOIN #busy\r\n'))
  await waitFor(async () => (await connections('irc')) === 21 && (await connections('sse')) === 51, {
    message: 'the readers to be there',
  })
  const shouters = await signUpShouters(server, channel)
  // The kernel alone takes some megabytes for each of them.
  await waitFor(
    async () => {
      // Faster than the server looks for slow readers, they are cut without a word.
      await Bun.sleep(50)
      const n = ++rounds * 1_000
      await shout(
        channel.slug,
        shouters,
        Array.from({ length: 20 }, (_, index) => longText(n + index)),
      )
      if (rounds % 10 === 0) report(`${rounds * 20} long messages`)
      return (await connections('websocket')) === PEOPLE && (await connections('sse')) === 1
    },
    { message: 'the readers to be dropped', timeoutMs: 60_000 },
  )
  await onlyCrowdIsLeft()
  expect(await droppedReaders()).toBeGreaterThanOrEqual(droppedBefore + SLOW_READERS)
  const returning = sockets.slice(0, 10)
  for (const each of returning) each.resume()
  await Promise.all(returning.map(each => each.closed))
  const codes = returning.map(each => each.closeCode)
  expect(codes).toContain(4002)
  // Who was cut before there was room for a close frame has no code.
  expect(codes.filter(code => code !== undefined && code !== 4002)).toEqual([])
  for (const each of [...events, ...irc]) each.destroy()
  for (const each of sockets) each[Symbol.dispose]()
  await crowd.isUndisturbed()
  report('slow readers')
}, 90_000)

test('after all of it, memory has stayed within what the queues may hold, and no connection is left', async () => {
  await onlyCrowdIsLeft()
  const { pid } = server.sluice
  await waitFor(() => openDescriptors(pid).sockets <= calm.sockets + KEPT_ALIVE, {
    message: 'the sockets to be closed',
    timeoutMs: 20_000,
  })
  report('after')
  expect(peakMiB - calm.rssMiB).toBeLessThan(MAX_GROWTH_MIB)
}, 30_000)
