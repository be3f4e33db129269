/** The HTTP server: puts every route behind one guard, and turns what they throw into answers. */
import { type AnyElysia, Elysia } from 'elysia'
import { websocket } from 'elysia/ws'
import type { Registry } from 'prom-client'
import type { Config } from '../config.ts'
import { ViewerDelays } from '../live/viewer-delays.ts'
import type { Log } from '../log.ts'
import { docs } from './docs.ts'
import { addSecurityHeaders, refusal } from './guard.ts'
import { createMetrics, operations, type ReadinessCheck } from './operations.ts'
import { problem, problemOf } from './problem.ts'
import { limitKey, type RequestFacts, requestFacts } from './request-facts.ts'
import type { Limits, Services } from './trpc.ts'
import { trpcPlugin } from './trpc-plugin.ts'

const MAX_BODY_BYTES = 512 * 1024
/** Longer than any held playlist and the pause between two pings of an event stream. */
const IDLE_TIMEOUT_SECONDS = 120
const CLOSE_GRACE_MS = 1_000

export interface ServerOptions extends Services {
  readonly config: { readonly http: Config['http']; readonly rtmp: { readonly port: number } }
  /** Routes of other parts, in order; one that catches everything comes last. */
  readonly plugins: readonly AnyElysia[]
  /** What `/readyz` asks. */
  readonly checks: Record<string, ReadinessCheck>
  /** Where other parts put their metrics; without it, one is made. */
  readonly metrics?: Registry
  /** Where players' reports of their delay are kept; without it, one is made. */
  readonly viewerDelays?: ViewerDelays
  readonly limits?: Partial<Limits>
  readonly log: Log
}

export class HttpServer {
  /** For requests inside the process, past the guard: `app.handle(new Request('http://localhost/…'))`. */
  readonly app: AnyElysia
  readonly #config: Config['http']
  readonly #log: Log
  #server: Bun.Server<unknown> | undefined
  #closing: Promise<void> | undefined

  private constructor(options: ServerOptions) {
    this.#config = options.config.http
    this.#log = options.log
    this.app = this.#routes(options)
  }

  /** Listens. Throws an error that names PORT when it is taken. */
  static async open(options: ServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options)
    await server.app.modules
    server.#listen()
    return server
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  /** Where a request comes from and went to, behind the trusted proxies. */
  facts(request: Request): RequestFacts {
    return requestFacts(request, this.#server?.requestIP(request)?.address, this.#config)
  }

  /** What rate limits count the request's client by. */
  clientKey(request: Request): string {
    return limitKey(this.facts(request).remoteAddress)
  }

  /** Requests under way have a second to finish. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #routes(options: ServerOptions): AnyElysia {
    const { accounts, channels, streams, live, limits, log, checks, config } = options
    const viewerDelays = options.viewerDelays ?? new ViewerDelays()
    const metrics = options.metrics ?? createMetrics(live, viewerDelays)
    const facts = (request: Request) => this.facts(request)
    const app: AnyElysia = new Elysia({ name: 'sluice' })
      .onError({ as: 'global' }, ({ code, error, request }) => {
        if (typeof code === 'number') return undefined
        if (code === 'NOT_FOUND') return problem(404, 'not_found', 'There is nothing here.')
        if (code === 'PARSE' || code === 'VALIDATION')
          return problem(400, 'input_invalid', 'The request is not in the form that this route takes.')
        return problemOf(error, request, log)
      })
      .use(operations({ checks, metrics, log }))
      .use(docs())
      .use(trpcPlugin({ ...{ accounts, channels, streams, live, viewerDelays, limits, facts, log }, rtmpPort: config.rtmp.port }))
    for (const plugin of options.plugins) app.use(plugin)
    return app
  }

  /** Bun's own route table would pass by the guard, so Elysia is given the requests one by one. */
  #listen(): void {
    const { host, port } = this.#config
    this.app.compile()
    try {
      this.#server = Bun.serve({
        hostname: host,
        port,
        reusePort: false,
        development: false,
        idleTimeout: IDLE_TIMEOUT_SECONDS,
        maxRequestBodySize: MAX_BODY_BYTES,
        websocket: websocket as Bun.WebSocketHandler<unknown>,
        fetch: request => this.#answer(request),
        error: error => problemOf(error, new Request('http://localhost/'), this.#log),
      })
    } catch (cause) {
      throw new Error(cannotListen(host, port, cause), { cause })
    }
    this.app.server = this.#server
  }

  async #answer(request: Request): Promise<Response> {
    const refused = refusal(request, this.#config)
    if (refused) {
      addSecurityHeaders(refused, { isEmbed: false, isSecure: false })
      return refused
    }
    const response = await this.#route(request)
    // An upgraded WebSocket has no response.
    if (!(response instanceof Response)) return response
    const isEmbed = new URL(request.url).pathname.startsWith('/embed/')
    addSecurityHeaders(response, { isEmbed, isSecure: this.facts(request).isSecure })
    return response
  }

  async #route(request: Request): Promise<Response> {
    try {
      return await this.app.fetch(request)
    } catch (error) {
      return problemOf(error, request, this.#log)
    }
  }

  async #close(): Promise<void> {
    const stopped = this.#server?.stop(false)
    const grace = Promise.withResolvers<void>()
    const timer = setTimeout(grace.resolve, CLOSE_GRACE_MS)
    await Promise.race([stopped, grace.promise])
    clearTimeout(timer)
    await this.#server?.stop(true)
  }
}

/** Builds the routes and listens on `config.http`. */
export async function createServer(options: ServerOptions): Promise<HttpServer> {
  return HttpServer.open(options)
}

function cannotListen(host: string, port: number, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Set PORT to a free one.`
  if (code === 'EACCES') return `Port ${port} needs more rights. Set PORT to one above 1023.`
  return `Cannot listen on ${host}:${port} (HOST, PORT): ${message}`
}
