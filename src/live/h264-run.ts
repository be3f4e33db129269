/** A picture that browsers cannot decode over WebRTC (B-frames, 10 bit, 4:2:2, HEVC) to H.264 that they can. */
import type { VideoTrack } from '../../media/access-unit.ts'
import { outputPipe } from './ffmpeg.ts'
import { FfmpegInput } from './ffmpeg-input.ts'
import { frameRateOf, PictureOutput, x264Args } from './picture-pipe.ts'
import type { TranscoderRun } from './transcoder.ts'

const MAX_HEIGHT = 1080
const KEY_FRAME_INTERVAL_SECONDS = 1
/** Bits a pixel and frame at which x264's veryfast looks clean on moving pictures. */
const BITS_PER_PIXEL = 0.1

/** No B-frames, one key frame a second whatever the source does, and the source's time stamps. */
export function openH264Run(track: VideoTrack): TranscoderRun {
  const input = new FfmpegInput(track)
  const output = new PictureOutput({ source: track })
  return {
    args: [...input.args, '-copyts', '-map', '0:v:0', '-an', ...outputArgs(track), outputPipe(0)],
    encode(unit) {
      output.times.add(unit, performance.now())
      return input.encode(unit)
    },
    decode: bytes => output.push(bytes).map(unit => ({ ...unit, dts: unit.pts })),
  }
}

function outputArgs(track: VideoTrack): string[] {
  const height = Math.min(track.height, MAX_HEIGHT)
  const width = (track.width * height) / track.height
  const frameRate = frameRateOf(track)
  const scale = track.height > MAX_HEIGHT ? ['-vf', `scale=-2:${MAX_HEIGHT}`] : []
  return [
    ...scale,
    ...x264Args({
      frameRate,
      maxBitrateBps: width * height * Math.min(frameRate, 60) * BITS_PER_PIXEL,
      bufferSeconds: 1,
      groupFrames: 600,
      keyFrames: `expr:gte(t,n_forced*${KEY_FRAME_INTERVAL_SECONDS})`,
    }),
  ]
}
