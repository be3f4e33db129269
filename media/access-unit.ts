/** The one shape in which media moves through Sluice: tracks, and coded frames with both time stamps. */

/** H.264 video. NAL units stay length-prefixed with 4 bytes (AVCC) from socket to disk. */
export interface VideoTrack {
  readonly kind: 'video'
  readonly codec: 'h264'
  /** Ticks per second of `dts` and `pts`. */
  readonly timescale: 90_000
  /** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1, with lengthSizeMinusOne = 3. */
  readonly decoderConfig: Uint8Array
  /** Parameter sets out of `decoderConfig`, without length prefix. */
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
  /** RFC 6381: `avc1.PPCCLL`. */
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
}

/** AAC as the publisher sends it, or Opus as WebRTC carries it. */
export interface AudioTrack {
  readonly kind: 'audio'
  readonly codec: 'aac' | 'opus'
  /** Ticks per second of `dts` and `pts`: the sample rate. */
  readonly timescale: number
  /** AAC: AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1. Opus: empty. */
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
  readonly audio?: AudioTrack
}

/** One coded frame. */
export interface AccessUnit {
  readonly track: Track
  /** Decoding and presentation time in ticks of `track.timescale`, integers on the broadcast's one time line. */
  readonly dts: number
  readonly pts: number
  /** Decodes alone: an IDR picture, any audio frame. */
  readonly isKey: boolean
  /** H.264: NAL units each behind a 4-byte length. AAC: a raw frame without ADTS header. Never written to. */
  readonly data: Uint8Array
}
