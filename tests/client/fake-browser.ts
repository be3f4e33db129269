/** A browser and a server without either: a clock that is turned by hand, and what the player did with them. */
import type { PlayerEnvironment } from '../../src/client/player/environment.ts'
import { FakeHls } from './fake-hls.ts'
import { FakeServer } from './fake-server.ts'

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
  readonly HAVE_FUTURE_DATA = 3
  seeking = false
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
  frameHeight = 720
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
    const { bytesReceived, frameHeight } = this
    const timestamp = this.#clock.now
    const estimatedPlayoutTimestamp = this.estimatedPlayoutTimestamp()
    const video = { type: 'inbound-rtp', kind: 'video', bytesReceived, frameHeight, timestamp }
    return new Map([['v', { ...video, estimatedPlayoutTimestamp }]])
  }

  close(): void {
    this.connectionState = 'closed'
  }
}

export class FakeBrowser {
  readonly clock = new FakeClock()
  readonly server = new FakeServer(this.clock)
  /** The elements in the container, in their order. */
  readonly screen: FakeVideo[] = []
  readonly connections: FakeConnection[] = []
  readonly players: FakeHls[] = []
  readonly pageHides = new Set<() => void>()
  readonly cookies: string[] = []
  mayBeAudible = true
  hasWebrtc = true
  readonly container = { append: (video: FakeVideo) => this.screen.push(video) } as unknown as HTMLElement

  get environment(): PlayerEnvironment {
    const { clock, server, screen, connections, players, pageHides, cookies } = this
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
      setCookie: (cookie: string) => cookies.push(cookie),
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
