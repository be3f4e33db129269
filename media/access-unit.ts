/** The one shape in which media moves through Sluice: tracks, and coded frames with both time stamps. */

import type { Colour } from './colour.ts'

/** Video. NAL units of H.264 and HEVC stay length-prefixed with 4 bytes from socket to disk. */
export interface VideoTrack {
  readonly kind: 'video'
  readonly codec: 'h264' | 'hevc' | 'av1'
  /** The encoded quality that a ladder made (`720p`); undefined: the source, as the publisher sent it. */
  readonly rendition?: string
  /** Ticks per second of `dts` and `pts`. */
  readonly timescale: 90_000
  /**
   * H.264: AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1; HEVC: HEVCDecoderConfigurationRecord, 8.3.3.1, both
   * with lengthSizeMinusOne = 3. AV1: AV1CodecConfigurationRecord, AV1-ISOBMFF 2.3.3.
   */
  readonly decoderConfig: Uint8Array
  /** H.264: parameter sets out of `decoderConfig`, without length prefix. Other codecs: none. */
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
  /** RFC 6381: `avc1.PPCCLL`, `hvc1.…`, `av01.…`. */
  readonly codecString: string
  /** Cropped picture size in pixels. */
  readonly width: number
  readonly height: number
  /** Frames per second as the SPS or the publisher's metadata states it. */
  readonly frameRate?: number
  /** max_num_reorder_frames of the SPS (0: no B-frames); undefined where it does not say. */
  readonly maxReorderFrames?: number
  /** What a browser can decode over WebRTC is 8-bit 4:2:0. */
  readonly chroma: '4:0:0' | '4:2:0' | '4:2:2' | '4:4:4'
  readonly bitDepth: number
  /** As the publisher or the parameter sets tell it; undefined: nobody does. */
  readonly colour?: Colour
}

/** AAC or Opus. */
export interface AudioTrack {
  readonly kind: 'audio'
  readonly codec: 'aac' | 'opus'
  /** The publisher's number of it where it sends several; undefined or 0: the default one. */
  readonly trackId?: number
  /** BCP 47, where the publisher says. */
  readonly language?: string
  /** Ticks per second of `dts` and `pts`: the sample rate. */
  readonly timescale: number
  /** AAC: AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1. Opus: ID header, RFC 7845 5.1, or empty. */
  readonly decoderConfig: Uint8Array
  /** RFC 6381: `mp4a.40.2`, `opus`. */
  readonly codecString: string
  readonly sampleRate: number
  readonly channels: number
  /** Samples of one access unit, in ticks of `timescale`: 1024 for AAC-LC. */
  readonly samplesPerUnit: number
}

export type Track = VideoTrack | AudioTrack

/** The tracks of one broadcast. There is always video: a stream goes live with its first key frame. */
export interface Tracks {
  readonly video: VideoTrack
  /** The default sound. */
  readonly audio?: AudioTrack
  /** Other sound that a viewer may choose instead: a language, a commentary. */
  readonly alternateAudio?: readonly AudioTrack[]
}

/** One coded frame. */
export interface AccessUnit {
  readonly track: Track
  /** Decoding and presentation time in ticks of `track.timescale`, integers on the broadcast's one time line. */
  readonly dts: number
  readonly pts: number
  /** Decodes alone: an IDR picture (HEVC: any IRAP, AV1: a key frame), any audio frame. */
  readonly isKey: boolean
  /**
   * H.264, HEVC: NAL units each behind a 4-byte length. AV1: OBUs with sizes, without temporal delimiter. AAC: a raw frame
   * without ADTS header. Opus: one packet. Never written to.
   */
  readonly data: Uint8Array
}
