/** What the player of a VOD shows of itself. */
import type { Quality, Sound } from '../player/state.ts'

export interface VodPlayerState extends Sound {
  /** `waiting`: it would play, and has not enough media yet. `failed`: this browser could play it in no way. */
  readonly status: 'waiting' | 'playing' | 'paused' | 'ended' | 'failed' | 'closed'
  readonly positionMs: number
  /** 0 until it is known. */
  readonly durationMs: number
  /** Loaded from the position on, up to here. */
  readonly bufferedMs: number
  /** Best first; empty while there is nothing to choose from. */
  readonly qualities: readonly Quality[]
  /** The name that was chosen, or `auto`. */
  readonly quality: string
  readonly playingQuality: string | undefined
  /** 1: as it was. */
  readonly speed: number
  /** In plain words, when it failed. */
  readonly reason: string | undefined
}
