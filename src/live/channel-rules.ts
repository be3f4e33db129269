/** What a channel's owner and the instance allow its publishers, as the live session enforces it. */

/** Limits on incoming media; what is undefined is not limited. */
export interface IngestLimits {
  readonly maxWidth?: number | undefined
  readonly maxHeight?: number | undefined
  readonly maxFrameRate?: number | undefined
  /** Picture and sound together, over five seconds. */
  readonly maxBitrateBps?: number | undefined
  readonly maxKeyFrameIntervalMs?: number | undefined
  /** Accepted codecs of the picture. */
  readonly videoCodecs?: readonly ('h264' | 'hevc' | 'av1')[] | undefined
  /** Accepted codecs of every sound. */
  readonly audioCodecs?: readonly ('aac' | 'opus')[] | undefined
  /** How long one stream may last. */
  readonly maxSessionMs?: number | undefined
}

export interface ChannelRules {
  /** What happens to a second publisher with the channel's key while the first is alive. */
  readonly secondPublisher: 'reject' | 'takeover'
  /** Whether the primary takes over from the backup by itself when it is back. */
  readonly backupReturn: 'automatic' | 'manual'
  /** What happens to a publisher beyond a limit. */
  readonly onBreach: 'refuse' | 'warn'
  /** The strictest of the instance's and the channel's. */
  readonly limits: IngestLimits
  /** Beyond these a publisher is refused even where `onBreach` is `warn`: the instance's, where it insists on them. */
  readonly refuseBeyond?: IngestLimits | undefined
}

export const DEFAULT_RULES: ChannelRules = {
  secondPublisher: 'reject',
  backupReturn: 'automatic',
  onBreach: 'refuse',
  limits: {},
}
