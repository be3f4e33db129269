/** Hides one connection to Redis: it comes back by itself for ever, and nothing waits for it meanwhile. */
import { Redis } from 'ioredis'
import type { Log } from '../log.ts'

/** A server that takes this long to answer is away. */
const ANSWER_TIMEOUT_MS = 4_000
const PING_INTERVAL_MS = 2_000
const OPEN_TIMEOUT_MS = 5_000
const MAX_RETRY_MS = 1_000
/** What is under way at once: a server that is slow, not away, must not fill the memory. */
const MAX_UNDER_WAY = 20_000

export interface RedisOptions {
  /** `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string
  readonly log: Log
}

export class RedisConnection {
  /** Its commands reject at once while Redis is away. */
  readonly client: Redis
  readonly #log: Log
  readonly #pings: ReturnType<typeof setInterval>
  #isAway = false
  #failure: string | undefined
  #underWay = 0

  private constructor({ url, log }: RedisOptions) {
    this.#log = log
    this.client = new Redis(url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // Zero: what was under way is rejected when the connection is lost, since nobody knows what came of it.
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      connectTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
      disableClientInfo: true,
      retryStrategy: attempt => Math.min(MAX_RETRY_MS, 25 * 2 ** Math.min(attempt, 10)),
      // A primary that became a replica: its name may lead to the new one.
      reconnectOnError: error => error.message.startsWith('READONLY'),
    })
    this.client.on('error', error => this.#fail(error))
    this.client.on('close', () => this.#lose())
    this.client.on('ready', () => this.#return())
    this.#pings = setInterval(() => {
      if (this.isReady) this.client.ping().catch(() => {})
    }, PING_INTERVAL_MS)
  }

  /** Waits up to 5 s for Redis, then throws an error that names REDIS_URL. Later losses mend themselves. */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, OPEN_TIMEOUT_MS)
    connection.client.once('ready', resolve)
    await promise
    clearTimeout(timer)
    if (connection.isReady) return connection
    connection.close()
    const reason = connection.#failure ?? `no answer within ${OPEN_TIMEOUT_MS / 1000} s`
    throw new Error(`Redis at REDIS_URL (${new URL(options.url).host}) cannot be used: ${reason}`)
  }

  get isReady(): boolean {
    return this.client.status === 'ready'
  }

  /** Rejects at once when Redis is away, or has too much to answer already. */
  async run<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.isReady) throw new Error('Redis is away')
    if (this.#underWay >= MAX_UNDER_WAY) throw new Error('Redis answers too slowly')
    this.#underWay++
    try {
      return await command(this.client)
    } finally {
      this.#underWay--
    }
  }

  /** Idempotent. What is under way is rejected. */
  close(): void {
    clearInterval(this.#pings)
    this.client.disconnect()
  }

  /** Only the text: the error of a refused sign-in holds the password among the command's arguments. */
  #fail(error: Error): void {
    this.#failure = error.message || (error as NodeJS.ErrnoException).code || error.name
    this.#log.debug({ reason: this.#failure }, 'the connection to Redis failed')
  }

  #lose(): void {
    if (this.#isAway || this.client.status === 'end') return
    this.#isAway = true
    this.#log.warn({ reason: this.#failure }, 'Redis is away')
  }

  #return(): void {
    if (this.#isAway) this.#log.info('Redis is back')
    this.#isAway = false
    this.#failure = undefined
  }
}
