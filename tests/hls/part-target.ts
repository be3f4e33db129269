/** What the test media, of 30 pictures a second and of 48 kHz sound, gives for parts. */
import { partTargetFor } from '../../src/hls/cutter.ts'

export const PART_TARGET_SECONDS = partTargetFor(1 / 30, [1024 / 48_000])
/** Pictures of a part. */
export const PART_PICTURES = Math.floor(PART_TARGET_SECONDS * 30)
/** Whole parts of a segment of two seconds; a shorter last one may follow. */
export const SEGMENT_PARTS = Math.floor(60 / PART_PICTURES)
/** The Advance Part Limit, 6.2.5.2. */
export const ADVANCE_PARTS = Math.floor(3 / PART_TARGET_SECONDS)
