/** Recordings for the tests of clips: a packaged stream in a real object store and database, and pictures to compare. */
import { readSegment } from '../../media/mp4/demux.ts'
import { Movie } from '../../media/mp4/movie.ts'
import { encodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { Segment } from '../../src/hls/segment.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import type { Manifest, VodInit, VodSegment } from '../../src/vod/manifest.ts'
import { segmentKey } from '../../src/vod/object-keys.ts'
import type { Stream } from '../hls/packaging.ts'
import { readMovie } from '../media/mp4/stored.ts'

export interface Place {
  readonly manifest: Manifest
  readonly store: ObjectStore
}

/** Stores the segments with these sequences of every rendition, as a recorder would; all of them unless told. */
export async function record(
  { manifest, store }: Place,
  vodId: string,
  stream: Stream,
  isWanted: (sequence: number, rendition: string) => boolean = () => true,
): Promise<void> {
  for (const [rendition, { segments }] of stream.collectors) {
    const inits = [...new Set(segments.flatMap(({ init }) => init ?? []))]
    for (const [index, data] of inits.entries())
      await manifest.addInit(
        vodId,
        initRow(rendition, index, data, segments.find(each => each.init === data)!),
      )
    for (const segment of segments.filter(each => isWanted(each.sequence, rendition))) {
      const row = segmentRow(vodId, rendition, segment, inits)
      if (!row.isGap) await store.put(segmentKey(row), segment.data)
      await manifest.addSegments([row])
    }
  }
}

function initRow(
  rendition: string,
  index: number,
  data: Uint8Array,
  { track }: Segment,
): Omit<VodInit, 'vodId'> {
  const kind = rendition === 'source' ? 'source' : track!.kind === 'audio' ? 'sound' : 'rung'
  const { codec, codecString, timescale } = track!
  const stored = { kind: track!.kind, codec, codecString, timescale }
  return { rendition, index, kind, data, track: stored }
}

function segmentRow(
  vodId: string,
  rendition: string,
  segment: Segment,
  inits: readonly Uint8Array[],
): VodSegment {
  const { sequence, discontinuity, isDiscontinuity, isGap, isIndependent, init, data } = segment
  const { startSeconds, startsAtMs, durationSeconds, frameCount } = segment
  return {
    ...{ vodId, rendition, sequence, discontinuity, isDiscontinuity, isGap, isIndependent },
    ...{ startSeconds, startsAtMs, durationSeconds, frameCount },
    initIndex: init ? inits.indexOf(init) : null,
    sizeBytes: data.byteLength,
    checksum: new Bun.CryptoHasher('sha256').update(data).digest('hex'),
    samples: isGap ? new Uint8Array() : encodeSampleTable(readSegment(init!, data)),
  }
}

/** The VOD as one file of these renditions, out of nothing but its rows and objects. */
export async function downloadOf({ manifest, store }: Place, vodId: string, names: readonly string[]) {
  const inits = await manifest.inits(vodId)
  const rows = await manifest.segments(vodId)
  const movie = new Movie<Uint8Array>(
    names.map(name => inits.filter(({ rendition }) => rendition === name).map(({ data }) => data)),
  )
  for (const lead of rows.filter(({ rendition }) => rendition === names[0])) {
    const slice = names.map(name =>
      rows.find(({ rendition, sequence }) => rendition === name && sequence === lead.sequence),
    )
    const segments = await Promise.all(
      slice.map(async row => {
        if (!row || row.isGap) return undefined
        const key = (await (await store.get(segmentKey(row)))?.bytes())!
        return { key, sizeBytes: row.sizeBytes, initIndex: row.initIndex!, samples: row.samples }
      }),
    )
    movie.add({ ...lead, segments })
  }
  return readMovie(movie.finish())
}
