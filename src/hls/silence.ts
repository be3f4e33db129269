/** Hides what a frame of AAC without any sound looks like. */
import type { AudioTrack } from '../../media/access-unit.ts'

/**
 * A raw_data_block whose channels have no scale factor bands, ISO/IEC 14496-3 4.4.2: one single_channel_element, or one
 * channel_pair_element without common_window, then ID_END.
 */
const MONO = Uint8Array.of(0, 0, 0, 0x07)
const STEREO = Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0x0e)

/** One access unit of silence for the track's decoder; undefined where none is known. */
export function silentUnit({ codec, channels }: AudioTrack): Uint8Array | undefined {
  if (codec !== 'aac') return undefined
  if (channels === 1) return MONO
  return channels === 2 ? STEREO : undefined
}
