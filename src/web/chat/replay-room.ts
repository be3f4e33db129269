/** A chat that is replayed, as the panel shows it. */
import type { ChatReplay, ChatReplayState, ReplayMessage, ReplayPosition } from '../../client/index.ts'
import type { ReadRoom, ReadState } from './message-list.tsx'
import { MessageLog } from './message-log.ts'

export interface ReplayState extends ReadState {
  readonly replay: ChatReplayState
  /** How often somebody has seeked: another list is shown from then on. */
  readonly seeks: number
}

export class ReplayRoom implements ReadRoom {
  readonly #replay: ChatReplay
  readonly #log = new MessageLog()
  readonly #listeners = new Set<() => void>()
  #isReading = false
  #state: ReplayState

  constructor(replay: ChatReplay) {
    this.#replay = replay
    this.#state = { entries: [], isLoaded: false, unread: 0, me: undefined, replay: replay.state, seeks: 0 }
    replay.on('messages', messages => this.#add(messages))
    replay.on('reset', messages => {
      this.#log.reset(messages)
      this.#isReading = false
      const seeks = this.#state.seeks + 1
      this.#change({ entries: this.#log.entries, isLoaded: true, unread: 0, seeks })
    })
    replay.on('state', state => this.#change({ replay: state }))
  }

  get state(): ReplayState {
    return this.#state
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  follow(position: ReplayPosition): void {
    this.#replay.follow(position)
  }

  /** Somebody reads further up, or has come back to the newest. */
  setReading(isReading: boolean): void {
    if (this.#isReading === isReading) return
    this.#isReading = isReading
    this.#log.apply([], isReading)
    this.#change({ entries: this.#log.entries, unread: 0 })
  }

  /** What was said long before is where somebody seeks to. */
  async readOlder(): Promise<void> {}

  /** A line that only this page shows. */
  note(text: string): void {
    this.#log.note(text)
    this.#change({ entries: this.#log.entries })
  }

  /** Idempotent. */
  close(): void {
    this.#replay.close()
    this.#listeners.clear()
  }

  #add(messages: readonly ReplayMessage[]): void {
    const events = messages.map(message => ({ type: 'message', seq: 0, message }) as const)
    const added = this.#log.apply(events, this.#isReading)
    const unread = this.#isReading ? this.#state.unread + added : 0
    this.#change({ entries: this.#log.entries, unread })
  }

  #change(changes: Partial<ReplayState>): void {
    this.#state = { ...this.#state, ...changes }
    for (const listener of this.#listeners) listener()
  }
}
