/** A video's chat as a page holds it: what was said appears when the picture is there, wherever somebody seeks. */
import {
  type AskReplay,
  type ReplayClock,
  type ReplayMessage,
  ReplayWindows,
  WINDOW_MS,
} from './replay-windows.ts'

export interface ChatReplayOptions {
  /** As `createClient` makes it. */
  readonly api: { readonly chat: { readonly replay: { readonly query: AskReplay } } }
  readonly vodId: string
  /** Of a share link: opens a private video. */
  readonly token?: string | undefined
  readonly clock?: ReplayClock
}

/** What the player says of itself. */
export interface ReplayPosition {
  /** On the video's time line. */
  readonly positionMs: number
  /** False: paused, or waiting for media. */
  readonly isPlaying?: boolean | undefined
  /** 2: twice as fast. */
  readonly rate?: number | undefined
}

/** `failing`: the server cannot be reached, it is tried again; `unavailable`: the video is not to be seen. */
export type ChatReplayState = 'loading' | 'ready' | 'failing' | 'unavailable'

export interface ChatReplayEvents {
  /** What was said next, in its order; its time has come. */
  readonly messages: readonly ReplayMessage[]
  /** Somebody seeked: in place of all before, the last of what was said up to there. */
  readonly reset: readonly ReplayMessage[]
  readonly state: ChatReplayState
}

/** What is shown at once after seeking. */
const MAX_BEFORE = 100
/** A little early: nobody sees it, and the last ones of a video are not lost to rounding. */
const LEAD_MS = 100
/** Between two of `messages`. */
const STEP_MS = 100
/** So long the picture is thought to go on without a word of the player. */
const TRUST_MS = 1_000
/** Further than that from where it should be, the player has seeked. */
const SEEK_BACK_MS = 1_500
const SEEK_AHEAD_MS = 3_000
/** Who has fallen behind so far begins anew. */
const MAX_BEHIND_MS = 2 * WINDOW_MS

const browserClock: ReplayClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Loads nothing before it is told a position. */
export function createChatReplay(options: ChatReplayOptions): ChatReplay {
  return new ChatReplay(options)
}

export class ChatReplay {
  readonly #clock: ReplayClock
  readonly #windows: ReplayWindows
  readonly #listeners = new Map<string, Set<(event: never) => void>>()
  /** And when that was, by the clock. */
  #told = { positionMs: 0, isPlaying: false, rate: 1, at: 0 }
  /** All of before this was told; undefined: no position is known. */
  #doneMs: number | undefined
  /** What was said up to here is still to be loaded. */
  #isResetting = false
  #state: ChatReplayState = 'loading'
  #stopTimer: (() => void) | undefined
  #isClosed = false

  constructor({ api, vodId, token, clock = browserClock }: ChatReplayOptions) {
    this.#clock = clock
    const ask = api.chat.replay.query
    this.#windows = new ReplayWindows({
      ...{ ask: input => ask(input), vodId, token, clock },
      onChange: () => this.#go(),
    })
  }

  get state(): ChatReplayState {
    return this.#state
  }

  /** Calls `listener` for each event of a type, in order; returns what ends that. */
  on<T extends keyof ChatReplayEvents>(type: T, listener: (event: ChatReplayEvents[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener as (event: never) => void))
    return () => void listeners.delete(listener as (event: never) => void)
  }

  /** Where the player is: a few times a second while it plays, and at once when it seeks, stops or goes on. */
  follow({ positionMs, isPlaying = true, rate = 1 }: ReplayPosition): void {
    if (this.#isClosed) return
    const expected = this.#position()
    const isSeek = positionMs < expected - SEEK_BACK_MS || positionMs > expected + SEEK_AHEAD_MS
    this.#told = { positionMs, isPlaying, rate, at: this.#clock.now() }
    if (this.#doneMs === undefined || isSeek) this.#seek(positionMs)
    this.#go()
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#windows.close()
    this.#stopTimer?.()
    this.#listeners.clear()
  }

  /** Where the picture is now, as far as can be told. */
  #position(): number {
    const { positionMs, isPlaying, rate, at } = this.#told
    return isPlaying ? positionMs + Math.min(TRUST_MS, this.#clock.now() - at) * rate : positionMs
  }

  #seek(positionMs: number): void {
    this.#doneMs = endOf(positionMs)
    this.#isResetting = true
    this.#windows.dropStale()
  }

  #go(): void {
    if (this.#isClosed || this.#doneMs === undefined) return
    const position = this.#position()
    if (position - this.#doneMs > MAX_BEHIND_MS) this.#seek(position)
    const at = indexOf(position)
    this.#windows.want(this.#isResetting ? [at, at - 1, at + 1] : [indexOf(this.#doneMs), at, at + 1])
    if (this.#isResetting) this.#reset()
    if (!this.#isResetting) this.#advance(endOf(position))
    this.#become(this.#stateNow())
    this.#schedule()
  }

  /** What was said before is told once it is there; until then nothing is. */
  #reset(): void {
    const until = this.#doneMs!
    const [before, now] = [this.#windows.find(indexOf(until) - 1), this.#windows.find(indexOf(until))]
    const isLoaded = now !== undefined && (before !== undefined || until < WINDOW_MS)
    if (!isLoaded) return
    this.#isResetting = false
    const said = [...(before ?? []), ...now].filter(message => message.offsetMs < until)
    this.#emit('reset', said.slice(-MAX_BEFORE))
  }

  /** Tells what was said up to before `until`, as far as it is loaded. */
  #advance(until: number): void {
    const due: ReplayMessage[] = []
    while (this.#doneMs! < until) {
      const index = indexOf(this.#doneMs!)
      const messages = this.#windows.find(index)
      if (!messages) break
      const from = this.#doneMs!
      const to = Math.min(until, (index + 1) * WINDOW_MS)
      for (const message of messages) if (message.offsetMs >= from && message.offsetMs < to) due.push(message)
      this.#doneMs = to
    }
    if (due.length > 0) this.#emit('messages', due)
  }

  /** Comes back when the next message is due, for as long as the player is believed to go on. */
  #schedule(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    const { isPlaying, rate, at } = this.#told
    const leftMs = TRUST_MS - (this.#clock.now() - at)
    if (!isPlaying || this.#isResetting || leftMs <= 0 || rate <= 0) return
    const next = this.#windows.find(indexOf(this.#doneMs!))?.find(each => each.offsetMs >= this.#doneMs!)
    const dueMs = next ? (next.offsetMs - LEAD_MS - this.#position()) / rate : leftMs
    this.#stopTimer = this.#clock.after(Math.max(STEP_MS, Math.min(leftMs, dueMs)), () => this.#go())
  }

  #stateNow(): ChatReplayState {
    if (this.#windows.isRefused) return 'unavailable'
    const isHere = !this.#isResetting && this.#windows.find(indexOf(this.#doneMs!)) !== undefined
    if (isHere) return 'ready'
    return this.#windows.isFailing ? 'failing' : 'loading'
  }

  #become(state: ChatReplayState): void {
    if (this.#state === state) return
    this.#state = state
    this.#emit('state', state)
  }

  #emit<T extends keyof ChatReplayEvents>(type: T, event: ChatReplayEvents[T]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])])
      (listener as (event: ChatReplayEvents[T]) => void)(event)
  }
}

/** What is due at a position was said before this. */
function endOf(positionMs: number): number {
  return Math.max(0, Math.floor(positionMs + LEAD_MS) + 1)
}

function indexOf(offsetMs: number): number {
  return Math.floor(Math.max(0, offsetMs) / WINDOW_MS)
}
