/** WHIP over HTTP with real workers, in front of a live session that only looks on; and pages that publish to it. */
import { expect } from 'bun:test'
import { Elysia } from 'elysia'
import { problemOf } from '../../src/api/problem.ts'
import { createLog } from '../../src/log.ts'
import { whipRoutes } from '../../src/webrtc/whip.ts'
import { WorkerPool } from '../../src/webrtc/worker-pool.ts'
import { FakeLive } from '../ingest/fake-live.ts'
import { freePortRange } from '../support/free-port.ts'
import { browserOffer } from './whip-offers.ts'

const log = createLog('silent')

export interface WhipPost {
  readonly body?: BodyInit
  readonly path?: string
  readonly type?: string
  readonly authorization?: string
}

export class WhipStage implements AsyncDisposable {
  readonly live = new FakeLive()
  readonly workers: WorkerPool
  /** What a request that is over its limit throws. */
  limit: () => void = () => {}
  readonly #app: { handle(request: Request): Promise<Response> | Response }
  #server: Bun.Server<undefined> | undefined

  private constructor(workers: WorkerPool, idleMs: number | undefined) {
    this.workers = workers
    // Errors are rendered as the product's server renders them.
    this.#app = new Elysia()
      .onError(({ code, error, request }) => {
        if (code === 'NOT_FOUND') return new Response('no such route', { status: 404 })
        return problemOf(error, request, log)
      })
      .use(
        whipRoutes({
          live: this.live,
          pool: workers,
          announced: async () => ['127.0.0.1'],
          limit: () => this.limit(),
          log,
          ...(idleMs !== undefined && { idleMs }),
        }),
      )
  }

  static async open(options: { idleMs?: number } = {}): Promise<WhipStage> {
    const workers = await WorkerPool.open({ count: 1, host: '127.0.0.1', port: await freePortRange(1), log })
    return new WhipStage(workers, options.idleMs)
  }

  /** `path` below `/whip/`, without a network. */
  async request(path: string, init?: RequestInit): Promise<Response> {
    return this.#app.handle(new Request(`http://localhost/whip/${path}`, init))
  }

  async post(options: WhipPost = {}): Promise<Response> {
    const {
      body = browserOffer,
      path = 'channel',
      type = 'application/sdp',
      authorization = 'Bearer key',
    } = options
    const headers = { 'content-type': type, authorization, 'user-agent': 'OBS-Studio/32.0' }
    return this.request(path, { method: 'POST', body, headers })
  }

  /** A session that is ended with the test. */
  async start(options: WhipPost = {}) {
    const opening = this.live.next()
    const response = await this.post(options)
    expect(response.status).toBe(201)
    const location = response.headers.get('location')!
    const path = location.replace('/whip/', '')
    const end = () => this.request(path, { method: 'DELETE', headers: { 'if-match': '"old"' } })
    return {
      path,
      location,
      response,
      etag: response.headers.get('etag')!,
      answer: await response.text(),
      stream: await opening,
      patch: (body: string, headers: Record<string, string> = {}) => {
        const all = { 'content-type': 'application/trickle-ice-sdpfrag', ...headers }
        return this.request(path, { method: 'PATCH', body, headers: all })
      },
      end,
      async [Symbol.asyncDispose]() {
        await end()
      },
    }
  }

  /** The same routes over TCP: their address up to the slug. */
  listen(): string {
    this.#server ??= Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: request => this.#app.handle(request),
    })
    return `${this.#server.url.href}whip/`
  }

  /** What the workers hold now. */
  async load(): Promise<{ routers: number; transports: number }> {
    const { worker, webRtcServer } = await this.workers.acquire()
    const [{ routerIds }, { webRtcTransportIds }] = await Promise.all([worker.dump(), webRtcServer.dump()])
    return { routers: routerIds.length, transports: webRtcTransportIds.length }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop(true)
    await this.workers.close()
  }
}

/** What a page on any other site needs to read an answer. */
export function expectReadableAnywhere(response: Response): void {
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const exposed = response.headers.get('access-control-expose-headers') ?? ''
  for (const name of ['Location', 'ETag', 'Link', 'Retry-After']) expect(exposed.split(', ')).toContain(name)
}

export async function expectRefusal(response: Response, status: number, reason: string): Promise<void> {
  expect(response.status).toBe(status)
  expectReadableAnywhere(response)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ status, reason })
}
