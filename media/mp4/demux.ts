/** Hides where fragmented MP4 keeps what is known of its samples: ours, and what other muxers write. */
import { ProtocolError } from '../protocol-error.ts'
import { BoxFields, type BoxSpan, boxAt, boxesIn } from './box-reader.ts'
import { parseInit, type TrackInit } from './init-reader.ts'

/** A sample in a segment; times in ticks of its track. */
export interface SampleInfo {
  readonly dts: number
  readonly duration: number
  /** Presentation less decoding time; may be negative. */
  readonly compositionOffset: number
  readonly isKey: boolean
  /** Of its first byte in the segment. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
}

/** Far more than a segment holds; what says it has more is broken. */
const MAX_SAMPLES = 500_000
const NON_SYNC = 0x010000

/** Flags of tfhd, ISO/IEC 14496-12 8.8.7.1. */
const TFHD = {
  baseOffset: 0x01,
  description: 0x02,
  duration: 0x08,
  size: 0x10,
  flags: 0x20,
  moofIsBase: 0x020000,
} as const
/** Flags of trun, 8.8.8.1. */
const TRUN = {
  dataOffset: 0x01,
  firstFlags: 0x04,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  composition: 0x800,
} as const

/** The samples of a segment of one rendition. Throws `ProtocolError`. */
export function readSegment(init: Uint8Array, segment: Uint8Array): readonly SampleInfo[] {
  return parseFragments(segment, parseInit(init))
}

/**
 * The samples of the track that `init` describes, in the order of the fragments; other tracks and other boxes are passed
 * over. `bytes`: whole fragments; every sample lies in them. Throws `ProtocolError`.
 */
export function parseFragments(bytes: Uint8Array, init: TrackInit): readonly SampleInfo[] {
  const reader = new FragmentReader(bytes, init)
  for (const box of boxesIn(bytes)) if (box.type === 'moof') reader.readMoof(box)
  return reader.samples
}

/**
 * How many of the first bytes are whole fragments (each moof with its mdat, and the boxes before them): what is left of
 * a file whose writer died. Takes anything.
 */
export function completeFragments(bytes: Uint8Array): number {
  let complete = 0
  let hasHeader = false
  for (let box = boxAt(bytes, 0, bytes.byteLength); box; box = boxAt(bytes, box.end, bytes.byteLength)) {
    if (box.type === 'moof') {
      if (hasHeader) break
      hasHeader = true
    } else if (box.type === 'mdat') {
      if (!hasHeader) break
      hasHeader = false
      complete = box.end
    } else if (!/^[a-z]{4}$/.test(box.type)) break
  }
  return complete
}

/** What a run takes where it says nothing itself, and where its media begins. */
interface RunDefaults {
  readonly duration: number
  readonly size: number
  readonly flags: number
}

class FragmentReader {
  readonly samples: SampleInfo[] = []
  readonly #bytes: Uint8Array
  readonly #init: TrackInit
  /** Decoding time of the next sample. */
  #dts = 0
  /** Where the next run's media begins when it does not say. */
  #dataAt = 0

  constructor(bytes: Uint8Array, init: TrackInit) {
    this.#bytes = bytes
    this.#init = init
  }

  readMoof(moof: BoxSpan): void {
    let isFirst = true
    for (const traf of boxesIn(this.#bytes, moof.contentStart, moof.end)) {
      if (traf.type !== 'traf') continue
      this.#readTraf(traf, moof, isFirst)
      isFirst = false
    }
  }

  #readTraf(traf: BoxSpan, moof: BoxSpan, isFirst: boolean): void {
    let defaults: RunDefaults | undefined
    let base = moof.start
    for (const box of boxesIn(this.#bytes, traf.contentStart, traf.end)) {
      if (box.type === 'tfhd') {
        const header = readTfhd(new BoxFields(this.#bytes, box), this.#init)
        if (!header) return
        if (header.base === undefined && !header.isMoofBase && !isFirst)
          throw new ProtocolError('where the media of a track fragment begins is not said')
        base = header.base ?? moof.start
        this.#dataAt = base
        defaults = header
      } else if (box.type === 'tfdt') {
        const fields = new BoxFields(this.#bytes, box)
        this.#dts = fields.versionAndFlags().version === 1 ? fields.u64() : fields.u32()
      } else if (box.type === 'trun') {
        if (!defaults) throw new ProtocolError('a run of samples before its header')
        this.#readTrun(new BoxFields(this.#bytes, box), defaults, base)
      }
    }
  }

  #readTrun(fields: BoxFields, defaults: RunDefaults, base: number): void {
    const { version, flags } = fields.versionAndFlags()
    const count = fields.u32()
    if (flags & TRUN.dataOffset) this.#dataAt = base + fields.i32()
    const firstFlags = flags & TRUN.firstFlags ? fields.u32() : undefined
    this.#checkCount(count, flags, fields.bytesLeft, defaults.size)
    for (let index = 0; index < count; index++) {
      const duration = flags & TRUN.duration ? fields.u32() : defaults.duration
      const size = flags & TRUN.size ? fields.u32() : defaults.size
      const own = flags & TRUN.flags ? fields.u32() : defaults.flags
      const composition = flags & TRUN.composition ? fields.u32() : 0
      const sampleFlags = index === 0 ? (firstFlags ?? own) : own
      this.#add(duration, size, sampleFlags, version === 0 ? composition : composition | 0)
    }
  }

  /** Before anything is made for them: the run has as many samples as its bytes, and those of the media, can hold. */
  #checkCount(count: number, flags: number, bytesLeft: number, defaultSize: number): void {
    const fields = [TRUN.duration, TRUN.size, TRUN.flags, TRUN.composition]
    const bytesEach = fields.filter(field => flags & field).length * 4
    const mediaEach = flags & TRUN.size ? 0 : defaultSize
    const isTooMany = count * bytesEach > bytesLeft || count * mediaEach > this.#bytes.byteLength
    if (isTooMany || this.samples.length + count > MAX_SAMPLES)
      throw new ProtocolError(`a run of ${count} samples does not fit`)
    if (count > 0 && bytesEach + mediaEach === 0) throw new ProtocolError('a run of samples without a size')
  }

  #add(duration: number, size: number, flags: number, compositionOffset: number): void {
    const offset = this.#dataAt
    if (offset < 0 || offset + size > this.#bytes.byteLength)
      throw new ProtocolError('a sample does not lie in its segment')
    const isKey = (flags & NON_SYNC) === 0
    this.samples.push({ dts: this.#dts, duration, compositionOffset, isKey, offset, size })
    this.#dts += duration
    this.#dataAt += size
  }
}

/** Undefined: it is of another track. */
function readTfhd(fields: BoxFields, { trackId, defaults }: TrackInit) {
  const { flags } = fields.versionAndFlags()
  if (fields.u32() !== trackId) return undefined
  const base = flags & TFHD.baseOffset ? fields.u64() : undefined
  if (flags & TFHD.description && fields.u32() !== 1)
    throw new ProtocolError('a fragment of a sample entry that there is not')
  return {
    base,
    isMoofBase: (flags & TFHD.moofIsBase) !== 0,
    duration: flags & TFHD.duration ? fields.u32() : defaults.duration,
    size: flags & TFHD.size ? fields.u32() : defaults.size,
    flags: flags & TFHD.flags ? fields.u32() : defaults.flags,
  }
}
