/** How a media playlist names and lists what a window holds. */
import { type PlaylistPart, renderSegment } from '../../media/hls/playlist.ts'
import type { Part, Segment } from './segment.ts'

export function partUri(sequence: number, index: number): string {
  return `${sequence}.${index}.m4s`
}

function segmentUri(sequence: number): string {
  return `${sequence}.m4s`
}

export function initUri(index: number | undefined): string | undefined {
  return index === undefined ? undefined : `init-${index}.mp4`
}

/** The parts of a segment as a playlist lists them. */
export function listParts(sequence: number, parts: readonly Part[]): PlaylistPart[] {
  return parts.map(({ durationSeconds, isIndependent, isGap }, index) => ({
    uri: partUri(sequence, index),
    durationSeconds,
    isIndependent,
    isGap,
  }))
}

/** As a playlist lists it, with these `parts`, after a segment with another init segment or not. */
export function renderStored(
  segment: Segment,
  index: number | undefined,
  previousIndex: number | undefined,
  parts: readonly PlaylistPart[] = [],
): string {
  const { sequence, startsAtMs, isDiscontinuity, durationSeconds, isGap } = segment
  const complete = { uri: segmentUri(sequence), durationSeconds, isGap }
  return renderSegment(
    { initUri: initUri(index), startsAtMs, isDiscontinuity, parts, complete },
    initUri(previousIndex),
  )
}
