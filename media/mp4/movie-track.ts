/** Hides how the samples of many segments become the tables of one track, on one time line without holes. */
import { equalBytes } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { rescale } from '../timestamps.ts'
import type { SampleInfo } from './demux.ts'
import type { TrackInit } from './init-reader.ts'
import { parameterSets } from './parameter-sets.ts'
import { RunList, WordList } from './word-list.ts'

/** Where a time line of the segments lies in the movie. */
export interface Alignment {
  /** A presentation time of the segments, seconds… */
  readonly mediaSeconds: number
  /** …and when that is shown in the movie. */
  readonly movieSeconds: number
}

/** Bytes that stand before a sample in the file and are none of its object. */
export interface Insertion {
  /** In the object. */
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A sample whose duration is not decided: that is the next one's business. */
interface Pending {
  readonly at: number
  readonly duration: number
}

/** All times are in ticks of the first init segment's timescale; media time begins at 0 with the first sample. */
export class MovieTrack {
  readonly timescale: number
  readonly kind: TrackInit['kind']
  readonly language: string | undefined
  readonly width: number
  readonly height: number
  /** Of stsd, each once. */
  readonly entries: Uint8Array[] = []
  readonly durations = new RunList()
  readonly compositions = new RunList()
  readonly sizes = new WordList()
  /** Numbers of key samples, from 1. */
  readonly keys = new WordList()
  /** Entries of stsc. */
  readonly chunkRuns = new WordList()
  /** Of chunks, in the media of the file. */
  readonly chunkOffsets: number[] = []
  hasCompositions = false
  hasNegativeCompositions = false
  /** When the movie shows the first sample, and that one's presentation time in the media: what an edit list says. */
  startSeconds = 0
  mediaStart = 0
  /** Where the last sample ends, by decoding and by presentation. */
  end = 0
  presentationEnd = 0
  readonly #inits: readonly TrackInit[]
  readonly #entryOfInit: readonly number[]
  /** What is written before each key frame of an entry; undefined: nothing. */
  readonly #preludes: readonly (Uint8Array | undefined)[]
  /** Media time less time of the segments. */
  #shift = 0
  #pending: Pending | undefined
  #chunk = { end: Number.NaN, entry: 0, samples: 0 }
  #lastChunkRun = { samples: 0, entry: 0 }

  /** `inits`: all that its segments decode with, at least one. Throws `ProtocolError` where they are not of one kind. */
  constructor(inits: readonly TrackInit[]) {
    const first = inits[0]
    if (!first || inits.some(init => init.kind !== first.kind))
      throw new ProtocolError('init segments that are not of one track')
    this.#inits = inits
    this.timescale = first.timescale
    this.kind = first.kind
    this.language = inits.find(init => init.language !== undefined)?.language
    this.width = Math.max(...inits.map(init => init.width))
    this.height = Math.max(...inits.map(init => init.height))
    this.#entryOfInit = inits.map(init => this.#entry(init.sampleEntry))
    // Browsers read the first entry alone: where others follow, key frames tell what they decode with.
    const hasSeveral = this.entries.length > 1 && this.kind === 'video'
    this.#preludes = this.entries.map(entry => (hasSeveral ? parameterSets(entry) : undefined))
  }

  get sampleCount(): number {
    return this.sizes.size
  }

  /**
   * Adds a segment whose object begins at `offset` in the media of the file. `alignment`: given where a new time line
   * begins. Answers what is to be written into the object, in its order. Throws `ProtocolError` for an init segment that
   * there is not.
   */
  add(
    samples: readonly SampleInfo[],
    initIndex: number,
    offset: number,
    alignment?: Alignment,
  ): readonly Insertion[] {
    const init = this.#inits[initIndex]
    if (!init) throw new ProtocolError(`a segment of init segment ${initIndex}, which there is not`)
    const timed = samples.map(sample => this.#retime(sample, init.timescale))
    if (this.kind === 'audio' && alignment) this.#alignSound(timed, alignment)
    else if (alignment && timed[0]) this.#align(timed[0], alignment)
    return this.#pushAll(timed, this.#entryOfInit[initIndex]!, offset)
  }

  /** Decides what waits for a next sample; nothing is added afterwards. */
  finish(): void {
    if (!this.#pending) return
    const { at, duration } = this.#pending
    this.durations.push(duration)
    this.end = at + duration
    this.#pending = undefined
    this.#endChunk()
  }

  #entry(sampleEntry: Uint8Array): number {
    const known = this.entries.findIndex(entry => equalBytes(entry, sampleEntry))
    return known === -1 ? this.entries.push(sampleEntry) - 1 : known
  }

  #retime(sample: SampleInfo, timescale: number): SampleInfo {
    if (timescale === this.timescale) return sample
    const [dts, pts, end] = [0, sample.compositionOffset, sample.duration].map(time =>
      rescale(sample.dts + time, timescale, this.timescale),
    ) as [number, number, number]
    return { ...sample, dts, compositionOffset: pts - dts, duration: end - dts }
  }

  /** Presentation times of the time line that `first` begins become those of the movie. */
  #align(first: SampleInfo, { mediaSeconds, movieSeconds }: Alignment): void {
    const pts = first.dts + first.compositionOffset
    const shownAt = Math.max(0, movieSeconds + pts / this.timescale - mediaSeconds)
    if (!this.#pending) {
      this.startSeconds = shownAt
      this.mediaStart = first.compositionOffset
      this.#shift = -first.dts
    } else this.#shift = Math.round((shownAt - this.startSeconds) * this.timescale) + this.mediaStart - pts
  }

  /**
   * Sound cannot be shown later than it is decoded: what comes before the end of what was is left out, and the rest put
   * off by less than a sample.
   */
  #alignSound(samples: SampleInfo[], alignment: Alignment): void {
    const { mediaSeconds, movieSeconds } = alignment
    const begin = (sample: SampleInfo) => movieSeconds + sample.dts / this.timescale - mediaSeconds
    const heardUntil = this.#pending
      ? this.startSeconds + (this.#pending.at + this.#pending.duration) / this.timescale
      : 0
    while (samples[0] && begin(samples[0]) + samples[0].duration / this.timescale / 2 < heardUntil)
      samples.shift()
    if (!samples[0]) return
    this.#align(samples[0], alignment)
    if (!this.#pending) return
    const overlap = this.#pending.at + this.#pending.duration - (samples[0].dts + this.#shift)
    this.#shift += Math.max(0, overlap)
  }

  #pushAll(samples: readonly SampleInfo[], entry: number, objectOffset: number): Insertion[] {
    const insertions: Insertion[] = []
    const bytes = this.#preludes[entry]
    let start = objectOffset
    for (const sample of samples) {
      const { offset } = sample
      const isInserted = bytes && sample.isKey && offset >= (insertions.at(-1)?.offset ?? 0)
      if (isInserted) insertions.push({ offset, bytes })
      const prelude = isInserted ? bytes.byteLength : 0
      this.#push({ ...sample, size: prelude + sample.size, offset: start + offset }, entry)
      start += prelude
    }
    return insertions
  }

  /** `offset` of the sample: in the media of the file. */
  #push(sample: SampleInfo, entry: number): void {
    const wanted = sample.dts + this.#shift
    // Decoding times rise; what is decoded later than it should be is not shown later.
    const at = this.#pending ? Math.max(wanted, this.#pending.at + 1) : Math.max(0, wanted)
    if (this.#pending) this.durations.push(at - this.#pending.at)
    this.#pending = { at, duration: Math.max(1, sample.duration) }
    const composition = wanted + sample.compositionOffset - at
    this.#addComposition(this.kind === 'audio' ? 0 : composition)
    this.presentationEnd = Math.max(this.presentationEnd, at + composition + this.#pending.duration)
    this.sizes.push(sample.size)
    if (sample.isKey) this.keys.push(this.sizes.size)
    this.#addToChunk(sample.offset, sample.size, entry)
  }

  #addComposition(composition: number): void {
    this.compositions.push(composition)
    if (composition !== 0) this.hasCompositions = true
    if (composition < 0) this.hasNegativeCompositions = true
  }

  /** Samples that lie one behind the other and share an entry are a chunk. */
  #addToChunk(offset: number, size: number, entry: number): void {
    if (offset !== this.#chunk.end || entry !== this.#chunk.entry) {
      this.#endChunk()
      this.chunkOffsets.push(offset)
      this.#chunk = { end: offset, entry, samples: 0 }
    }
    this.#chunk.end += size
    this.#chunk.samples++
  }

  /** ISO/IEC 14496-12 8.7.4: an entry for each chunk that is not like the one before. */
  #endChunk(): void {
    const { samples, entry } = this.#chunk
    if (samples === 0) return
    const last = this.#lastChunkRun
    if (last.samples === samples && last.entry === entry) return
    for (const word of [this.chunkOffsets.length, samples, entry + 1]) this.chunkRuns.push(word)
    this.#lastChunkRun = { samples, entry }
  }
}
