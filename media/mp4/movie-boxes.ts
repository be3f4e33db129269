/** Hides the header of a movie whose samples are known: ftyp and moov, ISO/IEC 14496-12. */
import { ascii, box, fullBox, u16, u32, zeros } from './boxes.ts'
import type { MovieTrack } from './movie-track.ts'
import { handler, languageBoxes, MATRIX, mediaInformation, trackHeaderEnd } from './track-boxes.ts'
import { WordList } from './word-list.ts'

/** Ticks per second of durations in the movie's own header: fine enough that no frame of a usual rate is rounded. */
const MOVIE_TIMESCALE = 90_000
const TWO_TO_32 = 0x1_0000_0000

/** `mediaAt`: where the chunk offsets count from. `isWide`: they need 64 bits. */
export function movieBoxes(tracks: readonly MovieTrack[], mediaAt: number, isWide: boolean): Uint8Array[] {
  const ftyp = box('ftyp', ascii('isom'), u32(512), ascii('isomiso4mp41'))
  const durations = tracks.map(track => movieTicks(track.startSeconds) + shownTicks(track))
  const mvhd = fullBox(
    'mvhd',
    1,
    0,
    zeros(16),
    u32(MOVIE_TIMESCALE),
    u64(Math.max(0, ...durations)),
    u32(0x10000),
    u16(0x0100, 0),
    zeros(8),
    MATRIX,
    zeros(24),
    u32(tracks.length + 1),
  )
  const traks = tracks.map((track, index) => trak(track, index + 1, durations[index]!, mediaAt, isWide))
  return [ftyp, box('moov', mvhd, ...traks)]
}

/** The size and type that stand before so many bytes of media. */
export function mediaHeader(payloadBytes: number): Uint8Array {
  if (payloadBytes + 8 < TWO_TO_32) return new Uint8Array([...u32(payloadBytes + 8), ...ascii('mdat')])
  return new Uint8Array([...u32(1), ...ascii('mdat'), ...u64(payloadBytes + 16)])
}

function trak(track: MovieTrack, id: number, duration: number, mediaAt: number, isWide: boolean): Uint8Array {
  const { kind, width, height } = track
  const times = [zeros(16), u32(id, 0), u64(duration)]
  // Flags 3: enabled, in movie.
  const tkhd = fullBox('tkhd', 1, 3, ...times, ...trackHeaderEnd(kind, width, height))
  const { mdhdEnd, elng } = languageBoxes(track.language)
  const mdhd = fullBox('mdhd', 1, 0, zeros(16), u32(track.timescale), u64(track.end), mdhdEnd)
  const minf = mediaInformation(kind, sampleTable(track, mediaAt, isWide))
  return box('trak', tkhd, ...edits(track), box('mdia', mdhd, ...elng, handler(kind), minf))
}

/** 8.6.6: nothing until the track begins, then all of it from its first presentation time on. */
function edits(track: MovieTrack): Uint8Array[] {
  const wait = movieTicks(track.startSeconds)
  if (wait === 0 && track.mediaStart === 0) return []
  const shown = [u64(shownTicks(track)), u64(track.mediaStart), u32(0x10000)]
  const empty = wait > 0 ? [u64(wait), u32(0xffffffff, 0xffffffff), u32(0x10000)] : []
  return [box('edts', fullBox('elst', 1, 0, u32(wait > 0 ? 2 : 1), ...empty, ...shown))]
}

function sampleTable(track: MovieTrack, mediaAt: number, isWide: boolean): Uint8Array {
  const { entries, durations, compositions, keys, chunkRuns, sizes } = track
  const stts = durations.finish()
  const ctts = compositions.finish()
  const hasOtherThanKeys = keys.size < sizes.size
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(entries.length), ...entries),
    fullBox('stts', 0, 0, u32(stts.byteLength / 8), stts),
    // Version 1 has signed offsets, which not every player reads.
    ...(track.hasCompositions
      ? [fullBox('ctts', track.hasNegativeCompositions ? 1 : 0, 0, u32(ctts.byteLength / 8), ctts)]
      : []),
    ...(hasOtherThanKeys ? [fullBox('stss', 0, 0, u32(keys.size), keys.bytes)] : []),
    fullBox('stsc', 0, 0, u32(chunkRuns.size / 3), chunkRuns.bytes),
    fullBox('stsz', 0, 0, u32(0, sizes.size), sizes.bytes),
    chunkOffsets(track, mediaAt, isWide),
  )
}

function chunkOffsets({ chunkOffsets }: MovieTrack, mediaAt: number, isWide: boolean): Uint8Array {
  const words = new WordList()
  for (const offset of chunkOffsets) {
    if (isWide) words.push(Math.floor((mediaAt + offset) / TWO_TO_32))
    words.push((mediaAt + offset) % TWO_TO_32)
  }
  return fullBox(isWide ? 'co64' : 'stco', 0, 0, u32(chunkOffsets.length), words.bytes)
}

function movieTicks(seconds: number): number {
  return Math.round(seconds * MOVIE_TIMESCALE)
}

/** How long the track is shown; rounded up, as what lies behind it is not shown. */
function shownTicks({ presentationEnd, mediaStart, timescale }: MovieTrack): number {
  return Math.ceil(((presentationEnd - mediaStart) / timescale) * MOVIE_TIMESCALE - 1e-6)
}

/** Below 2^53. */
function u64(value: number): Uint8Array {
  return u32(Math.floor(value / TWO_TO_32), value % TWO_TO_32)
}
