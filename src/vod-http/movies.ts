/**
 * A VOD as one MP4 file that begins to play at once: its header is computed from rows, what follows are the segment objects
 * as they are. A file exists nowhere; any range of it can be read.
 */
import { Movie, type MovieFile, type MovieSegment, type MovieSlice } from '../../media/mp4/movie.ts'
import { Limiter } from '../limiter.ts'
import { type Manifest, SOURCE, type VodEntry, type VodSegment } from '../vod/manifest.ts'
import { segmentKey } from '../vod/object-keys.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { ServedRendition, ServedVod } from './library.ts'

/** Its objects by the keys that they have in the store. */
export type VodMovie = MovieFile<string>

/** A recording of six hours takes about 20 MB. */
const MAX_BYTES = 96 * 1024 * 1024
/** Of what is kept for one part of a file: a key and numbers. */
const PART_BYTES = 200
/** Sequences whose rows are in memory at once; after each, others get their turn. */
const PAGE = 200

export class Movies {
  readonly #manifest: Pick<Manifest, 'segments' | 'entries'>
  readonly #limiter = new Limiter({ running: 1, waiting: 20 })
  readonly #made = new BoundedCache<VodMovie>({
    maxBytes: MAX_BYTES,
    sizeOf: ({ header, parts }) => header.byteLength + parts.length * PART_BYTES,
  })

  constructor(manifest: Pick<Manifest, 'segments' | 'entries'>) {
    this.#manifest = manifest
  }

  /** With the picture of `rendition`, which is no sound, and every sound. Throws `AppError` LIMIT (`busy`). */
  async get(served: ServedVod, rendition: ServedRendition): Promise<VodMovie> {
    const key = `${served.version} ${rendition.name}`
    return this.#made.get(key, () => this.#limiter.run(() => this.#make(served, rendition)))
  }

  async #make({ vod, renditions }: ServedVod, picture: ServedRendition): Promise<VodMovie> {
    const tracks = [picture, ...renditions.filter(({ kind }) => kind === 'sound')]
    const movie = new Movie<string>(tracks.map(({ inits }) => [...inits.values()]))
    const positions = tracks.map(({ inits }) => new Map([...inits.keys()].map((index, at) => [index, at])))
    const source = await this.#manifest.entries(vod.id, { rendition: SOURCE })
    for (let at = 0; at < source.length; at += PAGE) {
      const page = source.slice(at, at + PAGE)
      const rows = await this.#rows(vod.id, tracks, page)
      for (const entry of page)
        movie.add(
          sliceOf(
            entry,
            rows.map((own, track) => segmentOf(own.get(entry.sequence), positions[track]!)),
          ),
        )
      // A long recording takes a second or more.
      await new Promise(resolve => setImmediate(resolve))
    }
    return movie.finish()
  }

  /** For each track its rows by sequence. */
  async #rows(vodId: string, tracks: readonly ServedRendition[], page: readonly VodEntry[]) {
    const [from, to] = [page[0]!.sequence, page.at(-1)!.sequence]
    const rows: Map<number, VodSegment>[] = []
    for (const { name } of tracks) {
      const own = await this.#manifest.segments(vodId, { rendition: name, from, to })
      rows.push(new Map(own.map(segment => [segment.sequence, segment])))
    }
    return rows
  }
}

function sliceOf(
  source: VodEntry,
  segments: readonly (MovieSegment<string> | undefined)[],
): MovieSlice<string> {
  const { startSeconds, durationSeconds, isDiscontinuity } = source
  return { startSeconds, durationSeconds, isDiscontinuity, segments }
}

/** `positions`: of the track's init segments, by their index. */
function segmentOf(
  row: VodSegment | undefined,
  positions: ReadonlyMap<number, number>,
): MovieSegment<string> | undefined {
  if (!row || row.isGap || row.initIndex === null) return undefined
  const { sizeBytes, samples } = row
  return { key: segmentKey(row), sizeBytes, initIndex: positions.get(row.initIndex)!, samples }
}
