/** Remembers why a channel's publisher was refused last, so that the streamer finds the reason after the encoder is gone. */
import type { AppError } from '../errors.ts'

export interface Refusal {
  /** Stable snake_case word: `picture_too_large`. */
  readonly reason: string
  /** In plain words, with the setting that mends it. */
  readonly message: string
  /** Milliseconds since the epoch. */
  readonly refusedAt: number
}

const MAX_CHANNELS = 1_000
const KEPT_MS = 60 * 60_000

/** One refusal a channel for an hour; of more than 1,000 channels the one refused longest ago is forgotten. */
export class Refusals {
  readonly #byChannel = new Map<string, Refusal>()

  record(channelId: string, { reason, message }: AppError, now: number): void {
    this.#byChannel.delete(channelId)
    this.#byChannel.set(channelId, { reason, message, refusedAt: now })
    const [oldest] = this.#byChannel.keys()
    if (this.#byChannel.size > MAX_CHANNELS) this.#byChannel.delete(oldest!)
  }

  find(channelId: string, now: number): Refusal | undefined {
    const refusal = this.#byChannel.get(channelId)
    return refusal && now - refusal.refusedAt < KEPT_MS ? refusal : undefined
  }
}
