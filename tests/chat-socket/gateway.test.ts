/** The chat's WebSocket: what is told to whom, who is let in, and what nobody can do to others. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { ChatSocketCounts } from '../../src/chat-socket/chat-sockets.ts'
import { waitFor } from '../support/wait-for.ts'
import { FakeRoom, fakeChat } from './fake-chat.ts'
import { type Gateway, openGateway, TestClient } from './gateway.ts'

let room: FakeRoom
let gateway: Gateway
let counts: ChatSocketCounts

beforeEach(() => {
  room = new FakeRoom('room')
  counts = { connections: { websocket: 0 }, deliveries: 0, droppedReaders: 0 }
  gateway = openGateway(fakeChat(room), {
    limits: { maxConnections: 40, maxConnectionsPerAddress: 30, counts },
  })
})
afterEach(() => gateway[Symbol.dispose]())

test('what one says all are told, in one order; the room is let go of with the last', async () => {
  const bob = await TestClient.join(gateway, 'bob')
  const guest = await TestClient.join(gateway)
  expect(bob.lines[0]).toMatchObject({
    ...{ type: 'hello', version: 1, slug: 'room', seq: 0 },
    me: { username: 'bob', isGuest: false },
    settings: { isSignedInOnly: true },
  })
  expect(guest.lines[0]).toMatchObject({ me: { username: 'guest_1', isGuest: true } })
  for (const [ref, text] of ['one', 'two', 'three'].entries()) bob.send({ type: 'send', ref, text })
  expect(await bob.next('ok', ({ ref }) => ref === 2)).toMatchObject({ id: 'message-3' })
  for (const client of [bob, guest]) {
    await waitFor(() => client.texts().length === 3, { message: 'three messages' })
    expect(client.texts()).toEqual(['one', 'two', 'three'])
    expect(client.lines.filter(line => 'message' in line && 'seq' in line).map(({ seq }) => seq)).toEqual([
      1, 2, 3,
    ])
  }
  expect(room.present).toEqual(['bob', 'guest_1'])
  expect(counts).toEqual({ connections: { websocket: 2 }, deliveries: 6, droppedReaders: 0 })
  bob.socket.close()
  guest.socket.close()
  await waitFor(() => room.listeners === 0, { message: 'the room to be let go of' })
  expect(room.present).toEqual([])
  expect(gateway.sockets.size).toBe(0)
  expect(counts.connections.websocket).toBe(0)
})

test('errors, commands, reactions and pings are answered to who asked', async () => {
  const bob = await TestClient.join(gateway, 'bob')
  const guest = await TestClient.join(gateway)
  guest.send({ type: 'send', ref: 'a', text: 'hi' })
  expect(await guest.next('error')).toMatchObject({ ref: 'a', reason: 'chat_signed_in_only' })
  bob.send({ type: 'send', ref: 'b', text: '/me waves' })
  expect(await bob.next('ok')).toMatchObject({ ref: 'b', text: 'did /me waves' })
  bob.send({ type: 'send', ref: 'c', text: 'bug' })
  expect(await bob.next('error')).toMatchObject({ ref: 'c', reason: 'internal' })
  bob.send({ type: 'react', reaction: '🔥' })
  bob.send({ type: 'react', reaction: 'x' })
  expect(await bob.next('error', ({ reason }) => reason === 'reaction_unknown')).toBeDefined()
  expect(room.reactions).toEqual(['🔥'])
  bob.send({ type: 'ping' })
  await bob.next('pong')
})

test('who comes back is not told what is kept no longer', async () => {
  const old = { ...room.message('old'), sentAt: '2026-01-01T00:00:00.000Z' }
  room.add({ type: 'message', message: old })
  room.add({ type: 'message', message: room.message('new') })
  await TestClient.join(gateway, 'bob')
  room.keptSince = Date.parse('2026-01-02')
  const resumed = await TestClient.join(gateway, 'bob', '?after=0')
  expect(await resumed.next('message')).toMatchObject({ message: { text: 'new' } })
})

test('who comes back is told what was missed, each event once, and nothing that was taken back', async () => {
  for (let n = 1; n <= 500; n++) room.add({ type: 'message', message: room.message(`old ${n}`) })
  const first = await TestClient.join(gateway, 'bob')
  expect(first.lines[0]).toMatchObject({ seq: 500 })
  expect(first.texts()).toEqual([])
  // 301 to 500 are remembered from before anybody was connected.
  const resumed = await TestClient.join(gateway, 'bob', '?after=497')
  expect(resumed.texts()).toEqual(['old 498', 'old 499', 'old 500'])
  room.add({ type: 'deleted', id: 'message-499' })
  await first.next('deleted')
  const later = await TestClient.join(gateway, 'bob', '?after=497')
  room.add({ type: 'message', message: room.message('new') })
  await waitFor(() => later.texts().includes('new'), { message: 'the new message' })
  expect(later.texts()).toEqual(['old 498', 'old 500', 'new'])
  expect(later.lines.map(({ seq }) => seq)).toEqual([501, 498, 500, 501, 502])
  const lost = await TestClient.join(gateway, 'bob', '?after=20')
  expect(lost.lines.map(({ type }) => type)).toEqual(['hello', 'gap'])
})

test('a ban closes all connections of the account, or of the addresses, and keeps them out', async () => {
  const bobs = [await TestClient.join(gateway, 'bob'), await TestClient.join(gateway, 'bob')]
  const eve = await TestClient.join(gateway, 'eve')
  room.expel({ accountId: 'id-bob', reason: 'spam' })
  for (const { closed } of bobs) expect(await closed).toEqual({ code: 4001, reason: 'spam' })
  eve.send({ type: 'ping' })
  await eve.next('pong')
  room.expel({ addressRange: '127.0.0.0/8', reason: 'range' })
  expect((await eve.closed).code).toBe(4001)
  room.banned.add('bob')
  const again = new TestClient(`${gateway.url}/chat/room`, { authorization: 'Bearer bob' })
  expect((await again.closed).code).toBe(4001)
  const nowhere = new TestClient(`${gateway.url}/chat/nowhere`)
  expect((await nowhere.closed).code).toBe(4004)
})

test('only moderators see what is held, from the moment they are one; who is hidden speaks to themselves', async () => {
  const held = (text: string) => ({ type: 'held' as const, message: room.message(text), reason: 'link' })
  const [ann, bob] = [await TestClient.join(gateway, 'ann'), await TestClient.join(gateway, 'bob')]
  room.tellModerators(held('before'))
  room.moderators.add('ann')
  room.changeStanding('id-ann')
  expect(await ann.next('me')).toMatchObject({ me: { isModerator: true } })
  room.tellModerators(held('after'))
  expect(await ann.next('held')).toMatchObject({ message: { text: 'after' } })
  room.moderators.delete('ann')
  room.changeStanding('id-ann')
  await ann.next('me', ({ me }) => (me as { isModerator: boolean }).isModerator === false)
  room.tellModerators(held('too late'))
  room.hidden.add('bob')
  const elsewhere = await TestClient.join(gateway, 'bob')
  bob.send({ type: 'send', ref: 1, text: 'spam' })
  expect(await bob.next('ok')).toMatchObject({
    id: await elsewhere.next('message').then(line => (line['message'] as { id: string }).id),
  })
  room.add({ type: 'message', message: room.message('last') })
  await waitFor(() => ann.texts().includes('last'), { message: 'the last message' })
  expect(ann.texts()).toEqual(['last'])
  expect(bob.texts()).toEqual(['spam', 'last'])
  expect(ann.lines.filter(({ type }) => type === 'held')).toHaveLength(1)
})

test('a cookie counts for pages of this origin alone; others come by ticket', async () => {
  const own = `http://127.0.0.1:${gateway.port}`
  const upgrade = async (query: string, headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/chat/room${query}`, {
      headers: { ...handshake, ...headers },
    })
    return { status: response.status, reason: response.status === 101 ? '' : await response.text() }
  }
  const cookie = 'session=bob'
  const foreign = { cookie, origin: 'https://evil.example' }
  expect(await upgrade('', foreign)).toEqual({ status: 403, reason: '{"reason":"cross_origin"}' })
  expect((await upgrade('', { cookie, origin: 'null' })).status).toBe(403)
  expect((await upgrade('', { ...foreign, authorization: 'Basic Ym9iOnNlY3JldA==' })).status).toBe(403)
  expect((await upgrade('?ticket=bob@elsewhere', foreign)).status).toBe(401)
  expect((await fetch(`${own}/chat/room`)).status).toBe(426)
  for (const [query, headers] of [
    ['', { cookie, origin: own }],
    ['', { cookie }],
    ['?ticket=bob@room', foreign],
    ['', { ...foreign, authorization: 'Bearer bob' }],
  ] as const) {
    const client = new TestClient(`${gateway.url}/chat/room${query}`, headers)
    expect(await client.next('hello')).toMatchObject({ me: { username: 'bob' } })
  }
})

const handshake = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

test('one address gets so many connections, and the ones it gives back', async () => {
  const clients = await Promise.all(Array.from({ length: 30 }, () => TestClient.join(gateway)))
  const refused = new TestClient(`${gateway.url}/chat/room`)
  expect((await refused.closed).code).toBe(1006)
  clients[0]?.socket.close()
  await waitFor(() => gateway.sockets.size === 29, { message: 'the connection to be given back' })
  await TestClient.join(gateway)
})

test('nonsense is answered, then closed with 4003; what is too big with 1009; others notice nothing', async () => {
  const eve = await TestClient.join(gateway, 'eve')
  const nonsense = [
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"type":"send","ref":{}}',
    '{"type":"send","text":7}',
    '\u0000',
  ]
  for (const frame of nonsense) eve.send(frame)
  await waitFor(() => eve.lines.length === 1 + nonsense.length, { message: 'an answer to each' })
  expect(eve.lines.at(-1)).toMatchObject({ reason: 'request_malformed' })
  for (let n = 0; n < 4; n++) eve.socket.send(new Uint8Array([1, 2, 3]))
  expect((await eve.closed).code).toBe(4003)

  const flood = await TestClient.join(gateway, 'bob')
  for (let n = 0; n < 1_000; n++) flood.send({ type: 'ping' })
  expect((await flood.closed).code).toBe(4003)
  expect(flood.lines.filter(({ type }) => type === 'pong').length).toBeLessThan(60)
  expect(flood.lines.filter(({ reason }) => reason === 'rate_limited').length).toBeLessThan(200)

  const big = await TestClient.join(gateway, 'bob')
  big.send('x'.repeat(9_000))
  expect((await big.closed).code).toBe(1009)
  const witness = await TestClient.join(gateway, 'ann')
  for (const frame of [
    [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
    [0x81, 0x02, 1, 2],
    [0xf1, 0x80, 0, 0, 0, 0],
    [0x81, 0xff, ...Array(12).fill(0x7f)],
  ])
    await endedBy(new Uint8Array(frame))
  witness.send({ type: 'ping' })
  await witness.next('pong')
})

/** Resolves when the server has closed a connection that sent these bytes. */
async function endedBy(bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(upgradeRequest)
  socket.once('data', () => socket.write(bytes))
  socket.on('error', () => {})
  socket.once('close', () => resolve())
  await promise
}

const upgradeRequest = [
  'GET /chat/room HTTP/1.1',
  ...Object.entries({ host: 'localhost', ...handshake }).map(([name, value]) => `${name}: ${value}`),
  '\r\n',
].join('\r\n')

test('at most four messages of one connection are stored at once: the next is told to wait', async () => {
  const stored = Promise.withResolvers<void>()
  room.storing = stored.promise
  const bob = await TestClient.join(gateway, 'bob')
  for (let ref = 1; ref <= 6; ref++) bob.send({ type: 'send', ref, text: `text ${ref}` })
  await bob.next('error', ({ ref }) => ref === 6)
  expect(bob.lines.filter(({ reason }) => reason === 'busy').map(({ ref }) => ref)).toEqual([5, 6])
  stored.resolve()
  await bob.next('ok', ({ ref }) => ref === 4)
})

test('who reads too slowly is closed and told to come back; others miss nothing', async () => {
  const slow = connect(gateway.port, '127.0.0.1')
  slow.write(upgradeRequest)
  await waitFor(() => gateway.sockets.size === 1, { message: 'the slow one' })
  slow.pause()
  const quick = await TestClient.join(gateway, 'bob')
  let said = 0
  const feeding = setInterval(() => {
    for (let n = 0; n < 40; n++)
      room.add({ type: 'message', message: room.message(`${++said} ${'x'.repeat(2_000)}`) })
  }, 50)
  await waitFor(() => gateway.sockets.size === 1, { timeoutMs: 25_000, message: 'the slow one to be closed' })
  clearInterval(feeding)
  expect(counts.droppedReaders).toBe(1)
  let last = Buffer.alloc(0)
  slow.on('data', (data: Buffer) => {
    last = Buffer.concat([last, data]).subarray(-20)
  })
  slow.resume()
  await waitFor(() => last.includes('too slow'), { message: 'the close frame' })
  // A close frame with ten bytes: 4002, and why (RFC 6455 5.5.1).
  expect([...last.subarray(-12, -8)]).toEqual([0x88, 10, 0x0f, 0xa2])
  await waitFor(() => quick.texts().length === said, { message: 'the quick one to have all' })
  expect(quick.lines.filter(line => line.type === 'message').map(({ seq }) => seq)).toEqual(
    Array.from({ length: said }, (_, index) => index + 1),
  )
  slow.destroy()
}, 40_000)

test('a server that stops says so', async () => {
  const bob = await TestClient.join(gateway, 'bob')
  gateway.sockets.close()
  expect((await bob.closed).code).toBe(1001)
  const late = new TestClient(`${gateway.url}/chat/room`)
  expect((await late.closed).code).toBe(1006)
})
