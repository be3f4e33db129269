/** Finds single frames in what is stored of a VOD's source, and reads no more of it than they need to decode. */

import type { SampleInfo } from '../../media/mp4/demux.ts'
import { fragment, type Sample } from '../../media/mp4/fragment.ts'
import { decodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { type LocatedSegment, type Manifest, SOURCE, type VodSegment } from '../vod/manifest.ts'
import { segmentKey } from '../vod/object-keys.ts'

/** A frame of the source, and what to decode for it. */
export interface FoundFrame {
  readonly vodId: string
  /** On the VOD's time line. */
  readonly offsetMs: number
  /** What is stored reaches to the moment that was asked for: later it will show the same. */
  readonly isFinal: boolean
  /** Presentation time, in ticks of its track. */
  readonly pts: number
  readonly timescale: number
  readonly initIndex: number
  /** From a key frame on, in decoding order; the frame is the last of the last one. */
  readonly stretches: readonly Stretch[]
}

/** Samples of one segment, one behind the other. */
interface Stretch {
  readonly segment: VodSegment
  readonly samples: readonly SampleInfo[]
}

/** A key frame for each moment alone, or the frame itself. */
export type Wanted = 'key' | 'exact'

/** Segments that are looked through for a key frame: publishers may send one every ten seconds or more. */
const MAX_STRETCHES = 30
const MAX_BYTES = 128 * 1024 * 1024

export interface SourceFramesOptions {
  readonly manifest: Pick<Manifest, 'locate' | 'segments' | 'findInit'>
  readonly store: Pick<ObjectStore, 'get'>
}

export class SourceFrames {
  readonly #manifest: SourceFramesOptions['manifest']
  readonly #store: SourceFramesOptions['store']

  constructor({ manifest, store }: SourceFramesOptions) {
    this.#manifest = manifest
    this.#store = store
  }

  /** What is shown so many milliseconds after the beginning. Undefined: nothing is stored. */
  async find(vodId: string, atMs: number): Promise<FoundFrame | undefined> {
    const located = await this.#manifest.locate(vodId, atMs / 1000)
    return located && this.frameIn(located, atMs, 'exact')
  }

  /** What `segment` shows then, or its last frame that is no later; `key`: its last key frame before, or its first. */
  async frameIn(
    { segment, offsetSeconds }: LocatedSegment,
    atMs: number,
    wanted: Wanted,
  ): Promise<FoundFrame | undefined> {
    const init = await this.#manifest.findInit(segment.vodId, SOURCE, segment.initIndex ?? 0)
    if (!init) return undefined
    const { timescale } = init.track
    // A little later than asked: times in milliseconds are rounded.
    const at = (segment.startSeconds + atMs / 1000 - offsetSeconds) * timescale + timescale / 2000
    const samples = decodeSampleTable(segment.samples)
    const candidates = wanted === 'key' ? samples.filter(sample => sample.isKey) : samples
    const frame = lastBefore(candidates.length > 0 ? candidates : samples, at)
    if (!frame) return undefined
    const stretches = await this.#upTo(segment, samples, samples.indexOf(frame))
    const pts = timeOf(frame)
    const offsetMs = Math.round((offsetSeconds + pts / timescale - segment.startSeconds) * 1000)
    return {
      ...{ vodId: segment.vodId, offsetMs: Math.max(0, offsetMs), initIndex: init.index },
      ...{ pts, timescale, stretches },
      isFinal: atMs / 1000 < offsetSeconds + segment.durationSeconds,
    }
  }

  async init(frame: FoundFrame): Promise<Uint8Array> {
    const init = await this.#manifest.findInit(frame.vodId, SOURCE, frame.initIndex)
    return init?.data ?? new Uint8Array()
  }

  /** In decoding order, the frame's own last. Throws when an object is lost. */
  async read({ stretches }: FoundFrame): Promise<Sample[]> {
    const bytes = stretches.flatMap(({ samples }) => samples).reduce((sum, { size }) => sum + size, 0)
    if (bytes > MAX_BYTES) throw new Error('a frame needs too much to decode')
    const read: Sample[] = []
    for (const stretch of stretches) read.push(...(await this.#readStretch(stretch)))
    return read
  }

  /** Back to the key frame that the sample at `index` decodes from. */
  async #upTo(segment: VodSegment, samples: readonly SampleInfo[], index: number): Promise<Stretch[]> {
    const key = samples.findLastIndex((sample, at) => at <= index && sample.isKey)
    const own = { segment, samples: samples.slice(Math.max(0, key), index + 1) }
    if (key !== -1) return [own]
    const { vodId, sequence, initIndex } = segment
    const range = { rendition: SOURCE, from: sequence - MAX_STRETCHES, to: sequence - 1 }
    const stretches = [own]
    let after = segment
    for (const before of (await this.#manifest.segments(vodId, range)).reverse()) {
      if (before.isGap || after.isDiscontinuity || before.initIndex !== initIndex) break
      const earlier = decodeSampleTable(before.samples)
      const first = earlier.findLastIndex(sample => sample.isKey)
      stretches.unshift({ segment: before, samples: earlier.slice(Math.max(0, first)) })
      if (first !== -1) break
      after = before
    }
    return stretches
  }

  async #readStretch({ segment, samples }: Stretch): Promise<Sample[]> {
    const start = samples[0]?.offset ?? 0
    const end = samples.reduce((latest, { offset, size }) => Math.max(latest, offset + size), start)
    const object = await this.#store.get(segmentKey(segment), { start, end })
    if (object?.sizeBytes !== end - start) throw new Error(`the object ${segmentKey(segment)} is lost`)
    const bytes = await object.bytes()
    return samples.map(({ dts, compositionOffset, isKey, offset, size }) => ({
      ...{ dts, pts: dts + compositionOffset, isKey },
      data: bytes.subarray(offset - start, offset - start + size),
    }))
  }
}

/** What ffmpeg reads as one short film: `samples` one after the other, in ticks of the track that `init` describes. */
export function film(init: Uint8Array, samples: readonly Sample[], endDts: number): Uint8Array {
  const startDts = samples[0]?.dts ?? 0
  return Buffer.concat([init, fragment(1, [{ trackId: 1, kind: 'video', startDts, endDts, samples }])])
}

function timeOf({ dts, compositionOffset }: SampleInfo): number {
  return dts + compositionOffset
}

/** The one that is shown at `at`; the first where none is yet. */
function lastBefore(samples: readonly SampleInfo[], at: number): SampleInfo | undefined {
  const shown = samples.toSorted((left, right) => timeOf(left) - timeOf(right))
  return shown.findLast(sample => timeOf(sample) <= at) ?? shown[0]
}
