/** A live session with WebRTC as its only output: real workers, real media in real time, and WHEP over HTTP. */
import { Elysia } from 'elysia'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { problemOf } from '../../src/api/problem.ts'
import type { Rung } from '../../src/live/broadcast.ts'
import { DEFAULT_RULES } from '../../src/live/channel-rules.ts'
import { Live } from '../../src/live/live.ts'
import type { LiveStream } from '../../src/live/live-stream.ts'
import type { Publication } from '../../src/live/publication.ts'
import { createLog } from '../../src/log.ts'
import { Webrtc } from '../../src/webrtc/webrtc.ts'
import { whepRoutes } from '../../src/webrtc/whep.ts'
import { WorkerPool } from '../../src/webrtc/worker-pool.ts'
import type { Encoded } from '../hls/encoder.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { freePortRange } from '../support/free-port.ts'

export const log = createLog('silent')
export const ANNOUNCED = ['127.0.0.1']

/** What an encoder of its own takes for a picture. */
const LADDER_DELAY_MS = 150

/** By the rendition's name, what a ladder would make of the same pictures. */
export type Ladder = Readonly<Record<string, Encoded>>

/** Workers on free ports of the loopback address. */
export async function openWorkers(count = 1): Promise<WorkerPool> {
  return WorkerPool.open({ count, host: '127.0.0.1', port: await freePortRange(count), log })
}

export class Stage implements AsyncDisposable {
  readonly workers: WorkerPool
  readonly webrtc: Webrtc
  readonly live: Live
  /** What a request that is over its limit throws. */
  limit: () => void = () => {}
  readonly #publications = new Map<LiveStream, Publication>()
  readonly #publishers = new Map<LiveStream, ReturnType<typeof setInterval>>()
  readonly #app: { handle(request: Request): Promise<Response> | Response }
  #server: Bun.Server<undefined> | undefined

  private constructor(workers: WorkerPool, renditions: readonly string[]) {
    this.workers = workers
    this.webrtc = new Webrtc({ pool: workers, renditions, log })
    this.live = new Live({
      authorize: async slug => ({ id: slug, slug, rules: DEFAULT_RULES }),
      streams: {
        open: async id => ({ id: `stream of ${id}` }),
        goLive: async () => {},
        reconnect: async () => {},
        end: async () => {},
      },
      outputs: [this.webrtc.openOutput],
      log,
    })
    // Errors are rendered as the product's server renders them.
    this.#app = new Elysia()
      .onError(({ code, error, request }) => {
        if (code === 'NOT_FOUND') return new Response('no such route', { status: 404 })
        return problemOf(error, request, log)
      })
      .use(
        whepRoutes({
          ...{ webrtc: this.webrtc, admission: EVERYBODY },
          announced: async () => [...ANNOUNCED],
          limit: () => this.limit(),
        }),
      )
  }

  /** `renditions`: names that ladders may make, best first. */
  static async open(workerCount = 1, renditions: readonly string[] = []): Promise<Stage> {
    return new Stage(await openWorkers(workerCount), renditions)
  }

  /** A channel goes live without media. */
  async start(slug: string): Promise<LiveStream> {
    const publication = await this.live.publish(
      { streamKey: slug, isBackup: false },
      { remoteAddress: '127.0.0.1', disconnect: () => {} },
    )
    const stream = this.live.find(slug)!
    this.#publications.set(stream, publication)
    return stream
  }

  /** A channel goes live with the first `seconds` of `encoded`, again and again. */
  async publish(slug: string, encoded: Encoded, seconds: number, ladder?: Ladder): Promise<LiveStream> {
    const stream = await this.start(slug)
    this.feed(stream, encoded, seconds, ladder)
    return stream
  }

  /** A broadcast on `stream`, in place of the one before: each unit at its time, what the ladder made a bit later. */
  feed(stream: LiveStream, encoded: Encoded, seconds: number, ladder: Ladder = {}): void {
    clearInterval(this.#publishers.get(stream))
    const publication = this.#publications.get(stream)!.start(encoded.tracks)
    const startedAt = performance.now()
    const loops = [new Loop(encoded.units, seconds, unit => publication.write(unit))]
    for (const [rendition, { units }] of Object.entries(ladder)) {
      const track = { ...(units.find(unit => unit.track.kind === 'video')!.track as VideoTrack), rendition }
      const pictures = units.filter(unit => unit.track.kind === 'video').map(unit => ({ ...unit, track }))
      loops.push(new Loop(pictures, seconds, unit => stream.broadcast?.writeRendition(unit), LADDER_DELAY_MS))
    }
    const timer = setInterval(() => {
      stream.broadcast?.setRungs(rungsOf(ladder))
      for (const loop of loops) loop.writeUntil(performance.now() - startedAt)
    }, 5)
    this.#publishers.set(stream, timer)
  }

  /** The publisher is gone, and may come back. */
  interrupt(stream: LiveStream): void {
    clearInterval(this.#publishers.get(stream))
  }

  /** The publisher is gone. */
  async leave(stream: LiveStream): Promise<void> {
    clearInterval(this.#publishers.get(stream))
    this.#publications.get(stream)!.leave({ isOrderly: true })
    await stream.closed
  }

  /** `path` below `/whep/`, without a network. */
  async request(path: string, init?: RequestInit): Promise<Response> {
    return this.#app.handle(new Request(`http://localhost/whep/${path}`, init))
  }

  /** The same routes over TCP, for browsers. */
  listen(): string {
    this.#server ??= Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: request => this.#app.handle(request),
    })
    return `${this.#server.url.href}whep/`
  }

  async close(): Promise<void> {
    for (const timer of this.#publishers.values()) clearInterval(timer)
    await this.live.close()
    await this.#server?.stop(true)
    await this.workers.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** What the ladder would say that it makes, best first. */
function rungsOf(ladder: Ladder): Rung[] {
  return Object.entries(ladder).map(([name, { tracks, units }]) => {
    const bytes = units.reduce((sum, unit) => sum + unit.data.byteLength, 0)
    const seconds = units.at(-1)!.dts / units.at(-1)!.track.timescale
    const { width, height } = tracks.video
    return { name, width, height, bitrateBps: (bytes * 8) / seconds }
  })
}

/** Writes the first seconds of what was encoded again and again, each unit at its time. */
class Loop {
  readonly #units: readonly AccessUnit[]
  readonly #seconds: number
  readonly #write: (unit: AccessUnit) => void
  readonly #delayMs: number
  #written = 0

  constructor(units: readonly AccessUnit[], seconds: number, write: (unit: AccessUnit) => void, delayMs = 0) {
    this.#units = units.filter(unit => unit.dts < seconds * unit.track.timescale)
    this.#seconds = seconds
    this.#write = write
    this.#delayMs = delayMs
  }

  writeUntil(elapsedMs: number): void {
    for (;;) {
      const unit = this.#next()
      if ((unit.dts / unit.track.timescale) * 1000 + this.#delayMs > elapsedMs) return
      this.#write(unit)
      this.#written++
    }
  }

  #next(): AccessUnit {
    const unit = this.#units[this.#written % this.#units.length]!
    const ticks = Math.floor(this.#written / this.#units.length) * this.#seconds * unit.track.timescale
    return { ...unit, dts: unit.dts + ticks, pts: unit.pts + ticks }
  }
}
