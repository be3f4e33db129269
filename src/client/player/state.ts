/** What a player shows of itself, and what its viewer may choose. */

export type Protocol = 'webrtc' | 'hls'

export interface Sound {
  readonly isMuted: boolean
  /** 0 to 1. */
  readonly volume: number
}

/** One encoded quality of the stream. */
export interface Quality {
  /** `source`, `720p`: the same over every protocol. */
  readonly name: string
  /** In pixels. */
  readonly height: number
  readonly bitrateBps: number
}

/** One of several sounds that the publisher sends. */
export interface AudioOption {
  /** Its place; 0 is the default, the only one that WebRTC carries. */
  readonly index: number
  /** For a person: the language, where it is known. */
  readonly label: string
}

/** What can be rewound to. Times are capture times by the server's clock, in milliseconds since the epoch. */
export interface Timeline {
  readonly startMs: number
  readonly endMs: number
  readonly positionMs: number
  /** It plays as near to the camera as it can. */
  readonly isAtLive: boolean
}

/** The wish that leaves the quality to the bandwidth. */
export const AUTO = 'auto'

export interface PlayerState extends Sound {
  /** What is on screen, or was last. */
  readonly protocol: Protocol | 'none'
  /**
   * `connecting`: no picture yet, or the last one stands while the connection is made anew. `stalled`: connected,
   * nothing arrives. `reconnecting`: the same, since the publisher's connection was lost; it goes on by itself when
   * the publisher returns. `offline`: the channel is not live; playing starts by itself when it is. `refused`:
   * the channel is private, and this viewer may not watch it; it starts by itself when they may. `failed`: live, but this
   * browser could play it in no way; tried again now and then.
   */
  readonly status:
    | 'connecting'
    | 'playing'
    | 'stalled'
    | 'reconnecting'
    | 'offline'
    | 'refused'
    | 'failed'
    | 'closed'
  /** From the camera to this screen, in milliseconds. */
  readonly delayMs: number | undefined
  /** In plain words, why it is not simply playing over WebRTC. */
  readonly reason: string | undefined
  /** The browser wants a click before it lets sound out: `setSound({ isMuted: false })` from a click handler. */
  readonly isSilencedByBrowser: boolean
  /** Best first; empty while there is nothing to choose from. */
  readonly qualities: readonly Quality[]
  /** The name that was chosen, kept over connections, or `auto`. */
  readonly quality: string
  /** The name of what is on screen, where it is known. */
  readonly playingQuality: string | undefined
  /** Empty unless there are several. */
  readonly audioOptions: readonly AudioOption[]
  readonly audioIndex: number
  /** Undefined while nothing can be rewound. */
  readonly timeline: Timeline | undefined
}

export const INITIAL_STATE: Omit<PlayerState, keyof Sound> = {
  protocol: 'none',
  status: 'connecting',
  delayMs: undefined,
  reason: undefined,
  isSilencedByBrowser: false,
  qualities: [],
  quality: AUTO,
  playingQuality: undefined,
  audioOptions: [],
  audioIndex: 0,
  timeline: undefined,
}

/** What a running playback tells of itself a few times a second. */
export interface Sample {
  readonly delayMs: number | undefined
  /** The delay is by capture time, from the camera on; not so: it leaves out what is before the server. */
  readonly isDelayMeasured: boolean
  /** Connected, but nothing new arrives. */
  readonly isStalled: boolean
  readonly qualities: readonly Quality[]
  readonly playingQuality: string | undefined
  /** Undefined: this protocol does not tell. */
  readonly audioOptions: readonly AudioOption[] | undefined
  /** Undefined: this protocol cannot rewind. */
  readonly timeline: Timeline | undefined
}

/** One connection that shows a picture. */
export interface Playback {
  readonly protocol: Protocol
  /** Aborted when it is over, lost or closed. */
  readonly lost: AbortSignal
  /** By name, or `auto`; a name it does not have is `auto`. */
  setQuality(name: string): void
  /** Idempotent. */
  close(): void
}
