/** Finds the addresses at which a viewer reaches this server over UDP and TCP, for its ICE candidates. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

const MAX_OWN_ADDRESSES = 3

/**
 * The configured address, else the one that the viewer's request came to (`hostname`, without port). A browser on this
 * machine may not use the loopback address for WebRTC, so it is told of the machine's other addresses too.
 */
export async function announcedAddresses(hostname: string, configured?: string): Promise<string[]> {
  if (configured) return [configured]
  const host = hostname.replace(/^\[|\]$/g, '')
  const address = isIP(host) ? host : await resolve(host)
  if (!address) return ownAddresses()
  return isLoopback(address) ? [address, ...ownAddresses()] : [address]
}

async function resolve(host: string): Promise<string | undefined> {
  if (host === 'localhost') return '127.0.0.1'
  try {
    return (await lookup(host, { family: 4 })).address
  } catch {
    return undefined
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .filter(each => each.family === 'IPv4' && !each.internal)
    .map(each => each.address)
    .slice(0, MAX_OWN_ADDRESSES)
}
