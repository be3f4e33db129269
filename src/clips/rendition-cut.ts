/** Makes the segments of one rendition of a clip, piece by piece, and counts its init segments. */

import { readSegment } from '../../media/mp4/demux.ts'
import { encodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { StoredTrack } from '../db/vod-schema.ts'
import type { VodInit, VodSegment } from '../vod/manifest.ts'
import { type Piece, TIME_TOLERANCE_SECONDS } from './cut-plan.ts'
import type { Edge, EdgeRequest } from './edge-encoder.ts'
import { type CutSample, cutPictures, cutSound, samplesOf, writeSegment } from './segment-cut.ts'

/** What a clip's segment is told about it, but for whose it is. */
type SegmentRow = Omit<VodSegment, 'vodId'>

export interface MadeSegment {
  readonly row: SegmentRow
  /** Its bytes; the sequence of the source's segment that it is a copy of; undefined: a gap. */
  readonly media: Uint8Array<ArrayBuffer> | { readonly copyOf: number } | undefined
}

export interface RenditionCutOptions {
  readonly rendition: string
  /** Of the rendition, in the source. */
  readonly inits: readonly VodInit[]
  /** Of the rendition and of the source's own picture, by sequence. */
  readonly rows: ReadonlyMap<number, VodSegment>
  readonly leadRows: ReadonlyMap<number, VodSegment>
  /** The object of a segment; undefined: it is lost. */
  readonly load: (sequence: number) => Promise<Uint8Array | undefined>
  readonly encode: (request: EdgeRequest) => Promise<Edge>
}

/** Samples and what they decode with. */
interface Cut {
  readonly samples: readonly CutSample[]
  readonly init: Pick<VodInit, 'data' | 'kind' | 'track'>
}

export class RenditionCut {
  /** In the order of their indexes. */
  readonly inits: Omit<VodInit, 'vodId'>[] = []
  readonly #options: RenditionCutOptions
  #sequence = 0
  #discontinuity = 0

  constructor(options: RenditionCutOptions) {
    this.#options = options
  }

  /** The next segment. */
  async make(piece: Piece): Promise<MadeSegment> {
    const sequence = this.#sequence++
    if (piece.isDiscontinuity) this.#discontinuity++
    const place = {
      ...{ rendition: this.#options.rendition, sequence },
      ...{ discontinuity: this.#discontinuity, isDiscontinuity: piece.isDiscontinuity },
    }
    const isWhole = piece.fromSeconds === undefined && piece.toSeconds === undefined
    if (isWhole && !piece.decodeFrom) return this.#copy(piece.firstSequence, place)
    const cut = piece.decodeFrom ? await this.#encoded(piece) : await this.#trimmed(piece)
    return cut ? this.#write(piece, place, cut) : this.#gap(piece, place)
  }

  #copy(copyOf: number, place: Place): MadeSegment {
    const row = this.#options.rows.get(copyOf)
    const init = row && this.#initOf(row)
    if (!row || row.isGap || !init)
      return {
        row: { ...(row ?? this.#options.leadRows.get(copyOf)!), ...this.#noMedia(), ...place },
        media: undefined,
      }
    return { row: { ...row, ...place, initIndex: this.#indexOf(init) }, media: { copyOf } }
  }

  async #trimmed(piece: Piece): Promise<Cut | undefined> {
    const read = await this.#read(piece.firstSequence, piece.lastSequence)
    if (!read) return undefined
    const { timescale, kind } = read.init.track
    const cut = kind === 'video' ? cutPictures : cutSound
    return { ...read, samples: cut(read.samples, timescale, piece) }
  }

  async #encoded(piece: Piece): Promise<Cut | undefined> {
    const { kind } = this.#options.inits[0]?.track ?? {}
    if (kind === 'audio') return this.#trimmed(piece)
    const { sequence, seconds } = piece.decodeFrom!
    const read = await this.#read(sequence, piece.lastSequence)
    if (!read) return undefined
    const { timescale, codec } = read.init.track
    const { fromSeconds, toSeconds } = this.#timesOf(piece)
    const range = { fromSeconds: seconds, toSeconds: piece.toSeconds }
    const samples = cutPictures(read.samples, timescale, range)
    const [from, to] = [fromSeconds, toSeconds].map(time => (time - TIME_TOLERANCE_SECONDS) * timescale)
    const shown = samples
      .map(({ pts }) => pts)
      .filter(pts => pts >= from! && (piece.toSeconds === undefined || pts < to!))
    if (shown.length === 0 || !isPictureCodec(codec)) return undefined
    shown.sort((left, right) => left - right)
    const endPts = Math.max(shown.at(-1)! + 1, Math.round(toSeconds * timescale))
    const edge = await this.#options.encode({ codec, init: read.init.data, samples, shown, endPts })
    const track = { ...read.init.track, codecString: edge.track.codecString }
    return { samples: edge.samples, init: { data: edge.init, kind: read.init.kind, track } }
  }

  /** The samples of several segments that decode with the same; undefined: there are none, or they do not. */
  async #read(first: number, last: number): Promise<Cut | undefined> {
    const samples: CutSample[] = []
    let init: VodInit | undefined
    for (let sequence = first; sequence <= last; sequence++) {
      const row = this.#options.rows.get(sequence)
      if (!row || row.isGap) continue
      const own = this.#initOf(row)
      const bytes = own && (await this.#options.load(sequence))
      if (!own || !bytes || (init && init !== own)) return undefined
      init = own
      for (const sample of samplesOf(own.data, bytes)) samples.push(sample)
    }
    return init && { samples, init }
  }

  #write(piece: Piece, place: Place, { samples, init }: Cut): MadeSegment {
    if (samples.length === 0) return this.#gap(piece, place)
    const { kind, timescale } = init.track
    const media = writeSegment(kind, place.sequence, samples)
    const startSeconds = Math.min(...samples.map(sample => sample.pts)) / timescale
    const times = this.#timesOf(piece)
    const durationSeconds =
      kind === 'video'
        ? times.toSeconds - times.fromSeconds
        : samples.reduce((sum, sample) => sum + sample.duration, 0) / timescale
    const row: SegmentRow = {
      ...place,
      initIndex: this.#indexOf(init),
      isGap: false,
      isIndependent: samples[0]!.isKey,
      startSeconds,
      startsAtMs: this.#wallTime(piece, startSeconds),
      durationSeconds,
      sizeBytes: media.byteLength,
      checksum: new Bun.CryptoHasher('sha256').update(media).digest('hex'),
      frameCount: samples.length,
      samples: encodeSampleTable(readSegment(init.data, media)),
    }
    return { row, media }
  }

  #gap(piece: Piece, place: Place): MadeSegment {
    const { fromSeconds, toSeconds } = this.#timesOf(piece)
    const row: SegmentRow = {
      ...place,
      ...this.#noMedia(),
      startSeconds: fromSeconds,
      startsAtMs: this.#wallTime(piece, fromSeconds),
      durationSeconds: toSeconds - fromSeconds,
    }
    return { row, media: undefined }
  }

  #noMedia() {
    const initIndex = this.inits.at(-1)?.index ?? null
    const nothing = { sizeBytes: 0, checksum: '', frameCount: 0, samples: new Uint8Array() }
    return { initIndex, isGap: true, isIndependent: false, ...nothing }
  }

  /** From when to when the piece lasts: the source's picture says it. */
  #timesOf({ firstSequence, lastSequence, fromSeconds, toSeconds }: Piece) {
    const [first, last] = [firstSequence, lastSequence].map(each => this.#options.leadRows.get(each)!)
    return {
      fromSeconds: fromSeconds ?? first!.startSeconds,
      toSeconds: toSeconds ?? last!.startSeconds + last!.durationSeconds,
    }
  }

  #wallTime({ firstSequence }: Piece, seconds: number): number {
    const { startsAtMs, startSeconds } = this.#options.leadRows.get(firstSequence)!
    return startsAtMs + (seconds - startSeconds) * 1000
  }

  #initOf(row: VodSegment): VodInit | undefined {
    return this.#options.inits.find(init => init.index === row.initIndex)
  }

  /** Rising: an init segment is never used again after another. */
  #indexOf({ data, kind, track }: Cut['init']): number {
    const last = this.inits.at(-1)
    if (last?.data === data) return last.index
    const index = this.inits.length
    this.inits.push({ rendition: this.#options.rendition, index, kind, data, track })
    return index
  }
}

type Place = Pick<SegmentRow, 'rendition' | 'sequence' | 'discontinuity' | 'isDiscontinuity'>

function isPictureCodec(codec: StoredTrack['codec']): codec is EdgeRequest['codec'] {
  return codec === 'h264' || codec === 'hevc' || codec === 'av1'
}
