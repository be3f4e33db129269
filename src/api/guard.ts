/** What stands before and behind every route: which hosts and origins are answered, and the security headers. */
import { problem } from './problem.ts'
import type { ProxyConfig } from './request-facts.ts'

/**
 * At least 4 characters: the router looks for the path from the 11th character of the URL on, so that a shorter host
 * would let a request choose another route than its path says.
 */
const hostForm = /^(?=.{4,255}$)(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?)(?::\d{1,5})?$/i
/** Of every request but those that carry pieces of files. */
const MAX_BODY_BYTES = 512 * 1024
const FILES = '/uploads/'
const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Media sets it itself (media-response.ts). */
const OWN = 'x-content-type-options'
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** How many hosts are remembered as answered for. */
const MAX_KNOWN_HOSTS = 100

/** Refuses what must not reach a route. */
export class Guard {
  readonly #config: ProxyConfig
  /** As they stood in `Host`. */
  readonly #knownHosts = new Set<string>()

  constructor(config: ProxyConfig) {
    this.#config = config
  }

  /** Undefined: it may pass. */
  inspect(request: Request): Response | undefined {
    return this.#refuseHost(request) ?? refuseOrigin(request, this.#config) ?? refuseBody(request)
  }

  /** Bun builds the URL from the Host header, also where the request target is absolute: what is checked is routed. */
  #refuseHost(request: Request): Response | undefined {
    const host = request.headers.get('host') ?? ''
    if (this.#knownHosts.has(host)) return undefined
    const url = hostForm.test(host) ? URL.parse(request.url) : null
    if (!url) return problem(400, 'host_malformed', 'The Host header is missing or malformed.')
    const { publicUrl } = this.#config
    if (publicUrl && url.host !== publicUrl.host && !loopback.has(url.hostname))
      return problem(
        421,
        'host_unknown',
        `This server answers for ${publicUrl.host} (PUBLIC_URL), not for ${url.host}.`,
      )
    if (this.#knownHosts.size >= MAX_KNOWN_HOSTS) this.#knownHosts.clear()
    this.#knownHosts.add(host)
    return undefined
  }
}

/**
 * Where a page asked for in plain text is to be found, when PUBLIC_URL is https and this server speaks it itself: nobody
 * types a password into a page that others could have changed. Players and programs are left alone. Behind a proxy
 * everything comes in plain text.
 */
export function secureAddress(request: Request, url: URL, config: ProxyConfig): string | undefined {
  const { publicUrl, trustedProxyHops } = config
  if (publicUrl?.protocol !== 'https:' || url.protocol === 'https:' || trustedProxyHops > 0) return undefined
  const isPage = request.method === 'GET' && request.headers.get('accept')?.includes('text/html') === true
  if (!isPage || loopback.has(url.hostname)) return undefined
  return `${publicUrl.origin}${url.pathname}${url.search}`
}

/**
 * Whether browsers may be told to speak nothing but https to this host. They then do so on every port (RFC 6797 8.3),
 * so without a public address PORT itself could no longer be reached.
 */
export function isOnlySecure(url: URL, config: ProxyConfig, isSecure: boolean): boolean {
  return isSecure && (config.publicUrl !== undefined || url.protocol !== 'https:')
}

/** Of an answer that says itself how it is to be taken, there is nothing to add. */
export function isGuarded(response: Response): boolean {
  return response.headers.has(OWN)
}

/** Adds the security headers that the route did not set itself. `isEmbed`: a page that other sites may frame. */
export function addSecurityHeaders(
  response: Response,
  about: { isEmbed: boolean; isOnlySecure: boolean },
): void {
  const { isEmbed, isOnlySecure } = about
  const headers: Record<string, string> = {
    [OWN]: 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'content-security-policy': `${contentSecurityPolicy}; frame-ancestors ${isEmbed ? '*' : "'none'"}`,
    'cross-origin-opener-policy': 'same-origin',
    ...(isOnlySecure && { 'strict-transport-security': 'max-age=31536000' }),
  }
  for (const [name, value] of Object.entries(headers))
    if (!response.headers.has(name)) response.headers.set(name, value)
}

/** Only files come in pieces of a size; whoever hides the length of what it sends could send as much. */
function refuseBody(request: Request): Response | undefined {
  if (request.body === null || new URL(request.url).pathname.startsWith(FILES)) return undefined
  const length = request.headers.get('content-length')
  if (length === null && request.headers.has('transfer-encoding'))
    return problem(411, 'length_required', 'Say how long the body is (Content-Length).')
  if (Number(length) <= MAX_BODY_BYTES) return undefined
  return problem(413, 'body_too_large', `A body may have ${MAX_BODY_BYTES / 1024} KiB.`)
}

/**
 * A cookie that another site's page caused to be sent must not change anything. Every browser says where an unsafe
 * request comes from, by Sec-Fetch-Site or at least by Origin; without both, it is no browser.
 */
function refuseOrigin(request: Request, config: ProxyConfig): Response | undefined {
  if (safeMethods.has(request.method) || !request.headers.has('cookie')) return undefined
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const isAllowed =
    site === null ? origin === null || isOwn(origin, new URL(request.url), config) : isSameSite(site)
  if (isAllowed) return undefined
  return problem(403, 'cross_origin', 'A page of another site may not do this with your session.')
}

function isSameSite(site: string): boolean {
  return site === 'same-origin' || site === 'none'
}

function isOwn(origin: string, url: URL, { publicUrl }: ProxyConfig): boolean {
  if (!URL.canParse(origin)) return false
  const { host } = new URL(origin)
  return host === url.host || host === publicUrl?.host
}
