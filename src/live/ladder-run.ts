/** One ffmpeg for a whole ladder: decodes the source once, scales it and encodes each rung to a pipe of its own. */
import type { VideoTrack } from '../../media/access-unit.ts'
import type { Rung } from './broadcast.ts'
import { outputPipe } from './ffmpeg.ts'
import { FfmpegInput } from './ffmpeg-input.ts'
import { frameRateOf, PictureOutput, renditionGroupFrames, x264Args } from './picture-pipe.ts'
import type { TranscoderRun } from './transcoder.ts'

/** Above so many pixels one thread cannot be relied on to keep up beside the other rungs. */
const PIXELS_PER_THREAD = 500_000
const MAX_THREADS = 4
/** The lowest rung, which viewers over WebRTC start with, has so many key frames for one of the others. */
const START_KEY_FRAMES = 2
/** What x264 may save up and spend at once; measured, its busiest second is then a tenth above its rate. */
const BUFFER_SECONDS = 0.5
const RATE_OF_CLAIM = 0.88

/**
 * Key frames wherever the source has one, and more between. `tracks` holds the rungs' tracks of the runs before by
 * name, and gets this one's. `onUnit` hears when the source unit of each finished picture was written, on
 * `performance.now`.
 */
export function openLadderRun(options: {
  readonly source: VideoTrack
  /** Best first, at least one. */
  readonly rungs: readonly Rung[]
  readonly tracks: Map<string, VideoTrack>
  readonly onUnit: (writtenAt: number) => void
}): TranscoderRun {
  const { source, rungs, tracks, onUnit } = options
  const input = new FfmpegInput(source)
  const outputs = rungs.map(
    ({ name }) => new PictureOutput({ source, rendition: name, known: tracks.get(name), onUnit }),
  )
  return {
    args: [...input.args, '-copyts', '-filter_complex', scaling(rungs), ...encoding(source, rungs)],
    outputs: rungs.length,
    encode(unit) {
      const now = performance.now()
      for (const output of outputs) output.times.add(unit, now)
      return input.encode(unit)
    },
    decode(bytes, index = 0) {
      const output = outputs[index]!
      const units = output.push(bytes)
      if (output.track) tracks.set(rungs[index]!.name, output.track)
      return units
    },
  }
}

function scaling(rungs: readonly Rung[]): string {
  const ins = rungs.map((_, index) => `[in${index}]`)
  const chains = rungs.map(
    ({ width, height }, index) => `${ins[index]}scale=${width}:${height},format=yuv420p[out${index}]`,
  )
  return [`[0:v:0]split=${rungs.length}${ins.join('')}`, ...chains].join(';')
}

function encoding(source: VideoTrack, rungs: readonly Rung[]): string[] {
  const frameRate = frameRateOf(source)
  const groupFrames = renditionGroupFrames(source)
  return rungs.flatMap(({ width, height, bitrateBps }, index) => {
    const isLowest = index === rungs.length - 1
    const x264 = x264Args({
      frameRate,
      maxBitrateBps: bitrateBps * RATE_OF_CLAIM,
      bufferSeconds: BUFFER_SECONDS,
      threads: Math.min(MAX_THREADS, Math.ceil((width * height) / PIXELS_PER_THREAD)),
      groupFrames: isLowest ? groupFrames / START_KEY_FRAMES : groupFrames,
      keyFrames: 'source',
    })
    return ['-map', `[out${index}]`, ...x264, outputPipe(index)]
  })
}
