/** What the player asks of the server and tells it, each call within a deadline. */
import { type ApiClient, type ApiOutputs, createClient, reasonOf } from '../api-client.ts'
import type { DelayReport } from './delay-reporter.ts'
import { type PlayerEnvironment, withDeadline } from './environment.ts'
import { TokenKeeper } from './token-keeper.ts'

const DEADLINE_MS = 5_000

export type Sources = ApiOutputs['playback']['sources'] & {
  /** Why it is not told whether the channel is live. */
  readonly refusal?: Refusal
}
export type Refusal = (typeof REFUSALS)[number]

const REFUSALS = ['not_signed_in', 'playback_forbidden', 'playback_token_invalid'] as const

export class Server {
  readonly #api: ApiClient
  readonly #env: PlayerEnvironment
  readonly #slug: string
  readonly #closing: AbortSignal
  /** Lets in where not everybody may watch. */
  readonly tokens: TokenKeeper

  constructor(options: {
    readonly env: PlayerEnvironment
    readonly slug: string
    readonly baseUrl: string
    readonly headers: Record<string, string>
    /** Of a share link, for what is private. */
    readonly token: string | undefined
    readonly serverNow: () => number
    readonly onTokenRenewed: (former: string) => void
    /** Ends every call. */
    readonly closing: AbortSignal
  }) {
    const { env, slug, baseUrl, headers, token, serverNow, closing } = options
    this.#api = createClient({ url: baseUrl, headers, fetch: env.fetch })
    this.#env = env
    this.#slug = slug
    this.#closing = closing
    this.tokens = new TokenKeeper({
      ...{ env, given: token, serverNow, closing },
      ask: () => this.sources(),
      onRenewed: options.onTokenRenewed,
    })
  }

  /** Undefined when the server cannot be reached. A channel that does not exist is never live, as one is that is not for us. */
  async sources(): Promise<Sources | undefined> {
    const token = this.tokens.shown
    const input = { slug: this.#slug, ...(token !== undefined && { token }) }
    try {
      const sources = await this.#within(signal => this.#api.playback.sources.query(input, { signal }))
      this.tokens.take(sources)
      return sources
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === 'channel_not_found') return { isLive: false }
      const refusal = REFUSALS.find(each => each === reason)
      if (refusal) this.tokens.forget()
      return refusal && { isLive: false, refusal }
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
