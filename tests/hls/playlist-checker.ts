/** Checks what a Low-Latency media playlist promises, on its own reading of the text. */
import { expect } from 'bun:test'
import HLS from 'hls-parser'

HLS.setOptions({ strictMode: true })

export interface CheckedPart {
  readonly uri: string
  readonly duration: number
  readonly isIndependent: boolean
}

export interface CheckedSegment {
  readonly sequence: number
  readonly uri: string | undefined
  readonly duration: number | undefined
  readonly parts: readonly CheckedPart[]
  readonly map: string | undefined
  readonly isDiscontinuity: boolean
  readonly dateTime: number
}

export interface CheckedPlaylist {
  readonly targetDuration: number
  readonly partTarget: number
  readonly mediaSequence: number
  readonly skipped: number
  readonly segments: readonly CheckedSegment[]
  readonly hint: string | undefined
  readonly isEnded: boolean
  readonly text: string
}

/** Reads `text` and fails the test where it breaks a rule of the draft. */
export function checkPlaylist(text: string): CheckedPlaylist {
  const playlist = readPlaylist(text)
  const parsed = HLS.parse(text)
  expect(parsed.isMasterPlaylist).toBe(false)
  const { targetDuration, partTarget, segments } = playlist
  expect(text).toContain('CAN-BLOCK-RELOAD=YES')
  const holdBack = Number(/PART-HOLD-BACK=([\d.]+)/.exec(text)?.[1])
  expect(holdBack).toBeGreaterThanOrEqual(3 * partTarget - 1e-9)
  expect(Number(/CAN-SKIP-UNTIL=([\d.]+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(6 * targetDuration)
  for (const segment of segments) checkSegment(segment, targetDuration, partTarget)
  for (const segment of segments.slice(0, -1)) expect(segment.uri).toBeDefined()
  expect(playlist.hint === undefined).toBe(playlist.isEnded)
  const last = segments.at(-1)!
  if (!playlist.isEnded) {
    const next = last.uri ? `${last.sequence + 1}.0.m4s` : `${last.sequence}.${last.parts.length}.m4s`
    expect(playlist.hint).toBe(next)
  }
  return playlist
}

function checkSegment(segment: CheckedSegment, targetDuration: number, partTarget: number): void {
  const { duration, parts, sequence } = segment
  if (segment.uri) expect(segment.uri).toBe(`${sequence}.m4s`)
  if (duration !== undefined) expect(Math.round(duration)).toBeLessThanOrEqual(targetDuration)
  const sum = parts.reduce((total, part) => total + part.duration, 0)
  if (duration !== undefined && parts.length > 0) expect(Math.abs(sum - duration)).toBeLessThan(2e-4)
  for (const [index, part] of parts.entries()) {
    expect(part.uri).toBe(`${sequence}.${index}.m4s`)
    expect(part.duration).toBeLessThanOrEqual(partTarget)
    const isLast = duration !== undefined && index === parts.length - 1
    if (!isLast) expect(part.duration).toBeGreaterThanOrEqual(0.85 * partTarget)
  }
}

/** Tag by tag, with no check. */
export function readPlaylist(text: string): CheckedPlaylist {
  const number = (tag: string) => Number(new RegExp(`^#${tag}[:=]([\\d.]+)`, 'm').exec(text)?.[1] ?? 0)
  const mediaSequence = number('EXT-X-MEDIA-SEQUENCE')
  const skipped = number('EXT-X-SKIP:SKIPPED-SEGMENTS')
  const segments: CheckedSegment[] = []
  let map: string | undefined
  let open = { parts: [] as CheckedPart[], isDiscontinuity: false, dateTime: 0, duration: 0 }
  const push = (uri: string | undefined, duration: number | undefined) => {
    const sequence = mediaSequence + skipped + segments.length
    segments.push({ ...open, sequence, uri, duration, map })
    open = { parts: [], isDiscontinuity: false, dateTime: 0, duration: 0 }
  }
  for (const line of text.trim().split('\n')) {
    if (line.startsWith('#EXT-X-PART:')) open.parts.push(readPart(line))
    if (line === '#EXT-X-DISCONTINUITY') open.isDiscontinuity = true
    if (line.startsWith('#EXT-X-MAP')) map = /URI="(.*?)"/.exec(line)?.[1]
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) open.dateTime = Date.parse(line.slice(25))
    if (line.startsWith('#EXTINF:')) open.duration = Number.parseFloat(line.slice(8))
    if (!line.startsWith('#')) push(line, open.duration)
  }
  if (open.parts.length > 0) push(undefined, undefined)
  return {
    targetDuration: number('EXT-X-TARGETDURATION'),
    partTarget: number('EXT-X-PART-INF:PART-TARGET'),
    mediaSequence,
    skipped,
    segments,
    hint: /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(.*?)"/.exec(text)?.[1],
    isEnded: text.includes('#EXT-X-ENDLIST'),
    text,
  }
}

function readPart(line: string): CheckedPart {
  return {
    uri: /URI="(.*?)"/.exec(line)![1]!,
    duration: Number(/DURATION=([\d.]+)/.exec(line)![1]),
    isIndependent: line.includes('INDEPENDENT=YES'),
  }
}
