/**
 * A crowd in one room, on raw sockets: `bun crowd.ts KIND PORT,…`, commands on standard input; its connections go to the ports
 * in turn. Each counts its bytes; one in forty-nine also reads every message and when it was sent. A server sends the same bytes
 * to all, so equal counts show that all have received what those have read.
 */
import { obey } from '../load-process.ts'
import { CONNECT_MS, connectAll, now, quantiles, SENDERS, speak, untilQuiet } from './rounds.ts'
import { frame, handshake, type WireKind, wires } from './wire.ts'

/** No multiple of the number of servers, so that each has some. */
const READ_ONE_OF = 49
const STAMPS = /"text":"t=(\d+\.\d+) /g

const [kind, ports] = Bun.argv.slice(2) as [WireKind, string]
const servers = ports.split(',').map(Number)
const wire = wires[kind]

/** What is known of one connection. */
class Member {
  bytes = 0
  text = ''
  isIn = false
  readonly isReader: boolean
  readonly port: number
  readonly number: number
  readonly entered = Promise.withResolvers<void>()

  constructor(isReader: boolean, port: number, number: number) {
    this.isReader = isReader
    this.port = port
    this.number = number
  }
}

const senders: Bun.Socket<Member>[] = []
const members: Member[] = []
let delays: number[] = []
let lastAt = 0
let started = 0

const handlers: Bun.SocketHandler<Member> = {
  binaryType: 'uint8array',
  data: (socket, chunk) => {
    const member = socket.data
    if (!member.isIn) return enter(socket, chunk)
    member.bytes += chunk.byteLength
    lastAt = performance.now()
    if (member.isReader) read(member, chunk)
  },
  close: ({ data }) => data.entered.reject(new Error('the server closed a connection')),
  error: () => {},
}

function enter(socket: Bun.Socket<Member>, chunk: Uint8Array): void {
  const member = socket.data
  const isUpgraded = member.text.includes('\r\n\r\n')
  member.text += Buffer.from(chunk).toString('latin1')
  if (!isUpgraded && member.text.includes('\r\n\r\n') && wire.greeting) socket.write(frame(wire.greeting))
  if (!member.text.includes(wire.welcome)) return
  member.isIn = true
  member.text = ''
  member.entered.resolve()
}

function read(member: Member, chunk: Uint8Array): void {
  const at = now()
  const text = member.text + Buffer.from(chunk).toString('latin1')
  let end = 0
  for (const match of text.matchAll(STAMPS)) {
    delays.push(at - Number(match[1]))
    end = match.index + match[0].length
  }
  // A stamp may be cut in two, but is shorter than this.
  member.text = text.slice(Math.max(end, text.length - 64))
}

async function join(): Promise<void> {
  // Those who speak are sent answers, too, which makes their bytes differ.
  const isSender = senders.length < SENDERS
  const port = servers[started % servers.length]!
  const member = new Member(!isSender && started % READ_ONE_OF === 0, port, started)
  started++
  const timer = setTimeout(() => member.entered.reject(new Error('no welcome in time')), CONNECT_MS)
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: Number(port),
    data: member,
    socket: handlers,
  })
  socket.write(handshake(wire, member.number))
  await member.entered.promise
  clearTimeout(timer)
  members.push(member)
  if (isSender) senders.push(socket)
}

async function run(rate: number) {
  for (const member of members) member.bytes = 0
  delays = []
  const startedAt = performance.now()
  const sent = await speak(rate, (text, ref) =>
    senders[ref % senders.length]?.write(frame(wire.say(text, ref))),
  )
  await untilQuiet(() => lastAt)
  const listeners = members.slice(SENDERS)
  const readers = listeners.filter(member => member.isReader)
  const expected = new Map(servers.map(port => [port, Math.max(...readers.filter(isAt(port)).map(bytesOf))]))
  return {
    sent,
    received: delays.length / readers.length,
    incomplete: listeners.filter(({ bytes, port }) => bytes !== expected.get(port)).length,
    seconds: (lastAt - startedAt) / 1000,
    ...quantiles(delays),
    listeners: members.length,
  }
}

const isAt = (port: number) => (member: Member) => member.port === port
const bytesOf = (member: Member) => member.bytes

await obey(async (verb, count) => {
  if (verb !== 'connect') return run(count)
  await connectAll(count, join)
  return { connected: members.length }
})
