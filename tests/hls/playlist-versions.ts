/** Compares versions of one media playlist line by line: what changed between them, and what a delta update stands for. */
import { expect } from 'bun:test'

/** The lines of one segment, whole or growing. */
export interface SegmentLines {
  readonly sequence: number
  readonly discontinuitySequence: number
  readonly isDiscontinuity: boolean
  /** EXT-X-MAP in effect. */
  readonly map: string | undefined
  readonly parts: readonly string[]
  /** All others, but for EXT-X-MAP and EXT-X-DISCONTINUITY; a growing segment lacks the last ones. */
  readonly lines: readonly string[]
  readonly uri: string | undefined
  /** There is no media in it, so far. */
  readonly isGap: boolean
  readonly dateTime: number
  /** EXTINF, or of a growing one the sum of its parts. */
  readonly seconds: number
}

export interface Version {
  /** What comes before the segments, without the sequence numbers and EXT-X-SKIP. */
  readonly header: readonly string[]
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  readonly skipped: number
  readonly segments: readonly SegmentLines[]
  readonly hints: readonly string[]
  readonly reports: readonly string[]
  readonly isEnded: boolean
  readonly text: string
}

const SEGMENT_TAG = /^#(EXTINF|EXT-X-(DISCONTINUITY$|MAP|PROGRAM-DATE-TIME|PART:|GAP))/
const FOOTER_TAG = /^#EXT-X-(PRELOAD-HINT|RENDITION-REPORT|ENDLIST)/

/** Reads `text`; `earlier`: a version that a delta update's missing segments, and their EXT-X-MAP, are taken from. */
export function readVersion(text: string, earlier?: Version): Version {
  expect(text).toEndWith('\n')
  const lines = text.trimEnd().split('\n')
  const numberOf = (tag: string) =>
    Number(lines.find(line => line.startsWith(`#${tag}`))?.slice(tag.length + 1) ?? 0)
  const mediaSequence = numberOf('EXT-X-MEDIA-SEQUENCE:')
  const discontinuitySequence = numberOf('EXT-X-DISCONTINUITY-SEQUENCE:')
  const skipped = numberOf('EXT-X-SKIP:SKIPPED-SEGMENTS=')
  const known = earlier?.segments.filter(({ sequence }) => sequence >= mediaSequence).slice(0, skipped) ?? []
  expect(known).toHaveLength(skipped)
  const isSequence = /^#EXT-X-(MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|SKIP)/
  const begin = lines.findIndex(
    line => SEGMENT_TAG.test(line) || FOOTER_TAG.test(line) || !line.startsWith('#'),
  )
  const media = lines.slice(begin).filter(line => !FOOTER_TAG.test(line))
  return {
    header: lines.slice(0, begin).filter(line => !isSequence.test(line)),
    mediaSequence,
    discontinuitySequence,
    skipped,
    segments: [
      ...known,
      ...readSegments(media, mediaSequence + skipped, known.at(-1), discontinuitySequence),
    ],
    hints: lines.flatMap(line => /^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(.*?)"/.exec(line)?.[1] ?? []),
    reports: lines.filter(line => line.startsWith('#EXT-X-RENDITION-REPORT')),
    isEnded: lines.includes('#EXT-X-ENDLIST'),
    text,
  }
}

function readSegments(
  lines: readonly string[],
  first: number,
  before: SegmentLines | undefined,
  discontinuities: number,
): SegmentLines[] {
  const segments: SegmentLines[] = []
  let { map } = before ?? { map: undefined }
  let discontinuitySequence = before?.discontinuitySequence ?? discontinuities
  let open: string[] = []
  const push = (uri?: string) => {
    const isDiscontinuity = open.includes('#EXT-X-DISCONTINUITY')
    if (isDiscontinuity) discontinuitySequence++
    map = open.findLast(line => line.startsWith('#EXT-X-MAP')) ?? map
    const parts = open.filter(line => line.startsWith('#EXT-X-PART:'))
    const rest = open.filter(line => !/^#EXT-X-(PART:|MAP|DISCONTINUITY)/.test(line))
    const duration = rest.find(line => line.startsWith('#EXTINF:'))?.slice(8)
    segments.push({
      sequence: first + segments.length,
      discontinuitySequence,
      isDiscontinuity,
      map,
      parts,
      lines: rest,
      uri,
      isGap: open.includes('#EXT-X-GAP') || (!duration && parts.every(part => part.endsWith(',GAP=YES'))),
      dateTime: Date.parse(open.find(line => line.startsWith('#EXT-X-PROGRAM-DATE-TIME:'))?.slice(25) ?? ''),
      seconds: duration ? Number.parseFloat(duration) : sum(parts.map(secondsOf)),
    })
    open = []
  }
  for (const line of lines) {
    open.push(line)
    if (!line.startsWith('#')) push(line)
  }
  if (open.length > 0) push()
  return segments
}

/** Fails unless `after` differs from `before` by what 6.2.1 allows, and by what 6.2.2 asks for with it. */
export function checkChange(before: Version, after: Version): void {
  expect(after.header).toEqual(before.header as string[])
  const removedCount = after.mediaSequence - before.mediaSequence
  // 6.2.2: one more for each that went, never less.
  expect(removedCount).toBeGreaterThanOrEqual(0)
  const removed = before.segments.slice(0, removedCount)
  expect(removed).toHaveLength(removedCount)
  expect(after.segments.length).toBeGreaterThanOrEqual(before.segments.length - removedCount)
  // 6.2.2: EXT-X-DISCONTINUITY-SEQUENCE rises with each EXT-X-DISCONTINUITY that went.
  expect(after.discontinuitySequence - before.discontinuitySequence).toBe(
    removed.filter(segment => segment.isDiscontinuity).length,
  )
  for (const [index, now] of after.segments.entries()) {
    const then = before.segments[removedCount + index]
    if (!then) continue
    expect(now).toMatchObject({
      sequence: then.sequence,
      discontinuitySequence: then.discontinuitySequence,
      isDiscontinuity: then.isDiscontinuity,
    })
    expect(now.map).toBe(then.map)
    // Lines are only appended to the growing segment; of parts, the old ones may be gone, all at once.
    expect(now.lines.slice(0, then.lines.length)).toEqual(then.lines as string[])
    if (then.uri !== undefined) expect(now.lines).toEqual(then.lines as string[])
    if (now.parts.length > 0) expect(now.parts.slice(0, then.parts.length)).toEqual(then.parts as string[])
  }
  // 6.2.2: parts go in the order in which they appear.
  const withParts = after.segments.map(segment => segment.parts.length > 0)
  if (!after.isEnded) expect(withParts.lastIndexOf(false)).toBeLessThan(firstTrue(withParts))
}

export function secondsOf(part: string): number {
  return Number(/DURATION=([\d.]+)/.exec(part)![1])
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function durationOf({ segments }: Pick<Version, 'segments'>): number {
  return sum(segments.map(segment => segment.seconds))
}

function firstTrue(values: readonly boolean[]): number {
  const index = values.indexOf(true)
  return index === -1 ? values.length : index
}
