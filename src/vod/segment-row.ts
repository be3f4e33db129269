/** What the manifest says of a segment: where its object lies, and what is in it. */
import type { Track } from '../../media/access-unit.ts'
import { videoRangeOf } from '../../media/colour.ts'
import { readSegment } from '../../media/mp4/demux.ts'
import { encodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { StoredTrack, VodSegment } from './manifest.ts'

/** What is known of a segment when it begins. */
export interface SegmentFacts {
  readonly rendition: string
  readonly sequence: number
  /** -1: a gap of a rendition that has no media yet. */
  readonly initIndex: number
  readonly discontinuity: number
  readonly isDiscontinuity: boolean
  readonly isIndependent: boolean
  readonly startSeconds: number
  readonly startsAtMs: number
  /** Known when it is complete. */
  readonly complete?: { readonly durationSeconds: number; readonly frameCount: number }
}

/** Facts of a segment that is complete. */
export type CompleteFacts = SegmentFacts & Required<Pick<SegmentFacts, 'complete'>>

/** `media`: the segment's bytes, and the init segment they decode with; undefined: a gap. */
export function segmentRow(
  vodId: string,
  facts: CompleteFacts,
  media: { readonly data: Uint8Array; readonly init: Uint8Array } | undefined,
): VodSegment {
  const { rendition, sequence, initIndex, complete, ...rest } = facts
  const { durationSeconds, frameCount } = complete
  const common = {
    ...{ vodId, rendition, sequence, durationSeconds },
    ...{ discontinuity: rest.discontinuity, isDiscontinuity: rest.isDiscontinuity },
    ...{ startSeconds: rest.startSeconds, startsAtMs: rest.startsAtMs },
    initIndex: initIndex < 0 ? null : initIndex,
  }
  if (!media) return { ...common, ...NO_MEDIA }
  const samples = readSegment(media.init, media.data)
  return {
    ...common,
    isGap: false,
    isIndependent: rest.isIndependent,
    sizeBytes: media.data.byteLength,
    checksum: new Bun.CryptoHasher('sha256').update(media.data).digest('hex'),
    frameCount: frameCount || samples.length,
    samples: encodeSampleTable(samples),
  }
}

/** What playlists say of a track. */
export function describeTrack(track: Track): StoredTrack {
  const { kind, codec, codecString, timescale } = track
  if (kind === 'audio') {
    const { sampleRate, channels, language } = track
    return { kind, codec, codecString, timescale, sampleRate, channels, language }
  }
  const { width, height, frameRate, colour } = track
  return { kind, codec, codecString, timescale, width, height, frameRate, videoRange: videoRangeOf(colour) }
}

/** Its media is lost. */
export function asGap(row: VodSegment): VodSegment {
  return { ...row, ...NO_MEDIA }
}

const NO_MEDIA = {
  isGap: true,
  isIndependent: false,
  sizeBytes: 0,
  checksum: '',
  frameCount: 0,
  samples: new Uint8Array(),
}
