/** Hides how ffmpeg encodes a few pictures again, as what follows or precedes them was encoded. */
import type { VideoTrack } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { av1Track } from '../../media/codecs/av1.ts'
import { videoTrack } from '../../media/codecs/h264.ts'
import { hevcTrack } from '../../media/codecs/hevc.ts'
import { boxesIn } from '../../media/mp4/box-reader.ts'
import { parseFragments } from '../../media/mp4/demux.ts'
import { parseInit, type TrackInit } from '../../media/mp4/init-reader.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { findConfig } from '../../media/mp4/parameter-sets.ts'
import { runFfmpeg } from '../run-ffmpeg.ts'
import { type CutSample, writeSegment } from './segment-cut.ts'

type Codec = VideoTrack['codec']

/** One group of pictures, decoded in the order in which they are shown. */
const ENCODERS: Record<Codec, readonly string[]> = {
  h264: ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-bf', '0', '-g', '100000'],
  hevc: [
    ...['-c:v', 'libx265', '-preset', 'veryfast', '-crf', '20', '-tag:v', 'hvc1'],
    ...['-x265-params', 'bframes=0:keyint=-1:log-level=error'],
  ],
  av1: ['-c:v', 'libsvtav1', '-preset', '9', '-crf', '28', '-g', '100000', '-svtav1-params', 'pred-struct=1'],
}
/** The decoder configuration's box in a sample entry, and how the track it describes is made. */
const CONFIGS: Record<Codec, readonly [string, (record: Uint8Array) => VideoTrack]> = {
  h264: ['avcC', videoTrack],
  hevc: ['hvcC', hevcTrack],
  av1: ['av1C', av1Track],
}
const OUTPUT = ['-movflags', 'empty_moov+default_base_moof+frag_keyframe', '-f', 'mp4', 'pipe:1']
const DEADLINE_MS = 120_000

export interface EdgeRequest {
  readonly codec: Codec
  /** What the samples decode with. */
  readonly init: Uint8Array
  /** From a key frame on, in decoding order. */
  readonly samples: readonly CutSample[]
  /** The presentation times of those to encode, in their order; none of the others is shown between them. */
  readonly shown: readonly number[]
  /** Where the last of them ends. */
  readonly endPts: number
}

export interface Edge {
  readonly init: Uint8Array<ArrayBuffer>
  readonly track: VideoTrack
  /** Each picture at its time, in ticks of the request. */
  readonly samples: readonly CutSample[]
}

/** Throws an error with ffmpeg's last words when it does not make exactly these pictures. */
export async function encodeEdge(request: EdgeRequest, signal: AbortSignal): Promise<Edge> {
  const { codec, init, samples, shown, endPts } = request
  const before = samples.filter(sample => sample.pts < shown[0]!).length
  const input = concatBytes([init, writeSegment('video', 0, samples)])
  // By their number, as time stamps change on their way through ffmpeg.
  const filter = ['-vf', `trim=start_frame=${before}:end_frame=${before + shown.length},setpts=PTS-STARTPTS`]
  const args = ['-f', 'mp4', '-i', 'pipe:0', '-an', ...filter, '-fps_mode', 'passthrough', ...ENCODERS[codec]]
  const run = { args: [...args, ...OUTPUT], input, timeoutMs: DEADLINE_MS, signal }
  const made = await runFfmpeg(run)
  const read = parseInit(initOf(made))
  const encoded = parseFragments(made, read)
  if (encoded.length !== shown.length || encoded.some(sample => sample.compositionOffset !== 0))
    throw new Error(`ffmpeg made ${encoded.length} pictures of ${shown.length}`)
  const track = trackOf(codec, read)
  // As the others have it: players align what follows a discontinuity by its decoding time.
  const delay = samples[0]!.pts - samples[0]!.dts
  const edge = encoded.map(({ isKey, offset, size }, index) => {
    const pts = shown[index]!
    const duration = (shown[index + 1] ?? endPts) - pts
    return { dts: pts - delay, pts, duration, isKey, data: made.subarray(offset, offset + size) }
  })
  return { init: new Uint8Array(initSegment([track])), track, samples: edge }
}

/** All before the first fragment. */
function initOf(file: Uint8Array): Uint8Array {
  const moof = boxesIn(file).find(box => box.type === 'moof')
  return file.subarray(0, moof?.start)
}

function trackOf(codec: Codec, { sampleEntry }: TrackInit): VideoTrack {
  const [type, read] = CONFIGS[codec]
  const record = findConfig(sampleEntry, type)
  if (!record) throw new Error(`ffmpeg made no ${codec}`)
  return read(record)
}
