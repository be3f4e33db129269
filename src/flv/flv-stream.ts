/** One stream for FLV and RTMP players: writes each unit once, keeps the last group of pictures, serves every viewer. */
import type { AccessUnit } from '../../media/access-unit.ts'
import { AppError } from '../errors.ts'
import type { Broadcast, Sink } from '../live/broadcast.ts'
import type { Output, StreamIdentity } from '../live/output.ts'
import type { Log } from '../log.ts'
import { GroupCache } from './group-cache.ts'
import { type FlvMessage, type FlvTracks, headerMessages, unitMessage } from './message.ts'
import { StreamTimeline } from './stream-timeline.ts'
import { SUBSCRIPTION_LIMITS, Subscription, type SubscriptionLimits } from './subscription.ts'

const MAX_VIEWERS = 5_000

export interface FlvStreamOptions {
  readonly identity: StreamIdentity
  readonly log: Log
  readonly onEnd: () => void
  readonly limits?: Partial<SubscriptionLimits>
}

export interface SubscribeOptions {
  /** There is something to take, or it is over. It is called in the tick in which media arrives, and must not wait. */
  readonly onReadable: () => void
  /** Starts with the next key picture instead of the last one: later, but nearer to live. */
  readonly skipsCache?: boolean
  /** The browser's; without it the viewer counts as somebody else than all others. */
  readonly viewerKey?: string | undefined
}

export class FlvStream implements Output {
  readonly identity: StreamIdentity
  readonly #options: FlvStreamOptions
  readonly #limits: SubscriptionLimits
  /** With what each is counted by. */
  readonly #viewers = new Map<Subscription, string>()
  readonly #cache = new GroupCache()
  readonly #timeline = new StreamTimeline()
  /** Of the running broadcast, or the last one; empty before the first key picture. */
  #headers: readonly FlvMessage[] = []
  #isEnded = false

  constructor(options: FlvStreamOptions) {
    this.identity = options.identity
    this.#options = options
    this.#limits = { ...SUBSCRIPTION_LIMITS, ...options.limits }
  }

  get viewerCount(): number {
    return this.#viewers.size
  }

  viewerKeys(): Iterable<string> {
    return this.#viewers.values()
  }

  /** Whether the stream has sound that these players can take; known when there is something to take. */
  get hasAudio(): boolean {
    return this.#headers.some(header => header.type === 'audio')
  }

  attach(broadcast: Broadcast): Sink {
    const tracks: FlvTracks = { video: broadcast.tracks.video, audio: broadcast.aac }
    this.#timeline.startBroadcast(broadcast.clock)
    let isStarted = false
    let isClosed = false
    const write = (unit: AccessUnit) => {
      if (isClosed || (unit.track !== tracks.video && unit.track !== tracks.audio)) return
      if (!isStarted && !(unit.track === tracks.video && unit.isKey)) return
      const { track, dts } = unit
      const timestampMs = this.#timeline.place(track.kind, (dts / track.timescale) * 1000)
      if (timestampMs === undefined) return
      if (!isStarted) this.#start(tracks, timestampMs)
      isStarted = true
      this.#deliver(unitMessage(unit, timestampMs))
    }
    const close = async () => {
      isClosed = true
    }
    return { write, close }
  }

  /**
   * A viewer: headers, the last group of pictures, then what comes, over every broadcast of the stream. Before the first
   * key picture there is nothing to take. Its owner closes it. Throws `AppError` LIMIT `viewers_too_many`, NOT_FOUND
   * `channel_not_live`.
   */
  subscribe({ onReadable, skipsCache = false, viewerKey }: SubscribeOptions): Subscription {
    if (this.#isEnded) throw new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
    if (this.#viewers.size >= MAX_VIEWERS)
      throw new AppError('LIMIT', 'viewers_too_many', 'Too many viewers are watching this channel.')
    const viewer: Subscription = new Subscription({
      backlog: skipsCache ? this.#headers : [...this.#headers, ...this.#cache.messages],
      onReadable,
      onClose: () => this.#forget(viewer),
      limits: this.#limits,
    })
    this.#viewers.set(viewer, viewerKey ?? crypto.randomUUID())
    return viewer
  }

  /** Viewers may still take what is queued for them. Idempotent. */
  async close(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#cache.clear()
    for (const viewer of this.#viewers.keys()) this.#guard(viewer, () => viewer.end())
    this.#options.onEnd()
  }

  /** The first key picture of a broadcast: what was kept of the one before does not lead up to it. */
  #start(tracks: FlvTracks, timestampMs: number): void {
    this.#cache.clear()
    this.#headers = headerMessages(tracks, timestampMs)
    for (const header of this.#headers) for (const viewer of this.#viewers.keys()) this.#write(viewer, header)
  }

  #deliver(message: FlvMessage): void {
    this.#cache.add(message)
    for (const viewer of this.#viewers.keys()) this.#write(viewer, message)
  }

  #write(viewer: Subscription, message: FlvMessage): void {
    this.#guard(viewer, () => viewer.write(message, this.#headers))
  }

  /** What one viewer's connection throws must not hurt another. */
  #guard(viewer: Subscription, work: () => void): void {
    try {
      work()
    } catch (err) {
      this.#options.log.error({ err }, 'a viewer of FLV failed')
      this.#viewers.delete(viewer)
    }
  }

  #forget(viewer: Subscription): void {
    this.#viewers.delete(viewer)
    const { droppedMessages } = viewer
    if (droppedMessages > 0) this.#options.log.info({ droppedMessages }, 'a viewer of FLV was too slow')
  }
}
