/** Hides how tracks and units are written as messages of FLV and RTMP: AVC and AAC as ever, others by Enhanced RTMP. */
import type { AccessUnit, AudioTrack, VideoTrack } from '../../media/access-unit.ts'
import {
  aacFrame,
  aacSequenceHeader,
  avcFrame,
  avcSequenceHeader,
  extendedFrame,
  extendedSequenceHeader,
  type VideoFourCc,
} from '../../media/flv/tag.ts'
import { rescale } from '../../media/timestamps.ts'
import { metadataBody } from './metadata.ts'

/** One message, written once and shared by every viewer. */
export interface FlvMessage {
  readonly type: 'audio' | 'video' | 'script'
  /** Whole milliseconds. */
  readonly timestampMs: number
  /** Written when the first viewer takes it. */
  readonly body: Uint8Array
  /** Bytes of media in the body: what it costs to keep. */
  readonly mediaBytes: number
  /** `header`: metadata or a decoder configuration. `key`: a picture at which a player may begin. `frame`: the rest. */
  readonly role: 'header' | 'key' | 'frame'
}

/** What is sent of a broadcast. */
export interface FlvTracks {
  readonly video: VideoTrack
  /** AAC. */
  readonly audio: AudioTrack | undefined
}

const FOUR_CCS: Record<Exclude<VideoTrack['codec'], 'h264'>, VideoFourCc> = { hevc: 'hvc1', av1: 'av01' }

/** What a player needs before the first frame: `onMetaData` and the sequence headers. */
export function headerMessages(tracks: FlvTracks, timestampMs: number): FlvMessage[] {
  const { video, audio } = tracks
  const config =
    video.codec === 'h264'
      ? avcSequenceHeader(video.decoderConfig)
      : extendedSequenceHeader(FOUR_CCS[video.codec], video.decoderConfig)
  const header = (type: FlvMessage['type'], body: Uint8Array): FlvMessage => ({
    type,
    timestampMs,
    body,
    mediaBytes: body.byteLength,
    role: 'header',
  })
  return [
    header('script', metadataBody(tracks)),
    header('video', config),
    ...(audio ? [header('audio', aacSequenceHeader(audio.decoderConfig))] : []),
  ]
}

/** A unit of one of `FlvTracks`. */
export function unitMessage(unit: AccessUnit, timestampMs: number): FlvMessage {
  const { track, isKey, data } = unit
  let body: Uint8Array | undefined
  return {
    type: track.kind,
    timestampMs,
    get body() {
      body ??= unitBody(unit)
      return body
    },
    mediaBytes: data.byteLength,
    role: track.kind === 'video' && isKey ? 'key' : 'frame',
  }
}

function unitBody({ track, dts, pts, isKey, data }: AccessUnit): Uint8Array {
  if (track.kind === 'audio') return aacFrame(data)
  const frame = { isKey, compositionMs: rescale(pts - dts, track.timescale, 1000), data }
  return track.codec === 'h264' ? avcFrame(frame) : extendedFrame({ ...frame, fourCc: FOUR_CCS[track.codec] })
}
