/** Takes samples out of stored segments, and makes segments of them again. */
import { readSegment } from '../../media/mp4/demux.ts'
import { fragment, type Sample } from '../../media/mp4/fragment.ts'
import { TIME_TOLERANCE_SECONDS } from './cut-plan.ts'

/** Ticks of the track's timescale. */
export interface CutSample extends Sample {
  readonly duration: number
}

/** Presentation times on the segments' time line; undefined: no limit. */
export interface TimeRange {
  readonly fromSeconds: number | undefined
  readonly toSeconds: number | undefined
}

/** The samples of a stored segment, in decoding order. Throws `ProtocolError`. */
export function samplesOf(init: Uint8Array, segment: Uint8Array): readonly CutSample[] {
  return readSegment(init, segment).map(({ dts, compositionOffset, duration, isKey, offset, size }) => ({
    ...{ dts, pts: dts + compositionOffset, duration, isKey },
    data: segment.subarray(offset, offset + size),
  }))
}

/**
 * Pictures from a key frame up to another. None where there is no key frame at the beginning: nothing could be decoded
 * there.
 */
export function cutPictures(
  samples: readonly CutSample[],
  timescale: number,
  { fromSeconds, toSeconds }: TimeRange,
): readonly CutSample[] {
  const seconds = (sample: CutSample) => sample.pts / timescale
  const from = fromSeconds ?? Number.NEGATIVE_INFINITY
  const isAt = (sample: CutSample) => Math.abs(seconds(sample) - from) <= TIME_TOLERANCE_SECONDS
  const first = fromSeconds === undefined ? 0 : samples.findIndex(sample => sample.isKey && isAt(sample))
  if (first === -1) return []
  // Pictures that lead a key frame refer to some before it.
  const cut = samples.slice(first).filter(sample => seconds(sample) >= from - TIME_TOLERANCE_SECONDS)
  return toSeconds === undefined ? cut : cut.slice(0, endOf(cut, timescale, toSeconds))
}

/** How many of the first samples are decoded for all that is shown before `toSeconds`. */
export function endOf(samples: readonly CutSample[], timescale: number, toSeconds: number): number {
  const limit = (toSeconds - TIME_TOLERANCE_SECONDS) * timescale
  const key = samples.findIndex(sample => sample.isKey && sample.pts >= limit)
  const last = samples.findLastIndex(sample => sample.pts < limit) + 1
  return key === -1 ? last : Math.min(key, last)
}

/** Sound whose middle lies in the range, so that of two ranges side by side one has it. */
export function cutSound(
  samples: readonly CutSample[],
  timescale: number,
  { fromSeconds = Number.NEGATIVE_INFINITY, toSeconds = Number.POSITIVE_INFINITY }: Partial<TimeRange>,
): readonly CutSample[] {
  return samples.filter(({ pts, duration }) => {
    const middle = (pts + duration / 2) / timescale
    return middle >= fromSeconds && middle < toSeconds
  })
}

/** moof and mdat of at least one sample. */
export function writeSegment(
  kind: 'video' | 'audio',
  sequence: number,
  samples: readonly CutSample[],
): Uint8Array<ArrayBuffer> {
  const last = samples.at(-1)!
  const startDts = samples[0]!.dts
  return fragment(sequence + 1, [{ trackId: 1, kind, startDts, endDts: last.dts + last.duration, samples }])
}
