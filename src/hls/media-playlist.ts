/** Writes the media playlist of a window as it is now; lines of old segments were written when these were complete. */
import {
  mapTag,
  type RenditionReport,
  renderFooter,
  renderHeader,
  renderSegment,
  skippableSegments,
} from '../../media/hls/playlist.ts'
import { initUri, listParts, partUri, renderStored } from './segment-lines.ts'
import type { StoredSegment } from './segment-list.ts'
import type { Window } from './window.ts'

/** A delta update may skip what is older, 4.4.3.8: at least six target durations. */
const SKIP_TARGET_DURATIONS = 6
/** Parts of segments that begin earlier are not listed: 6.2.2 wants them gone after three target durations. */
const PARTS_TARGET_DURATIONS = 2.5

/**
 * The playlist of now, or with `isDelta` its delta update where there is something to skip; the window `isReady`.
 * `reports`: how far the stream's other renditions have got, 4.4.5.4.
 */
export function writeMediaPlaylist(
  window: Window,
  reports: readonly RenditionReport[],
  isDelta: boolean,
): string {
  const { listed, isEnded } = window
  const { targetDurationSeconds, partTargetSeconds } = window.timing!
  const canSkipUntilSeconds = SKIP_TARGET_DURATIONS * targetDurationSeconds
  const skippedSegments = isDelta ? countSkippable(window, listed, canSkipUntilSeconds) : 0
  const first = listed[0]!
  const { discontinuity, isDiscontinuity, sequence: mediaSequence } = first.segment
  const header = renderHeader({
    targetDurationSeconds,
    partTargetSeconds,
    canSkipUntilSeconds,
    mediaSequence,
    // The first segment's own discontinuity is told by its tag.
    discontinuitySequence: discontinuity - (isDiscontinuity ? 1 : 0),
    skippedSegments,
  })
  const { sequence, index } = window.nextPart
  const preloadHintUri = isEnded ? undefined : partUri(sequence, index)
  const footer = renderFooter({ preloadHintUri, reports: isEnded ? [] : reports, isEnded })
  return header + segmentLines(window, listed, skippedSegments) + footer
}

function countSkippable(window: Window, listed: readonly StoredSegment[], untilSeconds: number): number {
  // Only the end is looked at: there may be thousands of segments.
  const open = window.open ? [durationOf(window.open.parts)] : []
  const tail: number[] = []
  let seconds = open[0] ?? 0
  for (let index = listed.length - 1; index >= 0 && seconds < untilSeconds; index--) {
    tail.unshift(listed[index]!.segment.durationSeconds)
    seconds += tail[0]!
  }
  return listed.length - tail.length + skippableSegments([...tail, ...open], untilSeconds)
}

function segmentLines(window: Window, listed: readonly StoredSegment[], skipped: number): string {
  const { open } = window
  const recent = firstRecent(window, listed)
  const old = listed.slice(skipped, Math.max(skipped, recent)).map(stored => stored.text)
  // The first segment listed may not be the first with its init segment.
  const first = listed[0]!
  const map = initUri(first.initIndex)
  const isMapMissing = skipped === 0 && map !== undefined && !first.text.includes('#EXT-X-MAP')
  const lines = isMapMissing ? [`${mapTag(map)}\n`, ...old] : old
  for (let index = Math.max(skipped, recent); index < listed.length; index++) {
    const { segment, initIndex } = listed[index]!
    const previous = index === 0 ? (isMapMissing ? initIndex : undefined) : listed[index - 1]!.initIndex
    lines.push(renderStored(segment, initIndex, previous, listParts(segment.sequence, segment.parts)))
  }
  if (open) {
    const { header, parts, initIndex } = open
    const { startsAtMs, isDiscontinuity, sequence } = header
    const listedParts = listParts(sequence, parts)
    const segment = { initUri: initUri(initIndex), startsAtMs, isDiscontinuity, parts: listedParts }
    lines.push(renderSegment({ ...segment, complete: undefined }, initUri(listed.at(-1)!.initIndex)))
  }
  return lines.join('')
}

/** The first segment whose parts are listed. */
function firstRecent(window: Window, listed: readonly StoredSegment[]): number {
  // Parts of an ended playlist help nobody, and make hls.js wait for the last one's sound to be as long as it.
  if (window.isEnded) return listed.length
  const limit = PARTS_TARGET_DURATIONS * window.timing!.targetDurationSeconds
  let untilEnd = window.open ? durationOf(window.open.parts) : 0
  let index = listed.length
  while (index > 0) {
    untilEnd += listed[index - 1]!.segment.durationSeconds
    if (untilEnd >= limit) break
    index--
  }
  return index
}

function durationOf(media: readonly { durationSeconds: number }[]): number {
  return media.reduce((sum, each) => sum + each.durationSeconds, 0)
}
