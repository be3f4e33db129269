/** Hides the text of HLS playlists (draft-pantos-hls-rfc8216bis): values in, text out. */
import type { VideoRange } from '../colour.ts'

/** One encoded quality of a stream, or its sound alone. */
export interface Variant {
  readonly uri: string
  /** Peak and average bits per second of its segments, and of a sound's that is played with them. */
  readonly bandwidthBps: number
  readonly averageBandwidthBps: number
  /** RFC 6381; those of every sound it may be played with too. */
  readonly codecs: readonly string[]
  /** Undefined: no picture. */
  readonly resolution?: { readonly width: number; readonly height: number } | undefined
  readonly frameRate?: number | undefined
  /** Undefined: no picture. */
  readonly videoRange?: VideoRange | undefined
}

/** A sound that viewers may choose. */
export interface Sound {
  readonly uri: string
  /** For people; no two have the same. */
  readonly name: string
  /** BCP 47. */
  readonly language?: string | undefined
  readonly channels: number
  /** One at most. */
  readonly isDefault: boolean
  /** A player may choose it by the viewer's language. */
  readonly isAutoSelected: boolean
}

export interface MultivariantPlaylist {
  /** The one to begin with first. */
  readonly variants: readonly Variant[]
  /** One group for every variant. */
  readonly sounds: readonly Sound[]
  /** Every segment of every variant begins with a key frame. */
  readonly hasIndependentSegments: boolean
}

export interface PlaylistPart {
  readonly uri: string
  readonly durationSeconds: number
  readonly isIndependent: boolean
  readonly isGap: boolean
}

export interface PlaylistSegment {
  /** Undefined: a gap before any media. */
  readonly initUri: string | undefined
  /** Wall-clock time of its first frame, milliseconds since the epoch. */
  readonly startsAtMs: number
  readonly isDiscontinuity: boolean
  /** Those to list; none for a segment too old for it. */
  readonly parts: readonly PlaylistPart[]
  /** Undefined: still growing, only its parts are listed. */
  readonly complete:
    | { readonly uri: string; readonly durationSeconds: number; readonly isGap: boolean }
    | undefined
}

export interface PlaylistHeader {
  readonly targetDurationSeconds: number
  readonly partTargetSeconds: number
  readonly canSkipUntilSeconds: number
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  /** How many of the oldest segments a delta update leaves out, with their tags (6.2.5.1); 0: it is none. */
  readonly skippedSegments: number
}

/** How far another rendition has got. */
export interface RenditionReport {
  readonly uri: string
  readonly lastSequence: number
  readonly lastPart: number
}

export interface PlaylistFooter {
  /** The next part; undefined when the playlist has ended. */
  readonly preloadHintUri: string | undefined
  readonly reports: readonly RenditionReport[]
  readonly isEnded: boolean
}

/** A media playlist that does not change. */
export interface VodPlaylist {
  readonly targetDurationSeconds: number
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  /** Every segment begins with a key frame. */
  readonly hasIndependentSegments: boolean
  /** All complete, without parts. */
  readonly segments: readonly PlaylistSegment[]
}

const SOUND_GROUP = 'sound'

/** The multivariant playlist, 4.4.6. */
export function renderMultivariant(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9']
  if (playlist.hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  for (const sound of playlist.sounds) lines.push(soundTag(sound))
  for (const { uri, resolution, frameRate, videoRange, ...variant } of playlist.variants) {
    const attributes = [
      `BANDWIDTH=${variant.bandwidthBps}`,
      `AVERAGE-BANDWIDTH=${variant.averageBandwidthBps}`,
      `CODECS="${variant.codecs.join(',')}"`,
    ]
    if (resolution) attributes.push(`RESOLUTION=${resolution.width}x${resolution.height}`)
    if (frameRate !== undefined) attributes.push(`FRAME-RATE=${frameRate.toFixed(3)}`)
    if (videoRange !== undefined) attributes.push(`VIDEO-RANGE=${videoRange}`)
    if (playlist.sounds.length > 0) attributes.push(`AUDIO="${SOUND_GROUP}"`)
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(',')}`, uri)
  }
  return `${lines.join('\n')}\n`
}

/** A whole media playlist of type VOD, 4.4.3.5: nothing of low latency is in it. */
export function renderVod(playlist: VodPlaylist): string {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    ...(playlist.hasIndependentSegments ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : []),
    `#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`,
    '#EXT-X-PLAYLIST-TYPE:VOD',
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  ]
  const texts = [`${lines.join('\n')}\n`]
  let initUri: string | undefined
  for (const segment of playlist.segments) {
    texts.push(renderSegment(segment, initUri))
    initUri = segment.initUri ?? initUri
  }
  texts.push(renderFooter({ preloadHintUri: undefined, reports: [], isEnded: true }))
  return texts.join('')
}

/** What comes before a live media playlist's segments, 4.4.3. */
export function renderHeader(header: PlaylistHeader): string {
  // Three part targets are what Apple's authoring rules ask for (14.3); the draft's least is two. 4.4.3.8: HOLD-BACK.
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `HOLD-BACK=${decimal(header.targetDurationSeconds * 3)}`,
    `PART-HOLD-BACK=${decimal(header.partTargetSeconds * 3)}`,
    `CAN-SKIP-UNTIL=${decimal(header.canSkipUntilSeconds)}`,
  ]
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    `#EXT-X-TARGETDURATION:${header.targetDurationSeconds}`,
    `#EXT-X-SERVER-CONTROL:${control.join(',')}`,
    `#EXT-X-PART-INF:PART-TARGET=${decimal(header.partTargetSeconds)}`,
    `#EXT-X-MEDIA-SEQUENCE:${header.mediaSequence}`,
    // 6.2.2: it has to be there before the first discontinuity goes, and 6.2.1 lets no tag come later.
    `#EXT-X-DISCONTINUITY-SEQUENCE:${header.discontinuitySequence}`,
  ]
  if (header.skippedSegments > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${header.skippedSegments}`)
  return `${lines.join('\n')}\n`
}

/** A segment with its tags, 4.4.4; `previousInitUri`: that of the segment before, which then need not be told again. */
export function renderSegment(segment: PlaylistSegment, previousInitUri: string | undefined): string {
  const lines: string[] = []
  if (segment.isDiscontinuity) lines.push('#EXT-X-DISCONTINUITY')
  if (segment.initUri !== undefined && segment.initUri !== previousInitUri)
    lines.push(mapTag(segment.initUri))
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startsAtMs).toISOString()}`)
  for (const part of segment.parts) lines.push(partTag(part))
  if (segment.complete) {
    const { durationSeconds, uri, isGap } = segment.complete
    if (isGap) lines.push('#EXT-X-GAP')
    lines.push(`#EXTINF:${duration(durationSeconds)},`, uri)
  }
  return `${lines.join('\n')}\n`
}

/** EXT-X-MAP, 4.4.4.5. */
export function mapTag(initUri: string): string {
  return `#EXT-X-MAP:URI="${initUri}"`
}

/** What comes after a media playlist's segments, 4.4.5. */
export function renderFooter({ preloadHintUri, reports, isEnded }: PlaylistFooter): string {
  const lines: string[] = []
  if (preloadHintUri !== undefined) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${preloadHintUri}"`)
  for (const { uri, lastSequence, lastPart } of reports)
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastSequence},LAST-PART=${lastPart}`)
  if (isEnded) lines.push('#EXT-X-ENDLIST')
  return lines.map(line => `${line}\n`).join('')
}

/**
 * How many segments a delta update may leave out, 4.4.5.2: those that lie whole before the skip boundary,
 * `canSkipUntilSeconds` from the end of the playlist. `durations`: of all its segments, the growing one too.
 */
export function skippableSegments(durations: readonly number[], canSkipUntilSeconds: number): number {
  let untilEnd = 0
  let index = durations.length
  while (index > 0 && untilEnd < canSkipUntilSeconds) untilEnd += durations[--index]!
  return index
}

/** EXT-X-MEDIA, 4.4.6.1. A member that is not chosen by itself has AUTOSELECT left out. */
function soundTag({ uri, name, language, channels, isDefault, isAutoSelected }: Sound): string {
  const attributes = ['TYPE=AUDIO', `GROUP-ID="${SOUND_GROUP}"`, `NAME="${name}"`]
  if (language !== undefined) attributes.push(`LANGUAGE="${language}"`)
  if (isDefault) attributes.push('DEFAULT=YES')
  if (isAutoSelected) attributes.push('AUTOSELECT=YES')
  attributes.push(`CHANNELS="${channels}"`, `URI="${uri}"`)
  return `#EXT-X-MEDIA:${attributes.join(',')}`
}

function partTag(part: PlaylistPart): string {
  const independent = part.isIndependent ? ',INDEPENDENT=YES' : ''
  const gap = part.isGap ? ',GAP=YES' : ''
  return `#EXT-X-PART:DURATION=${duration(part.durationSeconds)},URI="${part.uri}"${independent}${gap}`
}

/**
 * A duration, longer than it is by a nanosecond: durations then never seem to lag behind the media's own times. Where
 * they do, Shaka (until its pull request 10559) puts media anew, for which Chromium drops all pictures up to the next key
 * frame, and cuts a little off the sound.
 */
function duration(seconds: number): string {
  return (seconds + 1e-9).toFixed(9)
}

/** At most three decimals, none of them needless. */
function decimal(value: number): string {
  return String(Number(value.toFixed(3)))
}
