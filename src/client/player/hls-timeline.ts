/** Maps capture times to hls.js's time line by EXT-X-PROGRAM-DATE-TIME, over discontinuities too. */
import type { LevelDetails } from 'hls.js'

/** Capture times in milliseconds since the epoch. */
export interface Reach {
  readonly startMs: number
  readonly endMs: number
}

/** From the oldest listed segment to the end of the newest; undefined without dates. */
export function reachOf({ fragments }: Pick<LevelDetails, 'fragments'>): Reach | undefined {
  const startMs = fragments[0]?.programDateTime
  const last = fragments.at(-1)
  if (!startMs || !last?.programDateTime) return undefined
  return { startMs, endMs: last.programDateTime + last.duration * 1000 }
}

/** Where on the element's time line `timeMs` lies, or the nearest place that is listed; undefined without dates. */
export function positionOf(details: Pick<LevelDetails, 'fragments'>, timeMs: number): number | undefined {
  const dated = details.fragments.filter(fragment => fragment.programDateTime)
  const fragment = dated.findLast(each => each.programDateTime! <= timeMs) ?? dated[0]
  if (!fragment) return undefined
  const into = (timeMs - fragment.programDateTime!) / 1000
  return fragment.start + Math.min(Math.max(0, into), fragment.duration)
}
