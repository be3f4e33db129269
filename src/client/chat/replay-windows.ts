/** The parts of a video's chat that a page holds: loaded ahead in windows of the same times for everybody, and bounded. */
import { type ApiOutputs, reasonOf } from '../api-client.ts'

export type ReplayMessage = ApiOutputs['chat']['replay']['items'][number]

/** As `api.chat.replay.query`. */
export type AskReplay = (input: {
  vodId: string
  fromMs: number
  toMs: number
  limit: number
  cursor?: string
  token?: string
}) => Promise<{ items: ReplayMessage[]; nextCursor?: string | undefined }>

/** What time it is, and how to be called later; a browser's own unless told. */
export interface ReplayClock {
  /** Milliseconds, never going back. */
  now(): number
  /** Answers how to take it back. */
  after(ms: number, run: () => void): () => void
}

export interface ReplayWindowsOptions {
  readonly ask: AskReplay
  readonly vodId: string
  readonly token: string | undefined
  readonly clock: ReplayClock
  /** Something was loaded, or could not be. */
  readonly onChange: () => void
}

/** Round times, so that one answer serves all who watch. */
export const WINDOW_MS = 30_000
const PAGE = 500
/** Of one window; nobody reads more than that in half a minute. */
const MAX_MESSAGES = 5_000
const MAX_WINDOWS = 12
const MAX_AGE_MS = 60_000
const RETRY_MS = 1_000
const MAX_RETRY_MS = 15_000

interface Window {
  readonly messages: readonly ReplayMessage[]
  readonly loadedAt: number
}

export class ReplayWindows {
  readonly #options: ReplayWindowsOptions
  /** By number: window 2 begins at a minute. */
  readonly #loaded = new Map<number, Window>()
  readonly #loading = new Set<number>()
  #wanted: readonly number[] = []
  #failures = 0
  #stopRetry: (() => void) | undefined
  #isRefused = false
  #isClosed = false

  constructor(options: ReplayWindowsOptions) {
    this.#options = options
  }

  /** Nothing can be loaded at the moment. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** And nothing will be: it is not to be seen. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** In the order of their times; undefined: not loaded. */
  find(index: number): readonly ReplayMessage[] | undefined {
    return this.#loaded.get(index)?.messages
  }

  /** Loads these, the first ones first; others that are far from them are forgotten. */
  want(indices: readonly number[]): void {
    this.#wanted = indices.filter(index => index >= 0)
    this.#forget()
    this.#load()
  }

  /** Forgets what was loaded long ago: some of it may have been deleted since. */
  dropStale(): void {
    const before = this.#options.clock.now() - MAX_AGE_MS
    for (const [index, { loadedAt }] of this.#loaded) if (loadedAt < before) this.#loaded.delete(index)
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#stopRetry?.()
  }

  #load(): void {
    if (this.#isClosed || this.#isRefused || this.#stopRetry) return
    for (const index of this.#wanted)
      if (!this.#loaded.has(index) && !this.#loading.has(index)) void this.#loadOne(index)
  }

  async #loadOne(index: number): Promise<void> {
    this.#loading.add(index)
    try {
      const messages = await this.#read(index)
      if (this.#isClosed) return
      this.#failures = 0
      this.#loaded.set(index, { messages, loadedAt: this.#options.clock.now() })
      this.#forget()
    } catch (error) {
      if (this.#isClosed) return
      this.#fail(error)
    } finally {
      this.#loading.delete(index)
    }
    this.#options.onChange()
  }

  async #read(index: number): Promise<ReplayMessage[]> {
    const { ask, vodId, token } = this.#options
    const times = { fromMs: index * WINDOW_MS, toMs: (index + 1) * WINDOW_MS }
    const window = { vodId, ...times, limit: PAGE, ...(token !== undefined && { token }) }
    const messages: ReplayMessage[] = []
    let cursor: string | undefined
    do {
      const page = await ask({ ...window, ...(cursor !== undefined && { cursor }) })
      messages.push(...page.items)
      cursor = page.nextCursor
    } while (cursor !== undefined && messages.length < MAX_MESSAGES && !this.#isClosed)
    return messages
  }

  #fail(error: unknown): void {
    const reason = reasonOf(error)
    this.#isRefused = reason !== undefined && reason !== 'rate_limited' && reason !== 'internal'
    if (this.#isRefused || this.#stopRetry) return
    const ms = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures++)
    this.#stopRetry = this.#options.clock.after(ms, () => {
      this.#stopRetry = undefined
      this.#load()
    })
  }

  #forget(): void {
    const [near = 0] = this.#wanted
    const distant = [...this.#loaded.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near))
    for (const index of distant.slice(0, Math.max(0, distant.length - MAX_WINDOWS)))
      this.#loaded.delete(index)
  }
}
