/** What a channel's owner decides about its publishers, and how that joins with what the instance allows. */
import { AppError } from '../errors.ts'

export type VideoCodec = 'h264' | 'hevc' | 'av1'
export type AudioCodec = 'aac' | 'opus'

/** Limits on incoming media; what is undefined is not limited. */
export interface IngestLimits {
  readonly maxWidth?: number | undefined
  readonly maxHeight?: number | undefined
  readonly maxFrameRate?: number | undefined
  /** Picture and sound together. */
  readonly maxBitrateBps?: number | undefined
  readonly maxKeyFrameIntervalMs?: number | undefined
  readonly videoCodecs?: readonly VideoCodec[] | undefined
  readonly audioCodecs?: readonly AudioCodec[] | undefined
  /** How long one stream may last. */
  readonly maxSessionMs?: number | undefined
}

/** What happens to a publisher beyond a limit. */
export type OnBreach = 'refuse' | 'warn'

/** Who may watch live: everybody, and it is listed; whoever has the address; who is let in. */
export type Visibility = 'public' | 'unlisted' | 'private'

/** What happens with a channel's streams beside their way in. */
export interface Publishing {
  readonly visibility: Visibility
  /** What a stream becomes when it ends; `off`: nothing. */
  readonly vodVisibility: Visibility | 'off'
  /** How long VODs of streams are kept; null: for ever, or as long as the instance keeps them. */
  readonly vodRetentionDays: number | null
  /** Who may cut clips; who runs the channel always may. */
  readonly clipsBy: 'everyone' | 'followers' | 'members' | 'nobody'
}

export interface ChannelSettings extends Publishing {
  /** What happens to a second publisher with the channel's key while the first is alive. */
  readonly secondPublisher: 'reject' | 'takeover'
  /** Whether the primary takes over from the backup by itself when it is back. */
  readonly backupReturn: 'automatic' | 'manual'
  readonly onBreach: OnBreach
  readonly ingestLimits: IngestLimits
}

/** What is undefined stays; a limit that is null is taken away. */
export interface SettingsChanges extends PublishingChanges {
  readonly secondPublisher?: ChannelSettings['secondPublisher'] | undefined
  readonly backupReturn?: ChannelSettings['backupReturn'] | undefined
  readonly onBreach?: OnBreach | undefined
  readonly ingestLimits?: { readonly [Name in keyof IngestLimits]: IngestLimits[Name] | null } | undefined
}

type PublishingChanges = { readonly [Name in keyof Publishing]?: Publishing[Name] | undefined }

/** What the operator allows every channel. */
export interface InstanceIngest {
  readonly limits: IngestLimits
  readonly onBreach: OnBreach
}

/** What holds for a channel's publishers. */
export interface ChannelRules extends Omit<ChannelSettings, 'ingestLimits' | keyof Publishing> {
  /** The strictest of the instance's and the channel's. */
  readonly limits: IngestLimits
  /** Beyond these a publisher is refused even where `onBreach` is `warn`. */
  readonly refuseBeyond?: IngestLimits | undefined
}

/**
 * Throws `AppError` INVALID (`video_codecs_unavailable`, `audio_codecs_unavailable`) when the instance takes none of the
 * chosen codecs.
 */
export function changeSettings(
  current: ChannelSettings,
  changes: SettingsChanges,
  instance: InstanceIngest,
): ChannelSettings {
  const { limits } = instance
  assertTaken(limits.videoCodecs, changes.ingestLimits?.videoCodecs, 'video_codecs_unavailable')
  assertTaken(limits.audioCodecs, changes.ingestLimits?.audioCodecs, 'audio_codecs_unavailable')
  return {
    secondPublisher: changes.secondPublisher ?? current.secondPublisher,
    backupReturn: changes.backupReturn ?? current.backupReturn,
    onBreach: changes.onBreach ?? current.onBreach,
    ingestLimits: changeLimits(current.ingestLimits, changes.ingestLimits ?? {}),
    visibility: changes.visibility ?? current.visibility,
    vodVisibility: changes.vodVisibility ?? current.vodVisibility,
    vodRetentionDays:
      changes.vodRetentionDays === undefined ? current.vodRetentionDays : changes.vodRetentionDays,
    clipsBy: changes.clipsBy ?? current.clipsBy,
  }
}

function assertTaken<Codec extends string>(
  taken: readonly Codec[] | undefined,
  chosen: readonly Codec[] | null | undefined,
  reason: string,
): void {
  if (!chosen || !taken || common(taken, chosen).length > 0) return
  const message = `This server takes only ${taken.join(', ')}: choose at least one of these.`
  throw new AppError('INVALID', reason, message)
}

function changeLimits(
  current: IngestLimits,
  changes: NonNullable<SettingsChanges['ingestLimits']>,
): IngestLimits {
  const said = Object.entries(changes).filter(([, limit]) => limit !== undefined)
  const limits = { ...current, ...Object.fromEntries(said) }
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== null))
}

/** The instance's limits are refused as strictly as either side wants, the channel's own as its owner wants. */
export function rulesOf(
  {
    ingestLimits,
    secondPublisher,
    backupReturn,
    onBreach,
  }: Pick<ChannelSettings, 'ingestLimits' | 'secondPublisher' | 'backupReturn' | 'onBreach'>,
  instance: InstanceIngest,
): ChannelRules {
  const isStricter = instance.onBreach === 'refuse' && onBreach === 'warn'
  return {
    ...{ secondPublisher, backupReturn, onBreach },
    limits: strictest(instance.limits, ingestLimits),
    ...(isStricter && { refuseBeyond: instance.limits }),
  }
}

function strictest(instance: IngestLimits, channel: IngestLimits): IngestLimits {
  return {
    maxWidth: lower(instance.maxWidth, channel.maxWidth),
    maxHeight: lower(instance.maxHeight, channel.maxHeight),
    maxFrameRate: lower(instance.maxFrameRate, channel.maxFrameRate),
    maxBitrateBps: lower(instance.maxBitrateBps, channel.maxBitrateBps),
    maxKeyFrameIntervalMs: lower(instance.maxKeyFrameIntervalMs, channel.maxKeyFrameIntervalMs),
    videoCodecs: codecsOf(instance.videoCodecs, channel.videoCodecs),
    audioCodecs: codecsOf(instance.audioCodecs, channel.audioCodecs),
    maxSessionMs: lower(instance.maxSessionMs, channel.maxSessionMs),
  }
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}

/** What the owner chose before the instance took other codecs leaves a channel that takes what the instance takes. */
function codecsOf<Codec extends string>(
  instance: readonly Codec[] | undefined,
  channel: readonly Codec[] | undefined,
): readonly Codec[] | undefined {
  if (!instance || !channel) return instance ?? channel
  const both = common(instance, channel)
  return both.length > 0 ? both : instance
}

function common<Codec extends string>(a: readonly Codec[], b: readonly Codec[]): Codec[] {
  return a.filter(codec => b.includes(codec))
}
