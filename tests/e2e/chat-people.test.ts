/** Who is there over two processes: people, each once however they came, and none of those of a process that died. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type ChatServer, listenByEvents, listenByIrc, listenBySocket } from '../support/chat-listeners.ts'
import { publish } from '../support/publisher.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, viewersOf } from './going-live.ts'
import { TwoServers } from './two-servers.ts'

let servers: TwoServers
let here: ChatServer
let there: ChatServer

beforeAll(async () => {
  servers = await TwoServers.open()
  here = servers.here
  there = servers.there
}, 120_000)

afterAll(() => servers?.[Symbol.asyncDispose](), 30_000)

test('one person counts once over both; those of a process that was killed are forgotten within 15 s', async () => {
  const channel = await here.sluice.createChannel('crowd')
  const { slug } = channel
  const publishUrl = `${there.sluice.rtmpUrl}/${channel.streamKey}`
  await using _publisher = await publish(publishUrl, { size: '320x180', bitrate: '200k', seconds: 60 })
  await goneLive({ ...channel, client: there.sluice.client })
  const counted = async () => {
    const { count, names } = await there.sluice.client.chat.chatters.query({ slug })
    return { viewers: await viewersOf(there.sluice, slug), chatters: count, names }
  }
  const untilCounted = async (expected: Awaited<ReturnType<typeof counted>>, timeoutMs: number) => {
    const message = `the counts to be ${JSON.stringify(expected)}`
    await waitFor(async () => Bun.deepEquals(await counted(), expected), { message, timeoutMs })
  }

  const page = await fetch(channel.pageUrl)
  const cookie = page.headers.getSetCookie().map(each => each.split(';')[0])[0]!
  expect(cookie).toStartWith('sluice_viewer=')
  const person = { headers: { cookie } }
  const playing = new AbortController()
  const { body } = await fetch(`${there.sluice.url}/flv/${slug}.flv`, { ...person, signal: playing.signal })
  const staying = servers.keep(await listenBySocket(there, slug, person))
  servers.keep(await listenBySocket(here, slug, person))
  servers.keep(await listenByEvents(here, slug, person))
  await waitFor(async () => (await there.sluice.metric('sluice_viewer_sessions')) === 1, {
    message: 'the player to be counted',
  })
  await untilCounted({ viewers: 1, chatters: 1, names: [] }, 10_000)

  const [frank, grace] = await Promise.all([servers.signUp('frank'), servers.signUp('grace')])
  servers.keep(await listenBySocket(here, slug))
  servers.keep(await listenByEvents(here, slug, frank))
  servers.keep(await listenByIrc(here, slug, frank))
  servers.keep(await listenBySocket(there, slug, grace))
  const names = [frank.username, grace.username].toSorted()
  servers.keep(await listenByIrc(there, slug))
  // The browser's owner, a guest at the page, Frank, Grace, a guest by IRC.
  await untilCounted({ viewers: 5, chatters: 5, names }, 10_000)
  const chattersOf = ({ sluice }: ChatServer) => sluice.metric('sluice_chatters')
  expect(await Promise.all(servers.both.map(chattersOf))).toEqual([3, 3])

  const other = await here.sluice.createChannel('other')
  const otherUrl = `${here.sluice.rtmpUrl}/${other.streamKey}`
  await using _other = await publish(otherUrl, { size: '320x180', bitrate: '200k', seconds: 60 })
  await goneLive({ ...other, client: there.sluice.client })
  here.sluice.kill('SIGKILL')
  const killedAt = performance.now()
  await untilCounted({ viewers: 3, chatters: 3, names: [grace.username] }, 15_000)
  await waitFor(() => Bun.deepEquals(staying.presence.at(-1), { viewers: 3, chatters: 3 }), {
    message: 'the room to be told of it',
  })
  const isListed = async () => (await viewersOf(there.sluice, other.slug)) !== undefined
  await waitFor(async () => !(await isListed()), {
    message: 'the stream of the other to be gone',
    timeoutMs: Math.max(1_000, 15_500 - (performance.now() - killedAt)),
  })
  playing.abort()
  await body?.cancel().catch(() => {})
}, 90_000)
