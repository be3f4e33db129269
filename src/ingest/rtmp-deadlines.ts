/** How long an RTMP peer may take: every wait has a limit. */

/** How long a peer may take for each step, in milliseconds. */
export interface RtmpDeadlines {
  readonly handshakeMs: number
  readonly connectMs: number
  /** For it to say what it publishes or plays. */
  readonly publishMs: number
  /** From `play` until there is something to send. */
  readonly playMs: number
  /** For our own answer whether the key is good. */
  readonly keyCheckMs: number
  /** From acceptance until the tracks are known. */
  readonly tracksMs: number
  /** A publisher always has something to send: who is silent for longer is gone, though its network has not said so. */
  readonly idleMs: number
  readonly pingMs: number
  /** For the peer to read our last words. */
  readonly lingerMs: number
}

export const DEFAULT_DEADLINES: RtmpDeadlines = {
  handshakeMs: 5_000,
  connectMs: 5_000,
  publishMs: 10_000,
  playMs: 8_000,
  keyCheckMs: 10_000,
  tracksMs: 10_000,
  idleMs: 10_000,
  pingMs: 30_000,
  lingerMs: 2_000,
}
