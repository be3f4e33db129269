/**
 * The same crowd by Socket.IO's own client library: `bun library-crowd.ts KIND PORT`, commands on standard input. Each of its
 * connections decodes each message.
 */
import { io, type Socket } from 'socket.io-client'
import { obey } from '../load-process.ts'
import { CONNECT_MS, connectAll, now, quantiles, SENDERS, STAMP, speak, untilQuiet } from './rounds.ts'

/** Delays of the first of them and of each one so much later are kept. */
const TIME_ONE_OF = 49

const port = Number(Bun.argv[3])
const members: Socket[] = []
let heard: number[] = []
let delays: number[] = []
let lastAt = 0

async function join(): Promise<void> {
  const socket = io(`http://127.0.0.1:${port}`, {
    ...{ transports: ['websocket'], auth: { token: 'viewer' }, forceNew: true, reconnection: false },
    timeout: CONNECT_MS,
  })
  const number = members.push(socket) - 1
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('connect', resolve)
  socket.once('connect_error', reject)
  socket.on('message', ({ message }: { message: { text: string } }) => {
    heard[number] = (heard[number] ?? 0) + 1
    lastAt = performance.now()
    if (number % TIME_ONE_OF === 0) delays.push(now() - Number(STAMP.exec(message.text)?.[1]))
  })
  await promise
}

async function run(rate: number) {
  heard = members.map(() => 0)
  delays = []
  const startedAt = performance.now()
  const sent = await speak(rate, (text, ref) => members[ref % SENDERS]?.emit('send', { text }, () => {}))
  await untilQuiet(() => lastAt)
  return {
    sent,
    received: Math.max(...heard),
    incomplete: heard.filter(count => count !== sent).length,
    seconds: (lastAt - startedAt) / 1000,
    ...quantiles(delays),
    listeners: members.length,
  }
}

await obey(async (verb, count) => {
  if (verb !== 'connect') return run(count)
  await connectAll(count, join)
  return { connected: members.length }
})
