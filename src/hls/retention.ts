/**
 * Decides which segments of a stream are listed and which are kept, for all its renditions alike. A segment that leaves
 * the playlist must stay available for as long again as the longest playlist (6.2.2), so of the memory that a stream may
 * use, half is for what is listed. Over that the list gets shorter, but for the least that players need; over the whole,
 * the oldest segments go at once: memory is bounded, whatever a publisher sends.
 */
import type { Window } from './window.ts'

export interface RetentionLimits {
  /** How much a playlist lists where memory allows it, unless six target durations and a bit are more. */
  readonly listedSeconds: number
  /** Media of one stream, all renditions together. */
  readonly maxBytes: number
}

/** Delta updates pay when some segments lie before the skip boundary, which is six target durations from the end. */
const LEAST_TARGET_DURATIONS = 8
/** Sums of durations are not exact. */
const ROUNDING_SECONDS = 0.001

/** `lead`: the window whose segments count; `windows`: all of the stream, `lead` among them. */
export function retain(lead: Window, windows: readonly Window[], limits: RetentionLimits): void {
  const least = LEAST_TARGET_DURATIONS * (lead.timing?.targetDurationSeconds ?? 0)
  const sum = (bytesOf: (window: Window) => number) =>
    windows.reduce((total, window) => total + bytesOf(window), 0)
  for (;;) {
    const oldest = lead.oldestListed
    if (!oldest) return
    const rest = lead.listedSeconds - oldest.durationSeconds
    const isTooBig = sum(window => window.listedBytes) > limits.maxBytes / 2
    const isNeeded = (seconds: number) => rest < seconds - ROUNDING_SECONDS
    if (isNeeded(least) || (isNeeded(limits.listedSeconds) && !isTooBig)) break
    for (const window of windows) window.unlistBefore(oldest.sequence + 1)
    if (lead.oldestListed === oldest) break
  }
  for (;;) {
    const oldest = lead.oldest!
    const { durationSeconds } = oldest
    const unlistedSeconds = lead.storedSeconds - lead.listedSeconds
    const isExpired =
      unlistedSeconds - durationSeconds >= lead.listedSeconds + durationSeconds - ROUNDING_SECONDS
    if (!isExpired && sum(window => window.bytes) <= limits.maxBytes) return
    for (const window of windows) window.dropBefore(oldest.sequence + 1)
    if (lead.oldest === oldest) return
  }
}
