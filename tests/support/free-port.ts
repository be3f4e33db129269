/** Finds ports that nothing listens on, below the range from which the kernel takes ports for outgoing connections. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const LOWEST = 20_000
const HIGHEST = 32_000
const ATTEMPTS = 200
const given = new Set<number>()

/** A port free for TCP and UDP on loopback, never given before by this process. */
export function freePort(): Promise<number> {
  return freePortRange(1)
}

/** The first of `count` ports in a row, each free for TCP and UDP on loopback. Throws when none is found. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count))
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if (ports.some(port => given.has(port))) continue
    if (!(await Promise.all(ports.map(isFree))).every(Boolean)) continue
    for (const port of ports) given.add(port)
    return first
  }
  throw new Error(`no ${count} free ports in a row between ${LOWEST} and ${HIGHEST}`)
}

async function isFree(port: number): Promise<boolean> {
  return (await isTcpFree(port)) && (await isUdpFree(port))
}

function isTcpFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

function isUdpFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = createSocket('udp4')
  socket.once('error', () => resolve(false))
  socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  return promise
}
