/** What the player asks of the server and tells it, each call within a deadline. */
import { type ApiClient, type ApiOutputs, createClient, reasonOf } from '../api-client.ts'
import type { DelayReport } from './delay-reporter.ts'
import { type PlayerEnvironment, withDeadline } from './environment.ts'

const DEADLINE_MS = 5_000

export type Sources = ApiOutputs['playback']['sources']

export class Server {
  readonly #api: ApiClient
  readonly #env: PlayerEnvironment
  readonly #slug: string
  readonly #closing: AbortSignal

  constructor(options: {
    readonly env: PlayerEnvironment
    readonly slug: string
    readonly baseUrl: string
    readonly headers: Record<string, string>
    /** Ends every call. */
    readonly closing: AbortSignal
  }) {
    const { env, slug, baseUrl, headers, closing } = options
    this.#api = createClient({ url: baseUrl, headers, fetch: env.fetch })
    this.#env = env
    this.#slug = slug
    this.#closing = closing
  }

  /** Undefined when the server cannot be reached. A channel that does not exist is never live. */
  async sources(): Promise<Sources | undefined> {
    try {
      return await this.#within(signal => this.#api.playback.sources.query({ slug: this.#slug }, { signal }))
    } catch (error) {
      return reasonOf(error) === 'channel_not_found' ? { isLive: false } : undefined
    }
  }

  /** Milliseconds since the epoch, by the server's clock. Rejects when it cannot be reached. */
  async now(): Promise<number> {
    return (await this.#within(signal => this.#api.playback.clock.query(undefined, { signal }))).now
  }

  /** Rejects when it cannot be reached or wants fewer reports. */
  async reportDelay(report: DelayReport): Promise<void> {
    await this.#within(signal => this.#api.playback.reportDelay.mutate(report, { signal }))
  }

  #within<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(this.#env, DEADLINE_MS, this.#closing, call)
  }
}
