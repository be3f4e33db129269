/** Knows the visibility of every channel that is watched here, without asking the database, and hears of each change. */
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import type { Visibility } from './access.ts'
import type { PlaybackRepository } from './repository.ts'

export interface VisibilitiesOptions {
  readonly repository: Pick<PlaybackRepository, 'findVisibilities'>
  readonly bus: Bus
  readonly log: Log
  /** A channel's visibility, its members or its share links may be others than they were. Must not throw. */
  readonly onChanged: (channelId: string) => Promise<void>
}

interface Known {
  visibility: Visibility
  /** Refreshes since it was asked for. */
  idleRounds: number
}

const TOPIC = 'playback'
/** A channel that nobody asks for is forgotten after an hour of heartbeats. */
const MAX_IDLE_ROUNDS = 720
const MAX_KNOWN = 50_000

export class Visibilities {
  readonly #options: VisibilitiesOptions
  /** Another object after each change. */
  readonly #channels = new Map<string, Known>()
  readonly #reading = new Map<string, Promise<Visibility>>()
  #stop: () => void = () => {}

  private constructor(options: VisibilitiesOptions) {
    this.#options = options
  }

  static async open(options: VisibilitiesOptions): Promise<Visibilities> {
    const visibilities = new Visibilities(options)
    visibilities.#stop = await options.bus.subscribe(TOPIC, channelId => visibilities.#hear(channelId))
    return visibilities
  }

  /** False also for a channel that is not known yet: `of` makes it known. */
  isPublic(channelId: string): boolean {
    const known = this.#channels.get(channelId)
    if (known === undefined) return false
    known.idleRounds = 0
    return known.visibility === 'public'
  }

  /** Read where it is not known. A channel that does not exist is private. */
  async of(channelId: string): Promise<Visibility> {
    const known = this.#channels.get(channelId)
    if (known) {
      known.idleRounds = 0
      return known.visibility
    }
    const reading = this.#reading.get(channelId) ?? this.#read(channelId)
    this.#reading.set(channelId, reading)
    return reading
  }

  /** Something of it was changed by this instance, and stored. The others hear of it, or find out by `refresh`. */
  async changed(channelId: string): Promise<void> {
    this.#options.bus.publish(TOPIC, channelId).catch(() => {})
    await this.#readAgain(channelId)
  }

  /** Reads what may have changed unheard. For every heartbeat. */
  async refresh(): Promise<void> {
    for (const [channelId, known] of this.#channels)
      if (known.idleRounds++ >= MAX_IDLE_ROUNDS) this.#channels.delete(channelId)
    const asked = [...this.#channels]
    const found = await this.#options.repository.findVisibilities(asked.map(([channelId]) => channelId))
    for (const [channelId, known] of asked) {
      const visibility = found.get(channelId) ?? 'private'
      // What was changed meanwhile is read by itself.
      if (this.#channels.get(channelId) !== known || known.visibility === visibility) continue
      known.visibility = visibility
      await this.#options.onChanged(channelId)
    }
  }

  /** Idempotent. */
  close(): void {
    this.#stop()
    this.#channels.clear()
  }

  #hear(channelId: string): void {
    this.#readAgain(channelId).catch(err =>
      this.#options.log.warn({ err, channelId }, 'the visibility of a channel could not be read'),
    )
  }

  /** Until it has been read, nobody passes by a look-up. */
  async #readAgain(channelId: string): Promise<void> {
    const isWatched = this.#channels.delete(channelId)
    this.#reading.delete(channelId)
    if (isWatched) await this.of(channelId)
    await this.#options.onChanged(channelId)
  }

  async #read(channelId: string): Promise<Visibility> {
    // By the next turn it stands in `#reading`.
    await Promise.resolve()
    const own = this.#reading.get(channelId)
    try {
      const found = await this.#options.repository.findVisibilities([channelId])
      const visibility = found.get(channelId) ?? 'private'
      if (this.#reading.get(channelId) === own) this.#keep(channelId, { visibility, idleRounds: 0 })
      return visibility
    } finally {
      if (this.#reading.get(channelId) === own) this.#reading.delete(channelId)
    }
  }

  #keep(channelId: string, known: Known): void {
    this.#channels.set(channelId, known)
    if (this.#channels.size > MAX_KNOWN) this.#channels.delete(this.#channels.keys().next().value!)
  }
}
