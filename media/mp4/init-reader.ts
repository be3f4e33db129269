/** Hides where the header of fragmented MP4 says what its tracks are. */
import { ProtocolError } from '../protocol-error.ts'
import { BoxFields, type BoxSpan, boxesIn, findChild, getChild } from './box-reader.ts'
import { languageOf } from './language.ts'

/** One track of an init segment. */
export interface TrackInit {
  readonly trackId: number
  readonly kind: 'video' | 'audio'
  /** Ticks per second. */
  readonly timescale: number
  /** The whole box out of stsd: what a decoder must know. */
  readonly sampleEntry: Uint8Array
  /** BCP 47 where it says more than mdhd's three letters. */
  readonly language: string | undefined
  /** Pixels; 0 for sound. */
  readonly width: number
  readonly height: number
  /** Where a fragment does not say: those of trex, ISO/IEC 14496-12 8.8.3. */
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number }
}

const MAX_INIT_BYTES = 1024 * 1024
const MAX_TRACKS = 32
const KINDS: Record<string, TrackInit['kind']> = { vide: 'video', soun: 'audio' }
const text = new TextDecoder()

/** The only track of an init segment. Throws `ProtocolError`, also where there are several. */
export function parseInit(bytes: Uint8Array): TrackInit {
  const [track, ...others] = parseInits(bytes)
  if (!track || others.length > 0)
    throw new ProtocolError(`an init segment of ${track ? 'several tracks' : 'no track'}`)
  return track
}

/** The tracks of picture and sound of an init segment, in its order; others are passed over. Throws `ProtocolError`. */
export function parseInits(bytes: Uint8Array): readonly TrackInit[] {
  if (bytes.byteLength > MAX_INIT_BYTES) throw new ProtocolError('an init segment of more than 1 MiB')
  const moov = boxesIn(bytes).find(box => box.type === 'moov')
  if (!moov) throw new ProtocolError('an init segment without moov')
  const mvex = findChild(bytes, moov, 'mvex')
  const traks = boxesIn(bytes, moov.contentStart, moov.end).filter(box => box.type === 'trak')
  return traks
    .take(MAX_TRACKS)
    .flatMap(trak => parseTrak(bytes, trak, mvex))
    .toArray()
}

function parseTrak(bytes: Uint8Array, trak: BoxSpan, mvex: BoxSpan | undefined): TrackInit[] {
  const mdia = getChild(bytes, trak, 'mdia')
  const kind = KINDS[parseHandler(bytes, mdia)]
  if (!kind) return []
  const trackId = parseTrackId(bytes, trak)
  const { timescale, language } = parseMediaHeader(bytes, mdia)
  const stbl = getChild(bytes, getChild(bytes, mdia, 'minf'), 'stbl')
  const entry = parseSampleEntry(bytes, getChild(bytes, stbl, 'stsd'))
  const defaults = parseDefaults(bytes, mvex, trackId)
  const sampleEntry = bytes.slice(entry.start, entry.end)
  return [{ trackId, kind, timescale, sampleEntry, language, ...pictureSize(bytes, entry, kind), defaults }]
}

/** 8.3.2. */
function parseTrackId(bytes: Uint8Array, trak: BoxSpan): number {
  const fields = new BoxFields(bytes, getChild(bytes, trak, 'tkhd'))
  fields.skip(fields.versionAndFlags().version === 1 ? 16 : 8)
  return fields.u32()
}

/** 8.4.3. */
function parseHandler(bytes: Uint8Array, mdia: BoxSpan): string {
  const fields = new BoxFields(bytes, getChild(bytes, mdia, 'hdlr'))
  fields.skip(8)
  return text.decode(fields.rest().subarray(0, 4))
}

/** 8.4.2; the whole tag of a language in elng, 8.4.6. */
function parseMediaHeader(bytes: Uint8Array, mdia: BoxSpan) {
  const fields = new BoxFields(bytes, getChild(bytes, mdia, 'mdhd'))
  const isLong = fields.versionAndFlags().version === 1
  fields.skip(isLong ? 16 : 8)
  const timescale = fields.u32()
  if (timescale === 0) throw new ProtocolError('a track without a timescale')
  fields.skip(isLong ? 8 : 4)
  const code = fields.u16()
  const elng = findChild(bytes, mdia, 'elng')
  const tag = elng && text.decode(bytes.subarray(elng.contentStart + 4, elng.end)).split('\0')[0]
  return { timescale, language: tag && /^[A-Za-z0-9-]{2,35}$/.test(tag) ? tag : languageOf(code) }
}

/** 8.5.2. */
function parseSampleEntry(bytes: Uint8Array, stsd: BoxSpan): BoxSpan {
  const fields = new BoxFields(bytes, stsd)
  fields.versionAndFlags()
  if (fields.u32() !== 1) throw new ProtocolError('not exactly one sample entry')
  const entry = boxesIn(bytes, stsd.contentStart + 8, stsd.end).next().value
  if (!entry) throw new ProtocolError('a sample description without a sample entry')
  return entry
}

/** VisualSampleEntry, 12.1.3. */
function pictureSize(bytes: Uint8Array, entry: BoxSpan, kind: TrackInit['kind']) {
  if (kind === 'audio') return { width: 0, height: 0 }
  const fields = new BoxFields(bytes, entry)
  fields.skip(24)
  return { width: fields.u16(), height: fields.u16() }
}

function parseDefaults(bytes: Uint8Array, mvex: BoxSpan | undefined, trackId: number): TrackInit['defaults'] {
  for (const box of mvex ? boxesIn(bytes, mvex.contentStart, mvex.end) : []) {
    if (box.type !== 'trex') continue
    const fields = new BoxFields(bytes, box)
    fields.skip(4)
    if (fields.u32() !== trackId) continue
    fields.skip(4)
    return { duration: fields.u32(), size: fields.u32(), flags: fields.u32() }
  }
  return { duration: 0, size: 0, flags: 0 }
}
