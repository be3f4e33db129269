/** Tracks and units for the tests that look at no media. */
import type { AccessUnit, AudioTrack, VideoTrack } from '../../media/access-unit.ts'

export const video: VideoTrack = {
  kind: 'video',
  codec: 'h264',
  timescale: 90_000,
  decoderConfig: Uint8Array.of(1, 66, 192, 31, 255, 224, 0),
  sps: [Uint8Array.of(0x67, 66, 192, 31)],
  pps: [Uint8Array.of(0x68, 1)],
  codecString: 'avc1.42c01f',
  width: 1280,
  height: 720,
  maxReorderFrames: 0,
  chroma: '4:2:0',
  bitDepth: 8,
}

export const audio: AudioTrack = {
  kind: 'audio',
  codec: 'aac',
  timescale: 48_000,
  decoderConfig: Uint8Array.of(0x11, 0x90),
  codecString: 'mp4a.40.2',
  sampleRate: 48_000,
  channels: 2,
  samplesPerUnit: 1024,
}

/** One slice of `bytes` bytes. */
export function videoUnit(
  ms: number,
  options: { isKey?: boolean; bytes?: number; ptsMs?: number } = {},
): AccessUnit {
  const { isKey = false, bytes = 100, ptsMs = ms } = options
  const data = new Uint8Array(4 + bytes)
  new DataView(data.buffer).setUint32(0, bytes)
  data[4] = isKey ? 0x65 : 0x41
  return { track: video, dts: ms * 90, pts: ptsMs * 90, isKey, data }
}

export function audioUnit(ms: number, bytes = 50): AccessUnit {
  return { track: audio, dts: ms * 48, pts: ms * 48, isKey: true, data: new Uint8Array(bytes) }
}
