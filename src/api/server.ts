/** The HTTP server: puts every route behind one guard, and turns what they throw into answers. */
import { type AnyElysia, Elysia } from 'elysia'
import type { Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { Ladders } from '../live/ladders.ts'
import { ViewerDelays } from '../live/viewer-delays.ts'
import type { Log } from '../log.ts'
import type { MediaRoutes } from '../media-request.ts'
import { docs } from './docs.ts'
import { emoteRoutes } from './emotes.ts'
import { addSecurityHeaders, Guard, isGuarded, isOnlySecure, secureAddress } from './guard.ts'
import { type CertificateSource, Listeners } from './listeners.ts'
import { MediaRouter } from './media-router.ts'
import { createMetrics } from './metrics.ts'
import { operations, type ReadinessCheck } from './operations.ts'
import { problem, problemOf } from './problem.ts'
import { limitKey, type RequestFacts, requestFacts } from './request-facts.ts'
import type { Limits, Services } from './trpc.ts'
import { trpcPlugin } from './trpc-plugin.ts'

export interface ServerOptions extends Services {
  readonly config: {
    readonly http: Config['http']
    readonly rtmp: { readonly port: number }
    readonly tls?: { readonly httpsPort: number; readonly rtmpsPort: number } | undefined
  }
  /** With it and `config.tls`, HTTPS is served too. */
  readonly certificate?: CertificateSource | undefined
  /** What players ask for, past all other routes. */
  readonly media?: MediaRoutes
  /** Routes of other parts, in order; one that catches everything comes last. */
  readonly plugins: readonly AnyElysia[]
  /** Whose renditions the metrics count. */
  readonly ladders?: Pick<Ladders, 'statistics'>
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
  readonly #guard: Guard
  readonly #media: MediaRouter
  #listeners: Listeners | undefined

  private constructor(options: ServerOptions) {
    this.#config = options.config.http
    this.#log = options.log
    this.#guard = new Guard(this.#config)
    this.#media = new MediaRouter(options.media ?? {}, (error, request) =>
      problemOf(error, request, this.#log),
    )
    this.app = this.#routes(options)
  }

  /** Listens. Throws an error that names PORT or HTTPS_PORT when it is taken. */
  static async open(options: ServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options)
    await server.app.modules
    server.#listen(options)
    return server
  }

  get port(): number {
    return this.#listeners?.port ?? 0
  }

  /** Undefined without a certificate. */
  get httpsPort(): number | undefined {
    return this.#listeners?.securePort
  }

  /** Where a request comes from and went to, behind the trusted proxies. */
  facts(request: Request): RequestFacts {
    return requestFacts(request, this.#listeners?.server.requestIP(request)?.address, this.#config)
  }

  /** What rate limits count the request's client by. */
  clientKey(request: Request): string {
    return limitKey(this.facts(request).remoteAddress)
  }

  /** Sends `text` to the WebSockets that have subscribed to `topic`, whichever listener they came to. */
  publish(topic: string, text: string): void {
    this.#listeners?.server.publish(topic, text)
  }

  /** Requests under way have a second to finish. Idempotent. */
  async close(): Promise<void> {
    await this.#listeners?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #routes(options: ServerOptions): AnyElysia {
    const {
      config,
      certificate: _,
      media: _media,
      plugins,
      ladders,
      checks,
      metrics: given,
      log,
      ...rest
    } = options
    const { viewerDelays = new ViewerDelays(), limits, ...services } = rest
    const { live, chat, presence } = services
    const figures = { counts: chat.tally, people: presence }
    const metrics = given ?? createMetrics(live, viewerDelays, ladders, figures)
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
      .use(emoteRoutes(chat.emotes))
      .use(
        trpcPlugin({
          ...services,
          ...{ viewerDelays, limits, facts, log },
          rtmpPort: config.rtmp.port,
          rtmpsPort: config.tls?.rtmpsPort,
        }),
      )
    for (const plugin of plugins) app.use(plugin)
    return app
  }

  #listen({ config: { http, tls }, certificate }: ServerOptions): void {
    this.app.compile()
    this.#listeners = Listeners.open({
      host: http.host,
      port: http.port,
      secure: tls && certificate && { port: tls.httpsPort, certificate },
      answer: request => this.#answer(request),
      onError: error => problemOf(error, new Request('http://localhost/'), this.#log),
      log: this.#log,
    })
    // Of Bun's server, routes use what `Listeners.server` has.
    this.app.server = this.#listeners.server as unknown as Bun.Server<unknown>
  }

  #answer(request: Request): Response | Promise<Response> {
    const refusal = this.#guard.inspect(request)
    if (refusal) {
      addSecurityHeaders(refusal, { isEmbed: false, isOnlySecure: false })
      return refusal
    }
    return this.#media.answer(request, this.#listeners!.server) ?? this.#answerOthers(request)
  }

  async #answerOthers(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const elsewhere = this.httpsPort && secureAddress(request, url, this.#config)
    if (elsewhere) return Response.redirect(elsewhere, 307)
    const response = await this.#route(request)
    // An upgraded WebSocket has no response.
    if (!(response instanceof Response) || isGuarded(response)) return response
    const isEmbed = url.pathname.startsWith('/embed/')
    const { isSecure } = this.facts(request)
    addSecurityHeaders(response, { isEmbed, isOnlySecure: isOnlySecure(url, this.#config, isSecure) })
    return response
  }

  async #route(request: Request): Promise<Response> {
    try {
      return await this.app.fetch(request)
    } catch (error) {
      return problemOf(error, request, this.#log)
    }
  }
}

/** Builds the routes and listens on `config.http`. */
export async function createServer(options: ServerOptions): Promise<HttpServer> {
  return HttpServer.open(options)
}
