/** What HLS viewers of one stream hold on to: its renditions and their count. */
import type { Broadcast, Sink } from '../live/broadcast.ts'
import type { Output, StreamIdentity } from '../live/output.ts'
import { Rendition } from './rendition.ts'
import { Viewers } from './viewers.ts'
import type { WindowLimits } from './window.ts'

export interface HlsLimits extends WindowLimits {
  /** Requests of one stream that may wait at once. */
  readonly maxHeldRequests: number
  /** How long an ended stream stays readable, so that players finish. */
  readonly lingerMs: number
}

export class HlsStream implements Output {
  readonly identity: StreamIdentity
  readonly viewers: Viewers
  readonly #source: Rendition
  readonly #onEnd: () => void
  #isEnded = false

  /** `onEnd`: called once, when the last part is in the playlist. `now`: milliseconds since the epoch. */
  constructor(options: {
    identity: StreamIdentity
    limits: HlsLimits
    now: () => number
    onEnd: () => void
  }) {
    const { identity, limits, now, onEnd } = options
    this.identity = identity
    this.viewers = new Viewers(now)
    this.#source = new Rendition({ name: 'source', limits, maxHeld: limits.maxHeldRequests })
    this.#onEnd = onEnd
  }

  /** Best first; the source always exists. */
  get renditions(): readonly [Rendition, ...Rendition[]] {
    return [this.#source]
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get viewerCount(): number {
    return this.viewers.count
  }

  attach(broadcast: Broadcast): Sink {
    const { video, audio } = broadcast.tracks
    return this.#source.attach(audio ? [video, audio] : [video], broadcast.clock)
  }

  /** The playlists end at once and whoever waits is answered; the media stays readable for a while. Idempotent. */
  async close(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const rendition of this.renditions) rendition.end()
    this.#onEnd()
  }
}
