/** Hides Bun's listeners: plain HTTP and, with a certificate, HTTPS with HTTP/2; routes see them as one server. */
import type { Log } from '../log.ts'
import { type SocketOwner, sockets } from './sockets.ts'

/** PEM texts. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Where the certificate comes from, and that it may be renewed. */
export interface CertificateSource {
  readonly pair: KeyPair
  onRenewed(listener: (pair: KeyPair) => void): void
}

export interface ListenersOptions {
  readonly host: string
  readonly port: number
  /** Undefined: plain HTTP alone. */
  readonly secure: { readonly port: number; readonly certificate: CertificateSource } | undefined
  readonly answer: (request: Request) => Response | Promise<Response>
  readonly onError: (error: Error) => Response
  readonly log: Log
}

type Server = Bun.Server<SocketOwner>

/** A piece of an upload; what may come to other routes is in guard.ts. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Longer than any held playlist and the pause between two pings of an event stream. */
const IDLE_TIMEOUT_SECONDS = 120
const CLOSE_GRACE_MS = 1_000

export class Listeners {
  readonly #options: ListenersOptions
  /** Which listener a request came to, unless to the plain one: only that one can upgrade it to a WebSocket. */
  readonly #origins = new WeakMap<Request, Server>()
  readonly #plain: Server
  #secure: Server | undefined
  /** Listeners with the former certificate, until their last request is answered. */
  readonly #former = new Set<Server>()
  #closing: Promise<void> | undefined

  private constructor(options: ListenersOptions) {
    const { port, secure } = options
    this.#options = options
    this.#plain = this.#listen(port, 'PORT')
    if (!secure) return
    try {
      this.#secure = this.#listen(secure.port, 'HTTPS_PORT', secure.certificate.pair)
    } catch (error) {
      this.#plain.stop(true)
      throw error
    }
    secure.certificate.onRenewed(pair => this.#renew(pair))
  }

  /** Listens. Throws an error that names PORT or HTTPS_PORT when it is taken. */
  static open(options: ListenersOptions): Listeners {
    return new Listeners(options)
  }

  get port(): number {
    return this.#plain.port ?? 0
  }

  /** Undefined without a certificate. */
  get securePort(): number | undefined {
    return this.#secure?.port
  }

  /** What routes may ask of the server, whichever listener their request came to. */
  readonly server = {
    upgrade: (request: Request, options: Parameters<Server['upgrade']>[1]) =>
      this.#of(request).upgrade(request, options),
    requestIP: (request: Request) => this.#of(request).requestIP(request),
    timeout: (request: Request, seconds: number) => this.#of(request).timeout(request, seconds),
    /** Sends `text` to the sockets of every listener that have subscribed to `topic`. */
    publish: (topic: string, text: string) => {
      for (const each of this.#all()) each.publish(topic, text)
    },
  }

  /** Requests under way have a second to finish. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #of(request: Request): Server {
    return this.#origins.get(request) ?? this.#plain
  }

  #all(): Server[] {
    return [this.#plain, ...(this.#secure ? [this.#secure] : []), ...this.#former]
  }

  /** Bun's own route table would pass by the guard, so Elysia is given the requests one by one. */
  #listen(port: number, variable: string, pair?: KeyPair): Server {
    const { host, answer, onError } = this.#options
    try {
      return Bun.serve({
        hostname: host,
        port,
        reusePort: false,
        development: false,
        idleTimeout: IDLE_TIMEOUT_SECONDS,
        maxRequestBodySize: MAX_BODY_BYTES,
        websocket: sockets,
        fetch: (request, server) => {
          if (pair) this.#origins.set(request, server)
          return answer(request)
        },
        error: onError,
        // Safari plays Low-Latency HLS over HTTP/2 alone; who does not offer it by ALPN gets HTTP/1.1.
        ...(pair && { tls: { ...pair }, http2: true }),
      })
    } catch (cause) {
      throw new Error(cannotListen(host, port, variable, cause), { cause })
    }
  }

  /** Bun takes a certificate only when it listens. What runs on the former listener goes on until it is done. */
  #renew(pair: KeyPair): void {
    const former = this.#secure
    if (!former || this.#closing) return
    // Once it has stopped, it knows its port no more.
    const port = former.port ?? 0
    this.#former.add(former)
    former.stop(false).then(() => this.#former.delete(former))
    try {
      this.#secure = this.#listen(port, 'HTTPS_PORT', pair)
    } catch (err) {
      this.#secure = undefined
      this.#options.log.error({ err }, 'HTTPS is no longer served: the new certificate could not be taken')
    }
  }

  async #close(): Promise<void> {
    const servers = this.#all()
    const stopped = Promise.all(servers.map(server => server.stop(false)))
    const grace = Promise.withResolvers<void>()
    const timer = setTimeout(grace.resolve, CLOSE_GRACE_MS)
    await Promise.race([stopped, grace.promise])
    clearTimeout(timer)
    await Promise.all(servers.map(server => server.stop(true)))
  }
}

function cannotListen(host: string, port: number, variable: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Set ${variable} to a free one.`
  if (code === 'EACCES') return `Port ${port} needs more rights. Set ${variable} to one above 1023.`
  return `Cannot listen on ${host}:${port} (HOST, ${variable}): ${message}`
}
