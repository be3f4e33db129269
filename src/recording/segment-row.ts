/** What the manifest says of a segment: where its object lies, and what is in it. */
import { readSegment } from '../../media/mp4/demux.ts'
import { encodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { VodSegment } from '../vod/manifest.ts'
import type { SegmentFacts } from './spool.ts'

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

/** `vods/ID/RENDITION/SEQUENCE.m4s` */
export function segmentKey({
  vodId,
  rendition,
  sequence,
}: Pick<VodSegment, 'vodId' | 'rendition' | 'sequence'>) {
  return `vods/${vodId}/${rendition}/${sequence}.m4s`
}
