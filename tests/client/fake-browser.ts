/** A browser and a server without either: a clock that is turned by hand, and what the player did with them. */
import { EventEmitter } from 'node:events'
import type { PlayerEnvironment } from '../../src/client/player/environment.ts'

interface Timer {
  readonly at: number
  readonly run: () => void
}

export class FakeClock {
  now = 1_800_000_000_000
  readonly timers = new Set<Timer>()

  setTimeout = (run: () => void, ms: number): Timer => {
    const timer = { at: this.now + ms, run }
    this.timers.add(timer)
    return timer
  }

  clearTimeout = (timer: unknown): void => {
    this.timers.delete(timer as Timer)
  }

  /** Turns the clock, with everything that is due on the way in order. */
  async advance(ms: number): Promise<void> {
    const until = this.now + ms
    await settle()
    for (;;) {
      const next = [...this.timers].filter(timer => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.timers.delete(next)
      this.now = Math.max(this.now, next.at)
      next.run()
      await settle()
    }
    this.now = until
    await settle()
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise(resolve => setImmediate(resolve))
}

export class FakeVideo extends EventTarget {
  muted = false
  volume = 1
  paused = true
  readyState = 0
  videoWidth = 0
  currentTime = 0
  playbackRate = 1
  /** Seconds of media in the buffer from the beginning. */
  bufferedUntil = 0
  src = ''
  srcObject: unknown = null
  readonly style = {}
  readonly #screen: FakeVideo[]
  readonly #mayBeAudible: () => boolean

  constructor(screen: FakeVideo[], mayBeAudible: () => boolean) {
    super()
    this.#screen = screen
    this.#mayBeAudible = mayBeAudible
  }

  get buffered() {
    const isEmpty = this.bufferedUntil === 0
    return { length: isEmpty ? 0 : 1, start: () => 0, end: () => this.bufferedUntil }
  }

  async play(): Promise<void> {
    if (!this.muted && !this.#mayBeAudible()) throw new DOMException('a click first', 'NotAllowedError')
    this.paused = false
  }

  pause(): void {
    this.paused = true
  }

  remove(): void {
    this.#screen.splice(this.#screen.indexOf(this), 1)
  }

  removeAttribute(): void {
    this.src = ''
  }

  canPlayType(): string {
    return ''
  }

  showFrame(): void {
    this.readyState = 4
    this.videoWidth = 1280
    this.dispatchEvent(new Event('loadeddata'))
  }
}

export class FakeConnection extends EventTarget {
  connectionState: RTCPeerConnectionState = 'new'
  readonly receivers: { jitterBufferTarget: number | null }[] = []
  bytesReceived = 0
  estimatedPlayoutTimestamp: () => number | undefined = () => undefined
  answer = ''
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    super()
    this.#clock = clock
  }

  async setRemoteDescription(): Promise<void> {
    this.receivers.push({ jitterBufferTarget: null }, { jitterBufferTarget: null })
  }

  getReceivers() {
    return this.receivers
  }

  async createAnswer() {
    return { type: 'answer', sdp: 'v=0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n' }
  }

  async setLocalDescription({ sdp }: { sdp: string }): Promise<void> {
    this.answer = sdp
    this.connectionState = 'connected'
  }

  async getStats() {
    const { bytesReceived } = this
    const timestamp = this.#clock.now
    const estimatedPlayoutTimestamp = this.estimatedPlayoutTimestamp()
    return new Map([
      ['v', { type: 'inbound-rtp', kind: 'video', bytesReceived, estimatedPlayoutTimestamp, timestamp }],
    ])
  }

  close(): void {
    this.connectionState = 'closed'
  }
}

export class FakeHls extends EventEmitter {
  static readonly Events = { ERROR: 'error', MANIFEST_PARSED: 'parsed' }
  static isSupported = () => true
  readonly config: Record<string, unknown>
  url = ''
  video: FakeVideo | undefined
  isDestroyed = false
  recoveries = 0
  playingDate: Date | null = null
  latency = 1
  targetLatency = 1
  liveSyncPosition = 100

  constructor(config: Record<string, unknown>) {
    super()
    this.config = config
  }

  loadSource(url: string): void {
    this.url = url
  }

  attachMedia(video: FakeVideo): void {
    this.video = video
  }

  recoverMediaError(): void {
    this.recoveries++
  }

  destroy(): void {
    this.isDestroyed = true
  }

  fail(type: 'networkError' | 'mediaError'): void {
    this.emit('error', 'error', { fatal: true, type })
  }
}

/** The server: what it answers is set by the test; what it was asked is kept. */
export class FakeServer {
  isLive = true
  isReachable = true
  whepStatus = 201
  /** By session address; a session that is not here is gone. */
  readonly sessions = new Set<string>()
  readonly requests: string[] = []
  clockAheadMs = 0
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
    if (pathname === '/trpc/playback.sources')
      return data(
        this.isLive
          ? { isLive: true, streamId: 's', whepUrl: '/whep/ada', hlsUrl: '/hls/ada/index.m3u8' }
          : { isLive: false },
      )
    if (request === 'POST /whep/ada') return this.#start()
    const isAlive = this.sessions.has(pathname)
    if (init.method === 'DELETE') this.sessions.delete(pathname)
    return new Response(null, { status: isAlive ? 204 : 404 })
  }

  countOf(request: string): number {
    return this.requests.filter(each => each === request).length
  }

  #start(): Response {
    if (this.whepStatus !== 201)
      return new Response(null, { status: this.whepStatus, headers: { 'retry-after': '1' } })
    const session = `/whep/ada/${this.#nextSession++}`
    this.sessions.add(session)
    return new Response('v=0', {
      status: 201,
      headers: { location: session, 'content-type': 'application/sdp' },
    })
  }
}

function data(value: unknown): Response {
  return Response.json({ result: { data: value } })
}

export class FakeBrowser {
  readonly clock = new FakeClock()
  readonly server = new FakeServer(this.clock)
  /** The elements in the container, in their order. */
  readonly screen: FakeVideo[] = []
  readonly connections: FakeConnection[] = []
  readonly players: FakeHls[] = []
  readonly pageHides = new Set<() => void>()
  mayBeAudible = true
  hasWebrtc = true
  readonly container = { append: (video: FakeVideo) => this.screen.push(video) } as unknown as HTMLElement

  get environment(): PlayerEnvironment {
    const { clock, server, screen, connections, players, pageHides } = this
    const create = () => {
      const connection = new FakeConnection(clock)
      connections.push(connection)
      return connection
    }
    const Hls = class extends FakeHls {
      constructor(config: Record<string, unknown>) {
        super(config)
        players.push(this)
      }
    }
    return {
      fetch: server.fetch,
      now: () => clock.now,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
      createPeerConnection: this.hasWebrtc ? create : undefined,
      createStream: () => ({ addTrack: () => {} }),
      createVideo: () => new FakeVideo(screen, () => this.mayBeAudible),
      loadHls: async () => Hls,
      onPageHide: (run: () => void) => {
        pageHides.add(run)
        return () => pageHides.delete(run)
      },
    } as unknown as PlayerEnvironment
  }

  /** Turns the clock while bytes keep coming on the latest connection. */
  async advanceReceiving(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      const connection = this.connections.at(-1)
      if (connection) connection.bytesReceived += 1000
      await this.clock.advance(100)
    }
  }
}
