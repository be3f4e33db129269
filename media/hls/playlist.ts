/** Hides the text of HLS playlists (draft-pantos-hls-rfc8216bis): values in, text out. */

/** One encoded quality of a stream, or its sound alone. */
export interface Variant {
  readonly uri: string
  /** Peak and average bits per second of its segments. */
  readonly bandwidthBps: number
  readonly averageBandwidthBps: number
  /** RFC 6381. */
  readonly codecs: readonly string[]
  /** Undefined: no picture. */
  readonly resolution?: { readonly width: number; readonly height: number } | undefined
  readonly frameRate?: number | undefined
}

export interface PlaylistPart {
  readonly uri: string
  readonly durationSeconds: number
  readonly isIndependent: boolean
}

export interface PlaylistSegment {
  readonly initUri: string
  /** Wall-clock time of its first frame, milliseconds since the epoch. */
  readonly startsAtMs: number
  readonly isDiscontinuity: boolean
  /** Those to list; none for a segment too old for it. */
  readonly parts: readonly PlaylistPart[]
  /** Undefined: still growing, only its parts are listed. */
  readonly complete: { readonly uri: string; readonly durationSeconds: number } | undefined
}

export interface MediaPlaylist {
  readonly targetDurationSeconds: number
  readonly partTargetSeconds: number
  readonly canSkipUntilSeconds: number
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  /** Every listed segment begins with a key frame. */
  readonly hasIndependentSegments: boolean
  readonly segments: readonly PlaylistSegment[]
  /** The next part; undefined when the playlist has ended. */
  readonly preloadHintUri: string | undefined
  readonly isEnded: boolean
}

/** The multivariant playlist, 4.4.6. `hasIndependentSegments` must hold for every variant. */
export function renderMultivariant(variants: readonly Variant[], hasIndependentSegments: boolean): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9']
  if (hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  for (const { uri, resolution, frameRate, ...variant } of variants) {
    const attributes = [
      `BANDWIDTH=${variant.bandwidthBps}`,
      `AVERAGE-BANDWIDTH=${variant.averageBandwidthBps}`,
      `CODECS="${variant.codecs.join(',')}"`,
    ]
    if (resolution) attributes.push(`RESOLUTION=${resolution.width}x${resolution.height}`)
    if (frameRate !== undefined) attributes.push(`FRAME-RATE=${frameRate.toFixed(3)}`)
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(',')}`, uri)
  }
  return `${lines.join('\n')}\n`
}

/**
 * The media playlist, 4.4.3 to 4.4.5, or its delta update (6.2.5.1) without the oldest `skippedSegments`, whose
 * tags, EXT-X-MAP too, are then left out.
 */
export function renderMediaPlaylist(playlist: MediaPlaylist, skippedSegments = 0): string {
  const lines = header(playlist)
  if (skippedSegments > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skippedSegments}`)
  let initUri = playlist.segments[skippedSegments - 1]?.initUri
  for (const segment of playlist.segments.slice(skippedSegments)) {
    if (segment.isDiscontinuity) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.initUri !== initUri) lines.push(`#EXT-X-MAP:URI="${segment.initUri}"`)
    initUri = segment.initUri
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startsAtMs).toISOString()}`)
    for (const part of segment.parts) lines.push(partTag(part))
    if (segment.complete)
      lines.push(`#EXTINF:${segment.complete.durationSeconds.toFixed(5)},`, segment.complete.uri)
  }
  if (playlist.preloadHintUri !== undefined)
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHintUri}"`)
  if (playlist.isEnded) lines.push('#EXT-X-ENDLIST')
  return `${lines.join('\n')}\n`
}

/**
 * How many segments a delta update may leave out, 4.4.5.2: those that lie whole before the skip boundary,
 * CAN-SKIP-UNTIL from the playlist's end.
 */
export function skippableSegments(playlist: MediaPlaylist): number {
  const durations = playlist.segments.map(
    segment => segment.complete?.durationSeconds ?? sumDurations(segment.parts),
  )
  let untilEnd = 0
  let index = durations.length
  while (index > 0 && untilEnd < playlist.canSkipUntilSeconds) untilEnd += durations[--index]!
  return index
}

function header(playlist: MediaPlaylist): string[] {
  // Three part targets are what Apple's authoring rules ask for (14.3); the draft's least is two.
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `PART-HOLD-BACK=${decimal(playlist.partTargetSeconds * 3)}`,
    `CAN-SKIP-UNTIL=${decimal(playlist.canSkipUntilSeconds)}`,
  ]
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    `#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`,
    `#EXT-X-SERVER-CONTROL:${control.join(',')}`,
    `#EXT-X-PART-INF:PART-TARGET=${decimal(playlist.partTargetSeconds)}`,
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
  ]
  if (playlist.discontinuitySequence > 0)
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`)
  if (playlist.hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  return lines
}

function partTag(part: PlaylistPart): string {
  const independent = part.isIndependent ? ',INDEPENDENT=YES' : ''
  return `#EXT-X-PART:DURATION=${part.durationSeconds.toFixed(5)},URI="${part.uri}"${independent}`
}

function sumDurations(parts: readonly PlaylistPart[]): number {
  return parts.reduce((sum, part) => sum + part.durationSeconds, 0)
}

/** At most three decimals, none of them needless. */
function decimal(value: number): string {
  return String(Number(value.toFixed(3)))
}
