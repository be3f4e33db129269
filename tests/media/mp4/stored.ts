/** What a recording keeps of a packaged stream: objects, init segments, sample tables; and the movie made of them. */
import { concatBytes } from '../../../media/bytes.ts'
import { readSegment } from '../../../media/mp4/demux.ts'
import { Movie, type MovieFile, type MovieSegment, piecesOf } from '../../../media/mp4/movie.ts'
import { encodeSampleTable } from '../../../media/mp4/sample-table.ts'
import type { Segment } from '../../../src/hls/segment.ts'
import type { Stream } from '../../hls/packaging.ts'

/** The objects are their own keys. */
export function movieOf(stream: Stream, names: readonly string[]): MovieFile<Uint8Array> {
  const inits = names.map(name => [...new Set(stream.get(name).segments.flatMap(({ init }) => init ?? []))])
  const movie = new Movie<Uint8Array>(inits)
  for (const [index, segment] of stream.source.segments.entries()) {
    const { startSeconds, durationSeconds, isDiscontinuity } = segment
    const segments = names.map((name, track) => storedOf(stream.get(name).segments[index], inits[track]!))
    movie.add({ startSeconds, durationSeconds, isDiscontinuity, segments })
  }
  return movie.finish()
}

function storedOf(
  segment: Segment | undefined,
  inits: readonly Uint8Array[],
): MovieSegment<Uint8Array> | undefined {
  if (!segment?.init || segment.isGap) return undefined
  const samples = encodeSampleTable(readSegment(segment.init, segment.data))
  const { data } = segment
  return { key: data, sizeBytes: data.byteLength, initIndex: inits.indexOf(segment.init), samples }
}

/** Bytes of the file as a range request gets them. */
export function readMovie(file: MovieFile<Uint8Array>, start = 0, end = file.sizeBytes): Uint8Array {
  const pieces = [...piecesOf(file, start, end)]
  return concatBytes(
    pieces.map(piece => ('bytes' in piece ? piece.bytes : piece.key.subarray(piece.start, piece.end))),
  )
}
