/** Stands for the server behind `fetch`. */
import type { FakeClock } from './fake-browser.ts'

/** The server: what it answers is set by the test; what it was asked is kept. */
export class FakeServer {
  isLive = true
  isReachable = true
  status: 'live' | 'reconnecting' = 'live'
  startedAt: string | undefined
  whepStatus = 201
  /** The heights of the qualities over WebRTC; none: a server without the layer extension. */
  layers: readonly number[] = []
  /** What sessions were held to, in order. */
  readonly pins: (string | null)[] = []
  readonly reports: { streamId: string; viewerId: string; protocol: string; delayMs: number }[] = []
  /** By session address; a session that is not here is gone. */
  readonly sessions = new Set<string>()
  readonly requests: string[] = []
  clockAheadMs = 0
  /** In every address, where it is not for everybody; renewed by each answer. */
  isTokenNeeded = false
  /** What it answers instead of where the channel is watched. */
  refusal: { status: number; reason: string } | undefined
  /** What was shown for it, in order. */
  readonly shownTokens: (string | undefined)[] = []
  #tokens = 0
  onRequest: (request: string) => void = () => {}
  readonly #clock: FakeClock
  #nextSession = 1

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    await Promise.resolve()
    const { pathname } = new URL(url)
    const request = `${init.method ?? 'GET'} ${pathname}`
    this.requests.push(request)
    this.onRequest(request)
    if (init.signal?.aborted) throw new DOMException('aborted', 'AbortError')
    if (!this.isReachable) throw new TypeError('network')
    if (pathname === '/trpc/playback.clock') return data({ now: this.#clock.now + this.clockAheadMs })
    if (pathname === '/trpc/playback.sources') return this.#sources(new URL(url))
    if (pathname === '/trpc/playback.reportDelay') {
      this.reports.push(JSON.parse(String(init.body)))
      return data({ isCounted: true })
    }
    if (pathname.endsWith('/layer')) return this.#layer(init)
    if (request === 'POST /whep/ada') return this.#start(new URL(url).searchParams.get('token'))
    const isAlive = this.sessions.has(pathname)
    if (init.method === 'DELETE') this.sessions.delete(pathname)
    return new Response(null, { status: isAlive ? 204 : 404 })
  }

  countOf(request: string): number {
    return this.requests.filter(each => each === request).length
  }

  /** The token of now: `t1.x.x` after the first answer. */
  get token(): string {
    return `t${this.#tokens}.x.x`
  }

  #sources({ searchParams }: URL): Response {
    this.shownTokens.push(JSON.parse(searchParams.get('input')!).token)
    if (this.refusal) return refused(this.refusal)
    if (!this.isLive) return data({ isLive: false })
    const live = { ...SOURCES, status: this.status, startedAt: this.startedAt }
    if (!this.isTokenNeeded) return data(live)
    this.#tokens++
    const { token } = this
    return data({
      ...live,
      whepUrl: `${SOURCES.whepUrl}?token=${token}`,
      hlsUrl: `/t/${token}${SOURCES.hlsUrl}`,
      token,
      tokenExpiresAt: new Date(this.#clock.now + this.clockAheadMs + TOKEN_MS).toISOString(),
    })
  }

  #layer(init: RequestInit): Response {
    if (init.method === 'POST') {
      this.pins.push(JSON.parse(String(init.body)).encodingId)
      return new Response(null, { status: 204 })
    }
    const layers = this.layers.map((height, index) => ({
      encodingId: index === 0 ? 'source' : `${height}p`,
      width: (height * 16) / 9,
      height,
      bitrateBps: height * 3_000,
      isActive: true,
    }))
    return Response.json({ layers, current: 'source', pinned: null })
  }

  #start(token: string | null): Response {
    if (this.isTokenNeeded && token !== this.token)
      return new Response(null, { status: token === null ? 401 : 403 })
    if (this.whepStatus !== 201)
      return new Response(null, { status: this.whepStatus, headers: { 'retry-after': '1' } })
    const session = `/whep/ada/${this.#nextSession++}`
    this.sessions.add(session)
    return new Response('v=0', {
      status: 201,
      headers: {
        location: session,
        'content-type': 'application/sdp',
        ...(this.layers.length > 0 && {
          link: `<stun:x>; rel="ice-server", <${session}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`,
        }),
      },
    })
  }
}

/** Four hours. */
export const TOKEN_MS = 14_400_000
const SOURCES = { isLive: true, streamId: 's', whepUrl: '/whep/ada', hlsUrl: '/hls/ada/index.m3u8' }

function refused({ status, reason }: { status: number; reason: string }): Response {
  const error = { message: reason, code: -32_000, data: { code: 'X', httpStatus: status, reason } }
  return Response.json({ error }, { status })
}

function data(value: unknown): Response {
  return Response.json({ result: { data: value } })
}
