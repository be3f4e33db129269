/**
 * Hides how a track's units are told to ffmpeg: as Matroska, from which it reads every codec carried here, each unit as
 * soon as it is there. (Its FLV reader knows neither HEVC nor AV1; its MP4 reader remembers every fragment for ever.)
 */
import type { AccessUnit, Track } from '../../media/access-unit.ts'
import { matroskaHeader, matroskaUnit } from '../../media/matroska/stream.ts'
import { rescale } from '../../media/timestamps.ts'

/** The input of one run of ffmpeg. */
export class FfmpegInput {
  /** Arguments up to and with `-i pipe:0`: nothing is waited for beyond what the header says. */
  readonly args: readonly string[]
  readonly #track: Track
  #baseMs: number | undefined
  #hasBegun = false

  /** Of `track` only the decoder's configuration is told. */
  constructor(track: Track) {
    this.#track = track
    const isInOrder = track.kind === 'video' && track.maxReorderFrames === 0
    this.args = [
      // Not `-fflags nobuffer`: it throws away what was read while probing, the first key frame that is.
      ...['-probesize', '32', '-analyzeduration', '1', '-fpsprobesize', '0'],
      // A decoder that is not told waits for B-frames which may never come.
      ...(isInOrder ? ['-flags', 'low_delay'] : []),
      // Frame threads would each hold a frame back.
      ...['-threads', '1', '-f', 'matroska', '-i', 'pipe:0'],
    ]
  }

  /** What ffmpeg reads for `unit`. Its clock says 0 at the decoding time of the first one, and counts milliseconds. */
  encode(unit: AccessUnit): Uint8Array {
    const { timescale } = this.#track
    this.#baseMs ??= rescale(unit.dts, timescale, 1000)
    // Matroska knows no time before 0, where only a picture could lie that leads the first one.
    return this.encodeAt(unit, Math.max(0, rescale(unit.pts, timescale, 1000) - this.#baseMs))
  }

  /** The same with a time of the caller's, in milliseconds from 0. */
  encodeAt(unit: AccessUnit, timeMs: number): Uint8Array {
    const block = matroskaUnit(unit, timeMs)
    if (this.#hasBegun) return block
    this.#hasBegun = true
    return Buffer.concat([matroskaHeader(this.#track), block])
  }
}
