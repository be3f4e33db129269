/** The chat by tRPC over HTTP: who says what, and who hears it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from 'node:net'
import sharp from 'sharp'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, publish, type TestPlatform } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'
import { channel, listen, type Message, type Page, person, reason } from './chat-room.ts'

let opened: TestDatabase
let platform: TestPlatform
let anybody: ApiCaller

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  platform = await openPlatform(opened.database)
  anybody = new ApiCaller(platform.url)
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

test('what is said is heard by all in one order, and read again', async () => {
  const { owner, slug } = await channel(platform.url)
  const fan = await person(platform.url)
  using one = listen(platform.url, slug)
  using two = listen(platform.url, slug)
  await Promise.all([one.isReady(), two.isReady()])
  const said = await owner.caller.mutate('chat.send', { slug, text: '  Hello\n everybody ' })
  expect(said.data).toMatchObject({
    outcome: 'sent',
    text: 'Hello everybody',
    author: { id: owner.account.id, username: owner.username, badges: ['owner'] },
    sentAt: expect.stringMatching(/Z$/),
    replyTo: null,
  })
  const { id } = said.data as Message
  await fan.caller.mutate('chat.send', { slug, text: `hi @${owner.username}`, replyTo: id })
  await Promise.all([one.hears(`hi @${owner.username}`), two.hears(`hi @${owner.username}`)])
  for (const { events, texts } of [one, two]) {
    expect(texts()).toEqual(['Hello everybody', `hi @${owner.username}`])
    const messages = events.filter(({ data }) => data.type === 'message')
    expect(messages.map(each => each.id)).toEqual(['1', '2'])
  }
  const page = (await anybody.query('chat.history', { slug })).data as Page
  expect(page).toMatchObject({
    seq: 2,
    items: [{ mentions: [owner.username], replyTo: { id } }, { id }],
  } as never)
  const first = (await anybody.query('chat.history', { slug, limit: 1 })).data as Page
  const second = (await anybody.query('chat.history', { slug, limit: 1, cursor: first.nextCursor }))
    .data as Page
  expect([...first.items, ...second.items].map(item => item.id)).toEqual(page.items.map(item => item.id))
  expect(second.nextCursor).toBeUndefined()
})

test('who is cut off and comes back has missed nothing, and hears nothing twice', async () => {
  const { owner, slug } = await channel(platform.url)
  using reader = listen(platform.url, slug)
  await reader.isReady()
  const say = (text: string) => owner.caller.mutate('chat.send', { slug, text })
  await say('one')
  await reader.hears('one')
  reader.opened[0]!.cut()
  await Promise.all([say('two'), say('three')])
  await reader.hears('three')
  await say('four')
  await reader.hears('four')
  expect(reader.texts().toSorted()).toEqual(['four', 'one', 'three', 'two'])
  using late = listen(platform.url, slug, {}, '1')
  await late.hears('four')
  expect(late.texts()).toHaveLength(3)
})

test('who may not come in is told before anything is streamed', async () => {
  using nowhere = listen(platform.url, 'no-such-channel')
  await waitFor(() => nowhere.errors.length > 0 || nowhere.opened[0]?.readyState === 2, {
    message: 'a refusal',
  })
  expect(nowhere.events).toEqual([])
  const { slug } = await channel(platform.url)
  const { text } = await anybody.query('chat.onMessage', { slug, lastEventId: '-1' })
  expect(text).toContain('input_invalid')
  expect(await reason(anybody.query('chat.history', { slug: 'no-such-channel' }))).toBe('channel_not_found')
  expect(await reason(anybody.query('chat.history', { slug, cursor: 'x' }))).toBe('cursor_invalid')
})

test('guests read, and speak where they are let', async () => {
  const { owner, slug } = await channel(platform.url)
  expect(await reason(anybody.mutate('chat.send', { slug, text: 'hi' }))).toBe('chat_signed_in_only')
  const change = await owner.caller.mutate('chat.updateSettings', { slug, isSignedInOnly: false })
  expect(change.data).toMatchObject({ isSignedInOnly: false, blockedWords: [] })
  expect((await anybody.mutate('chat.send', { slug, text: 'hi' })).data).toMatchObject({
    author: { id: null, username: expect.stringMatching(/^guest_/) },
  } as never)
  expect((await anybody.query('chat.room', { slug })).data).toMatchObject({
    seq: 1,
    settings: { isSignedInOnly: false },
    me: { isGuest: true, isModerator: false },
  })
})

test('texts that are no message are refused with the reason', async () => {
  const { owner, slug } = await channel(platform.url)
  const say = (text: string) => reason(owner.caller.mutate('chat.send', { slug, text }))
  expect(await say(' \u200b ')).toBe('chat_text_empty')
  expect(await say('x'.repeat(501))).toBe('chat_text_too_long')
  expect(await say('x'.repeat(20_000))).toBe('input_invalid')
  expect(await say('/dance')).toBe('chat_command_unknown')
  expect(await say('/timeout')).toBe('chat_command_malformed')
})

test('emotes are uploaded, listed, shown in messages, and served for ever', async () => {
  const { owner, slug, channelId } = await channel(platform.url)
  const fan = await person(platform.url)
  const picture = await sharp({ create: { width: 300, height: 300, channels: 4, background: '#0af' } })
    .png()
    .toBuffer()
  const upload = { channelId, code: 'wave', image: picture.toString('base64') }
  expect(await reason(fan.caller.mutate('chat.emotes.add', upload))).toBe('not_moderator')
  const { data } = await owner.caller.mutate('chat.emotes.add', upload)
  const { url, id } = data as { url: string; id: string }
  expect((await anybody.query('chat.emotes.list', { channelId })).data).toEqual({ items: [data] } as never)
  expect((await fan.caller.mutate('chat.send', { slug, text: ':wave: :none:' })).data).toMatchObject({
    emotes: [{ code: 'wave', url }],
  })
  const served = await fetch(`${platform.url}${url}`)
  expect(served.headers.get('content-type')).toBe('image/webp')
  expect(served.headers.get('cache-control')).toContain('immutable')
  expect(await sharp(await served.arrayBuffer()).metadata()).toMatchObject({ format: 'webp', width: 112 })
  for (const path of ['/emotes/x.webp', `/emotes/${Bun.randomUUIDv7()}.webp`, `/emotes/${id}`])
    expect((await fetch(`${platform.url}${path}`)).status).toBe(404)
  expect(await reason(owner.caller.mutate('chat.emotes.add', { ...upload, image: 'no base64!' }))).toBe(
    'input_invalid',
  )
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')
  const other = { channelId, code: 'other', image: svg }
  expect(await reason(owner.caller.mutate('chat.emotes.add', other))).toBe('emote_image_invalid')
  await owner.caller.mutate('chat.emotes.remove', { id })
  expect((await anybody.query('chat.emotes.list', { channelId })).data).toEqual({ items: [] })
})

test('likes count people, and reactions reach the room as sums', async () => {
  const { owner, slug, channelId } = await channel(platform.url)
  const { data } = await owner.caller.query('channels.streamKey', { channelId })
  const { stream } = await publish(platform, (data as { streamKey: string }).streamKey)
  const { id } = stream.identity
  using reader = listen(platform.url, slug)
  await reader.isReady()
  const viewer = (key: string) =>
    new ApiCaller(platform.url, { cookie: `sluice_viewer=${key.padEnd(22, 'x')}` })
  for (const caller of [owner.caller, viewer('one'), viewer('two'), viewer('two')])
    await caller.mutate('streams.like', { id })
  expect((await owner.caller.query('streams.get', { id })).data).toMatchObject({ likes: 3, isLiked: true })
  expect((await viewer('two').mutate('streams.unlike', { id })).data).toEqual({ likes: 2, isLiked: false })
  await Promise.all(
    Array.from({ length: 10 }, () => owner.caller.mutate('chat.react', { slug, reaction: '🔥' })),
  )
  const sums = () => reader.events.flatMap(({ data }) => (data.type === 'reactions' ? [data] : []))
  const total = () => sums().reduce((sum, { counts }) => sum + (counts['🔥'] ?? 0), 0)
  await waitFor(() => total() === 10 && sums().at(-1)?.likes === 2, { message: 'all reactions and likes' })
  expect(sums().length).toBeLessThan(10)
  expect(await reason(owner.caller.mutate('chat.react', { slug, reaction: 'x' }))).toBe('reaction_unknown')
  expect(await reason(anybody.mutate('streams.like', { id: Bun.randomUUIDv7() }))).toBe('stream_not_found')
})

test('a ticket is for who is signed in, for one channel', async () => {
  const { owner, slug } = await channel(platform.url)
  expect((await anybody.mutate('chat.ticket', { slug })).status).toBe(401)
  const { data } = await owner.caller.mutate('chat.ticket', { slug })
  const { ticket } = data as { ticket: string }
  const { tickets } = platform.chat
  expect(await tickets.check(ticket, slug)).toEqual({ id: owner.account.id, username: owner.username })
  await expect(tickets.check(ticket, 'another')).rejects.toMatchObject({ reason: 'ticket_invalid' })
  await expect(tickets.check(owner.accessToken, slug)).rejects.toMatchObject({ reason: 'ticket_invalid' })
  expect(
    (await new ApiCaller(platform.url, { authorization: `Bearer ${ticket}` }).query('auth.me')).status,
  ).toBe(401)
})

test('who is in the chat is counted and named', async () => {
  const { slug } = await channel(platform.url)
  const fan = await person(platform.url)
  using reader = listen(platform.url, slug, { authorization: `Bearer ${fan.accessToken}` })
  await reader.isReady()
  const chatters = async () =>
    (await anybody.query('chat.chatters', { slug })).data as { count: number; names: string[] }
  await waitFor(async () => (await chatters()).count === 1, { message: 'the reader to be counted' })
  expect(await chatters()).toEqual({ count: 1, names: [fan.username] })
  expect(platform.chat.tally.connections.sse).toBe(1)
  reader[Symbol.dispose]()
  await waitFor(() => platform.chat.tally.connections.sse === 0, { message: 'the reader to be gone' })
  await waitFor(async () => (await chatters()).count === 0, { message: 'nobody to be counted' })
})

test('a reader who takes nothing is dropped, and costs no memory without end', async () => {
  const { slug, channelId } = await channel(platform.url)
  const { tally, rooms } = platform.chat
  const input = encodeURIComponent(JSON.stringify({ slug }))
  const socket = connect(Number(new URL(platform.url).port), '127.0.0.1')
  socket.on('error', () => {}).pause()
  socket.write(`GET /trpc/chat.onMessage?input=${input} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  await waitFor(() => tally.connections.sse === 1, { message: 'the reader to be there' })
  const dropped = tally.droppedReaders
  const notice = { type: 'notice', code: 'test', text: 'x'.repeat(4_000) } as const
  const shout = () => {
    for (let n = 0; n < 200; n++) rooms.tell(channelId, notice)
    return tally.droppedReaders > dropped
  }
  await waitFor(shout, { message: 'the slow reader to be dropped', timeoutMs: 20_000 })
  expect(tally.connections.sse).toBe(0)
  let read = ''
  socket.on('data', bytes => (read = `${read.slice(-1_000)}${bytes}`)).resume()
  // A client comes back after this code.
  await waitFor(() => read.includes('SERVICE_UNAVAILABLE'), { message: 'the reader to be told' })
  socket.destroy()
}, 30_000)
