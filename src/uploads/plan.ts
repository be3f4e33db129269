/**
 * Decides how a file is cut and what is made of it. Pictures are counted on one even grid for the whole file, so that
 * every piece is the same whoever encodes it, and each picture of the file belongs to one piece.
 */
import { rungsFor } from '../live/ladder-rungs.ts'
import type { FrameRate, UploadedMedia } from './probe.ts'

const SEGMENT_SECONDS = 2
export const SEGMENTS_PER_CHUNK = 15
/** Higher than this nobody watches in a browser. */
const MAX_SOURCE_HEIGHT = 2_160
const RUNGS = ['1080p', '720p', '480p', '360p']
/** What is as big as the file's picture needs, as rungs go. */
const SOURCE_SHARE = 1.3

export interface PlannedRendition {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly maxBitrateBps: number
}

export interface UploadPlan {
  readonly frameRate: FrameRate
  /** Pictures of a segment, in every rendition. */
  readonly segmentFrames: number
  /** Of the first picture, on the file's time line. */
  readonly startSeconds: number
  /** Pictures in all, as far as the file says. */
  readonly frames: number
  readonly chunks: number
  readonly rotation: UploadedMedia['rotation']
  /** `source` first. */
  readonly renditions: readonly PlannedRendition[]
  readonly hasSound: boolean
}

export function planUpload(media: UploadedMedia): UploadPlan {
  const { frameRate, startSeconds, durationSeconds, rotation, hasSound } = media
  const perSecond = frameRate.numerator / frameRate.denominator
  const segmentFrames = Math.max(1, Math.round(SEGMENT_SECONDS * perSecond))
  const frames = Math.max(1, Math.round(durationSeconds * perSecond))
  const chunks = Math.ceil(frames / (segmentFrames * SEGMENTS_PER_CHUNK))
  const renditions = renditionsOf(media, perSecond)
  return { frameRate, segmentFrames, startSeconds, frames, chunks, rotation, renditions, hasSound }
}

/** Seconds on the file's time line at which this picture of the grid is shown. */
export function timeOfFrame({ frameRate, startSeconds }: UploadPlan, frame: number): number {
  return startSeconds + (frame * frameRate.denominator) / frameRate.numerator
}

function renditionsOf({ width, height }: UploadedMedia, frameRate: number): PlannedRendition[] {
  const scale = Math.min(1, MAX_SOURCE_HEIGHT / Math.min(width, height))
  const [sourceWidth, sourceHeight] = [even(width * scale), even(height * scale)]
  const picture = { width: sourceWidth, height: sourceHeight, frameRate }
  const rungs = rungsFor(picture, RUNGS).map(({ bitrateBps, ...rung }) => ({
    ...rung,
    maxBitrateBps: bitrateBps,
  }))
  // As a rung of its own size would have.
  const [same] = rungsFor({ ...picture, width: 2 * sourceWidth, height: 2 * sourceHeight }, [
    `${Math.min(sourceWidth, sourceHeight)}p`,
  ])
  const maxBitrateBps = Math.round((same?.bitrateBps ?? 3_000_000) * SOURCE_SHARE)
  return [{ name: 'source', width: sourceWidth, height: sourceHeight, maxBitrateBps }, ...rungs]
}

function even(size: number): number {
  return Math.max(2, 2 * Math.round(size / 2))
}
