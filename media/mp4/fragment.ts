/** Hides the fragment (moof, mdat) of fragmented MP4: a run of samples for each track. */
import { writeUint32 } from '../bytes.ts'

/** One access unit as a fragment carries it; every `AccessUnit` is one. */
export interface Sample {
  /** Ticks of the track's timescale. */
  readonly dts: number
  readonly pts: number
  readonly isKey: boolean
  readonly data: Uint8Array
}

/** The samples of one track, dts rising; none where the track is silent in this fragment. */
export interface Run {
  readonly trackId: number
  readonly kind: 'video' | 'audio'
  /** Decoding time of the first sample: kept for a run without one. */
  readonly startDts: number
  /** Decoding time at which the last sample ends. */
  readonly endDts: number
  readonly samples: readonly Sample[]
}

const TFHD_DEFAULT_BASE_IS_MOOF = 0x020000
const TRUN_OFFSET_DURATION_SIZE = 0x301
const TRUN_FLAGS_COMPOSITION = 0xc00
/** ISO/IEC 14496-12 8.8.3.1: sample_depends_on 2 (decodes alone); 1 and sample_is_non_sync_sample. */
const KEY_SAMPLE = 0x02000000
const OTHER_SAMPLE = 0x01010000

const MOOF_AND_MFHD = 8 + 16
const TRAF_TFHD_TFDT = 8 + 16 + 20
const TRUN = 20
const TWO_TO_32 = 0x1_0000_0000

/**
 * moof and mdat in one new array: the only copy of the media that is made. `sequence`: mfhd's, rising from 1.
 * The caller bounds the size to less than 2 GiB.
 */
export function fragment(sequence: number, runs: readonly Run[]): Uint8Array<ArrayBuffer> {
  const moofSize = runs.reduce((sum, run) => sum + trafSize(run), MOOF_AND_MFHD)
  const mediaSize = runs.reduce((sum, run) => sum + byteLength(run), 0)
  const bytes = new Uint8Array(moofSize + 8 + mediaSize)
  let at = header(bytes, 0, moofSize, 'moof')
  at = header(bytes, at, 16, 'mfhd')
  writeUint32(bytes, at + 4, sequence)
  at += 8
  let dataAt = moofSize + 8
  for (const run of runs) {
    at = writeTraf(bytes, at, run, dataAt)
    dataAt += byteLength(run)
  }
  at = header(bytes, at, 8 + mediaSize, 'mdat')
  for (const run of runs) {
    for (const sample of run.samples) {
      bytes.set(sample.data, at)
      at += sample.data.byteLength
    }
  }
  return bytes
}

function trafSize(run: Run): number {
  const perSample = run.kind === 'video' ? 16 : 8
  return TRAF_TFHD_TFDT + (run.samples.length > 0 ? TRUN + run.samples.length * perSample : 0)
}

function byteLength(run: Run): number {
  return run.samples.reduce((sum, sample) => sum + sample.data.byteLength, 0)
}

/** ISO/IEC 14496-12 8.8.6 to 8.8.8 and 8.8.12. `dataAt`: where the run's media begins, counted from the moof. */
function writeTraf(bytes: Uint8Array, start: number, run: Run, dataAt: number): number {
  let at = header(bytes, start, trafSize(run), 'traf')
  at = header(bytes, at, 16, 'tfhd')
  writeUint32(bytes, at, TFHD_DEFAULT_BASE_IS_MOOF)
  writeUint32(bytes, at + 4, run.trackId)
  at = header(bytes, at + 8, 20, 'tfdt')
  const base = run.samples[0]?.dts ?? run.startDts
  writeUint32(bytes, at, 1 << 24) // Version 1: 64 bits.
  writeUint32(bytes, at + 4, Math.floor(base / TWO_TO_32))
  writeUint32(bytes, at + 8, base % TWO_TO_32)
  at += 12
  return run.samples.length > 0 ? writeTrun(bytes, at, run, dataAt) : at
}

function writeTrun(bytes: Uint8Array, start: number, run: Run, dataAt: number): number {
  const { samples, kind } = run
  const isVideo = kind === 'video'
  let at = header(bytes, start, TRUN + samples.length * (isVideo ? 16 : 8), 'trun')
  // Version 1: signed composition offsets.
  writeUint32(bytes, at, (1 << 24) | TRUN_OFFSET_DURATION_SIZE | (isVideo ? TRUN_FLAGS_COMPOSITION : 0))
  writeUint32(bytes, at + 4, samples.length)
  writeUint32(bytes, at + 8, dataAt)
  at += 12
  for (const [index, sample] of samples.entries()) {
    writeUint32(bytes, at, (samples[index + 1]?.dts ?? run.endDts) - sample.dts)
    writeUint32(bytes, at + 4, sample.data.byteLength)
    at += 8
    if (!isVideo) continue
    writeUint32(bytes, at, sample.isKey ? KEY_SAMPLE : OTHER_SAMPLE)
    writeUint32(bytes, at + 4, sample.pts - sample.dts)
    at += 8
  }
  return at
}

function header(bytes: Uint8Array, at: number, size: number, type: string): number {
  writeUint32(bytes, at, size)
  for (let index = 0; index < 4; index++) bytes[at + 4 + index] = type.charCodeAt(index)
  return at + 8
}
