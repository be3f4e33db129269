/** What the video usability information of H.264 (E.1.1) and HEVC (E.2.1) has in common. */
import type { BitReader } from './bit-reader.ts'

/** Reads over overscan, signal type and chroma locations, which follow the sample aspect ratio in both. */
export function skipVideoSignal(reader: BitReader): void {
  if (reader.flag()) reader.skip(1) // overscan
  if (reader.flag()) {
    reader.skip(4) // video_format, video_full_range_flag
    if (reader.flag()) reader.skip(24) // colour description
  }
  if (reader.flag()) {
    reader.unsignedGolomb() // chroma_sample_loc_type_top_field
    reader.unsignedGolomb()
  }
}
