/** Keeps the token that lets this viewer watch what is not for everybody, and asks for the next before it expires. */
import { type PlayerEnvironment, sleep } from './environment.ts'

/** Of a token's time left, so much passes before the next is asked for, and not at all viewers at once. */
const RENEWED_AFTER = { least: 0.6, spread: 0.2 }
const LEAST_PAUSE_MS = 10_000
/** A server that could not be reached is asked again this soon. */
const RETRY_MS = 30_000
const IN_PATH = /\/t\/[\w-]+\.[\w-]+\.[\w-]+\//
const IN_QUERY = /([?&]token=)[\w-]+\.[\w-]+\.[\w-]+/

interface Kept {
  readonly token: string
  /** Milliseconds since the epoch, by the server's clock. */
  readonly expiresAt: number
}

/** What the server says with each answer to where a channel is watched. */
export interface GivenToken {
  readonly token?: string | undefined
  readonly tokenExpiresAt?: string | undefined
}

export interface TokenKeeperOptions {
  readonly env: Pick<PlayerEnvironment, 'setTimeout' | 'clearTimeout'>
  /** Of a share link, or one that somebody else has asked for. */
  readonly given: string | undefined
  /** Asks the server where the channel is watched; what it answers is handed to `take`. Undefined: it cannot be reached. */
  readonly ask: () => Promise<unknown>
  readonly serverNow: () => number
  readonly closing: AbortSignal
  /** There is another token than `former`. */
  readonly onRenewed: (former: string) => void
}

export class TokenKeeper {
  readonly #options: TokenKeeperOptions
  #kept: Kept | undefined
  #isKeeping = false
  /** Aborted when there is another token. */
  #changing = new AbortController()

  constructor(options: TokenKeeperOptions) {
    this.#options = options
  }

  /** What to show for the next; undefined: nothing. */
  get shown(): string | undefined {
    const { given, serverNow } = this.#options
    return this.#kept && this.#kept.expiresAt > serverNow() ? this.#kept.token : given
  }

  /** The one that was got last. */
  get current(): string | undefined {
    return this.#kept?.token
  }

  /** The server has refused what was shown: only what was given at first may help. */
  forget(): void {
    this.#kept = undefined
    this.#changing.abort()
  }

  take({ token, tokenExpiresAt }: GivenToken): void {
    const former = this.#kept?.token
    this.#kept =
      token === undefined || tokenExpiresAt === undefined
        ? undefined
        : { token, expiresAt: Date.parse(tokenExpiresAt) }
    if (this.#kept?.token === former) return
    this.#changing.abort()
    if (former !== undefined && this.#kept) this.#options.onRenewed(former)
    if (this.#kept && !this.#isKeeping) void this.#keep()
  }

  /** `address`, which may have been got hours ago, with the token of now. */
  address(address: string): string {
    const token = this.#kept?.token
    if (token === undefined) return address
    return address.replace(IN_PATH, `/t/${token}/`).replace(IN_QUERY, `$1${token}`)
  }

  /** An address of media that the server did not name itself. */
  carry(path: string): string {
    const token = this.#kept?.token
    return token === undefined ? path : `/t/${token}${path}`
  }

  async #keep(): Promise<void> {
    const { env, ask, closing } = this.#options
    this.#isKeeping = true
    while (this.#kept && !closing.aborted) {
      this.#changing = new AbortController()
      const { signal } = this.#changing
      await sleep(env, this.#pauseMs(this.#kept), closing, signal)
      while (!closing.aborted && !signal.aborted) {
        if (await ask()) break
        await sleep(env, RETRY_MS, closing, signal)
      }
    }
    this.#isKeeping = false
  }

  #pauseMs({ expiresAt }: Kept): number {
    const leftMs = expiresAt - this.#options.serverNow()
    const share = RENEWED_AFTER.least + RENEWED_AFTER.spread * Math.random()
    return Math.max(LEAST_PAUSE_MS, leftMs * share)
  }
}
