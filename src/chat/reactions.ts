/** Carries what floats over the picture, and how many like it, between instances and to the rooms. */
import type { Bus } from '../redis/bus.ts'
import type { StateEvent } from './events.ts'
import { type Counts, RoomReactions } from './reactions-room.ts'

const TOPIC = 'chat-reactions'
/** Those longest without reactions are forgotten. */
const MAX_ROOMS = 5_000

export interface ReactionsOptions {
  readonly bus: Bus
  /** Tells who is in the channel's room on this instance, if anybody is. */
  readonly tell: (channelId: string, event: StateEvent & { type: 'reactions' }) => void
  /** Likes of the stream that the channel has open; 0 without one. */
  readonly countLikes: (channelId: string) => Promise<number>
}

export class Reactions {
  readonly #options: ReactionsOptions
  /** By channel, in the order of use. */
  readonly #rooms = new Map<string, RoomReactions>()
  #stop: () => void = () => {}

  private constructor(options: ReactionsOptions) {
    this.#options = options
  }

  static async open(options: ReactionsOptions): Promise<Reactions> {
    const reactions = new Reactions(options)
    reactions.#stop = await options.bus.subscribe(TOPIC, text => reactions.#hear(text))
    return reactions
  }

  /** A click of the person `key`. Throws `AppError` INVALID (`reaction_unknown`), LIMIT (`rate_limited`). */
  add(channelId: string, key: string, reaction: string): void {
    this.#room(channelId).add(key, reaction)
  }

  /** Somebody likes the channel's open stream, or does no more. */
  likesChanged(channelId: string): void {
    this.#publish(channelId, {})
  }

  /** What was not told yet is dropped. Idempotent. */
  close(): void {
    this.#stop()
    for (const room of this.#rooms.values()) room.close()
    this.#rooms.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #room(channelId: string): RoomReactions {
    const room = this.#rooms.get(channelId) ?? this.#open(channelId)
    this.#rooms.delete(channelId)
    this.#rooms.set(channelId, room)
    const [oldest] = this.#rooms
    if (this.#rooms.size > MAX_ROOMS && oldest) {
      oldest[1].close()
      this.#rooms.delete(oldest[0])
    }
    return room
  }

  #open(channelId: string): RoomReactions {
    return new RoomReactions({
      publish: counts => this.#publish(channelId, counts),
      emit: event => this.#options.tell(channelId, event),
      countLikes: () => this.#options.countLikes(channelId),
    })
  }

  #publish(channelId: string, counts: Counts): void {
    const text = JSON.stringify({ channelId, counts })
    // While the bus is away those of this instance see each other's.
    this.#options.bus.publish(TOPIC, text).catch(() => this.#hear(text))
  }

  #hear(text: string): void {
    const { channelId, counts } = JSON.parse(text) as { channelId?: unknown; counts?: unknown }
    if (typeof channelId === 'string') this.#room(channelId).hear(counts)
  }
}
