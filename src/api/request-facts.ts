/** What a request says about where it came from and where it thinks it went, behind as many proxies as are trusted. */
import { isIPv6 } from 'node:net'
import { viewerKeyOf } from '../live/viewer-key.ts'

export interface ProxyConfig {
  readonly publicUrl: URL | undefined
  readonly trustedProxyHops: number
}

export interface RequestFacts {
  /** The client's IP address. */
  readonly remoteAddress: string
  /** The address people typed: scheme, host and port. */
  readonly origin: URL
  /** The browser speaks https. */
  readonly isSecure: boolean
  /** What tells one person's browser from another's; undefined for a client that has got no page of ours. */
  readonly viewerKey: string | undefined
}

/** `peerAddress`: the other end of the connection, which is the nearest proxy's when there are any. */
export function requestFacts(
  request: Request,
  peerAddress: string | undefined,
  config: ProxyConfig,
): RequestFacts {
  const url = new URL(request.url)
  const { publicUrl, trustedProxyHops } = config
  const proto = trustedProxyHops > 0 ? lastOf(request.headers.get('x-forwarded-proto')) : undefined
  const scheme = proto === 'https' || proto === 'http' ? proto : url.protocol.slice(0, -1)
  const origin = publicUrl ? new URL(publicUrl.origin) : new URL(`${scheme}://${url.host}`)
  return {
    remoteAddress: clientAddress(request, peerAddress, trustedProxyHops),
    origin,
    isSecure: origin.protocol === 'https:',
    viewerKey: viewerKeyOf(request),
  }
}

/** What to count a client by: its IPv4 address, or the /64 that an IPv6 client has to itself. */
export function limitKey(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::', 2)
  const left = head.split(':')
  const right = tail ? tail.split(':') : []
  const groups =
    tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map(group => group || '0')
    .join(':')}::/64`
}

/** Each trusted proxy appended the address it was called from; what stands further left anybody can write. */
function clientAddress(request: Request, peerAddress: string | undefined, hops: number): string {
  const forwarded = hops > 0 ? (request.headers.get('x-forwarded-for')?.split(',') ?? []) : []
  const address = forwarded.at(-hops)?.trim() || peerAddress || 'unknown'
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

function lastOf(list: string | null): string | undefined {
  return list?.split(',').at(-1)?.trim()
}
