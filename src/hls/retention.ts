/**
 * Decides which segments of a stream are listed, which are kept, and whose media is in memory, for all its renditions
 * alike. What an archive has leaves memory when nobody plays it live any more. A segment that leaves the playlist must stay
 * available for as long again as the longest playlist (6.2.2), so of the memory that a stream may use, half is for what is
 * listed. Over that the list gets shorter, but for the least that players need; over the whole, the oldest segments go at
 * once: memory is bounded, whatever a publisher sends.
 */
import type { Window } from './window.ts'

export interface RetentionLimits {
  /** How much a playlist lists where memory or an archive allows it, unless six target durations and a bit are more. */
  readonly listedSeconds: number
  /** Media of one stream in memory, all renditions together. */
  readonly maxBytes: number
}

/** Delta updates pay when some segments lie before the skip boundary, which is six target durations from the end. */
const LEAST_TARGET_DURATIONS = 8
/** Sums of durations are not exact. */
const ROUNDING_SECONDS = 0.001
/** Who plays live, or has only just paused, is served from memory. */
const MEMORY_SECONDS = 60

/** `lead`: the window whose segments count; `windows`: all of the stream, `lead` among them. */
export function retain(lead: Window, windows: readonly Window[], limits: RetentionLimits): void {
  const least = LEAST_TARGET_DURATIONS * (lead.timing?.targetDurationSeconds ?? 0)
  const sum = (bytesOf: (window: Window) => number) =>
    windows.reduce((total, window) => total + bytesOf(window), 0)
  for (const seconds of [Math.max(MEMORY_SECONDS, least), least]) {
    for (const { segments } of windows) segments.archive(seconds)
    if (sum(window => window.bytes) <= limits.maxBytes / 2) break
  }
  for (;;) {
    const oldest = lead.segments.oldestListed?.segment
    if (!oldest) return
    const rest = lead.segments.totals.seconds - oldest.durationSeconds
    const isTooBig = sum(window => window.segments.listedBytes) > limits.maxBytes / 2
    const isNeeded = (seconds: number) => rest < seconds - ROUNDING_SECONDS
    if (isNeeded(least) || (isNeeded(limits.listedSeconds) && !isTooBig)) break
    for (const { segments } of windows) segments.unlistBefore(oldest.sequence + 1)
    if (lead.segments.oldestListed?.segment === oldest) break
  }
  for (;;) {
    const oldest = lead.segments.oldest!.segment
    const { durationSeconds } = oldest
    const listedSeconds = lead.segments.totals.seconds
    const unlistedSeconds = lead.segments.storedSeconds - listedSeconds
    const isExpired = unlistedSeconds - durationSeconds >= listedSeconds + durationSeconds - ROUNDING_SECONDS
    if (!isExpired && sum(window => window.bytes) <= limits.maxBytes) return
    for (const window of windows) window.dropBefore(oldest.sequence + 1)
    if (lead.segments.oldest?.segment === oldest) return
  }
}
