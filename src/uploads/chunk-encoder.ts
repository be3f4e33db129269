/**
 * Encodes one chunk of a file in all its renditions. What comes out depends on the chunk and the plan alone, not on the
 * machine or on what runs beside it: so a file is the same however many do it.
 */
import { join } from 'node:path'
import type { VideoTrack } from '../../media/access-unit.ts'
import { videoTrack } from '../../media/codecs/h264.ts'
import { boxesIn } from '../../media/mp4/box-reader.ts'
import { parseFragments } from '../../media/mp4/demux.ts'
import { fragment, type Sample } from '../../media/mp4/fragment.ts'
import { parseInit, type TrackInit } from '../../media/mp4/init-reader.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { runTool } from './media-tool.ts'
import { SEGMENTS_PER_CHUNK, timeOfFrame, type UploadPlan } from './plan.ts'

const TIMESCALE = 90_000
/** Pictures that refer to later ones, and by how many pictures decoding is therefore ahead of showing. */
const B_FRAMES = 2
const DECODING_DELAY = 1
/** With more, what x264 makes under a bit rate's limit depends on which of its threads is ahead. */
const THREADS = 1
const TIMEOUT_MS = 30 * 60_000
/** Fields of a VisualSampleEntry before its boxes, ISO/IEC 14496-12 12.1.3. */
const VISUAL_ENTRY_BYTES = 78
const TURN = { 0: [], 90: ['transpose=clock'], 180: ['hflip', 'vflip'], 270: ['transpose=cclock'] } as const

export interface EncodedSegment {
  readonly sequence: number
  readonly startSeconds: number
  readonly durationSeconds: number
  readonly frameCount: number
  readonly data: Uint8Array<ArrayBuffer>
}

export interface EncodedRendition {
  readonly name: string
  readonly track: VideoTrack
  readonly init: Uint8Array<ArrayBuffer>
  readonly segments: readonly EncodedSegment[]
}

/**
 * `chunk`: as the splitter wrote it; `folder`: for files in between. Throws an error with ffmpeg's last words, and when
 * it does not make the pictures that it should.
 */
export async function encodeChunk(
  plan: UploadPlan,
  index: number,
  chunk: Uint8Array<ArrayBuffer>,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<EncodedRendition[]> {
  const files = plan.renditions.map(({ name }) => join(folder, `${name}.mp4`))
  await runTool('ffmpeg', argumentsOf(plan, index, files), { signal, timeoutMs: TIMEOUT_MS, input: chunk })
  const renditions: EncodedRendition[] = []
  for (const [at, { name }] of plan.renditions.entries())
    renditions.push(readRendition(name, plan, index, await Bun.file(files[at]!).bytes()))
  const lengths = new Set(
    renditions.map(({ segments }) => segments.reduce((sum, each) => sum + each.frameCount, 0)),
  )
  if (lengths.size !== 1)
    throw new Error(`the renditions differ in length: ${[...lengths].join(', ')} pictures`)
  return renditions
}

function argumentsOf(plan: UploadPlan, index: number, files: readonly string[]): string[] {
  const { frameRate, segmentFrames, renditions, rotation } = plan
  const rate = `${frameRate.numerator}/${frameRate.denominator}`
  const frames = segmentFrames * SEGMENTS_PER_CHUNK
  const isLast = index === plan.chunks - 1
  const halfFrame = (0.5 * frameRate.denominator) / frameRate.numerator
  const start = timeOfFrame(plan, index * frames)
  const end = isLast ? undefined : timeOfFrame(plan, (index + 1) * frames)
  // Each picture belongs to the chunk on whose grid it is nearest.
  const until = end === undefined ? '' : `:end=${(end - halfFrame).toFixed(6)}`
  const grid = [
    `trim=start=${(start - halfFrame).toFixed(6)}${until}`,
    `setpts=PTS-${start.toFixed(6)}/TB`,
    `fps=fps=${rate}:start_time=0`,
    // A hole at its end is filled, so that every chunk but the last has the same number.
    ...(isLast ? [] : ['tpad=stop=-1:stop_mode=clone', `trim=end_frame=${frames}`]),
    ...TURN[rotation],
  ]
  const ins = renditions.map((_, at) => `[in${at}]`).join('')
  const scaled = renditions.map(
    ({ width, height }, at) => `[in${at}]scale=${width}:${height},setsar=1,format=yuv420p[out${at}]`,
  )
  const filter = [`[0:v:0]${grid.join(',')},split=${renditions.length}${ins}`, ...scaled].join(';')
  const outputs = renditions.flatMap(({ maxBitrateBps }, at) => [
    ...['-map', `[out${at}]`, ...x264(maxBitrateBps, segmentFrames, rate)],
    ...[
      '-video_track_timescale',
      String(TIMESCALE),
      '-movflags',
      'empty_moov+default_base_moof+frag_keyframe',
    ],
    ...['-f', 'mp4', '-y', files[at]!],
  ])
  const input = ['-protocol_whitelist', 'pipe,file', '-noautorotate', '-copyts', '-f', 'nut', '-i', 'pipe:0']
  return [...input, '-filter_complex', filter, ...outputs]
}

/** Every segment decodes alone. */
function x264(maxBitrateBps: number, segmentFrames: number, rate: string): string[] {
  const group = ['-g', String(segmentFrames), '-keyint_min', String(segmentFrames), '-sc_threshold', '0']
  const references = `bframes=${B_FRAMES}:b-pyramid=none:open-gop=0:threads=${THREADS}`
  return [
    ...[
      '-r',
      rate,
      '-fps_mode',
      'passthrough',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-profile:v',
      'high',
    ],
    ...[...group, '-x264-params', references, '-crf', '21'],
    ...['-maxrate', String(maxBitrateBps), '-bufsize', String(2 * maxBitrateBps)],
  ]
}

function readRendition(
  name: string,
  plan: UploadPlan,
  index: number,
  file: Uint8Array<ArrayBuffer>,
): EncodedRendition {
  const moof = boxesIn(file).find(box => box.type === 'moof')
  if (!moof) throw new Error(`ffmpeg made no picture of ${name}`)
  const read = parseInit(file.subarray(0, moof.start))
  const frameRate = plan.frameRate.numerator / plan.frameRate.denominator
  const track = videoTrack(decoderConfigOf(read), { frameRate })
  const samples = placed(plan, index, file, read)
  const count = plan.segmentFrames
  const segments = Array.from({ length: Math.ceil(samples.length / count) }, (_, at) =>
    writeSegment(plan, index * SEGMENTS_PER_CHUNK + at, samples.slice(at * count, (at + 1) * count)),
  )
  return { name, track, init: new Uint8Array(initSegment([track])), segments }
}

/** The samples at their places on the file's grid: nothing is rounded twice. */
function placed(plan: UploadPlan, index: number, file: Uint8Array, init: TrackInit): Sample[] {
  const read = parseFragments(file, init)
  const { numerator, denominator } = plan.frameRate
  const ticksPerFrame = (TIMESCALE * denominator) / numerator
  const shown = read.map(({ dts, compositionOffset }) => dts + compositionOffset)
  const first = Math.min(...shown)
  const begin = index * plan.segmentFrames * SEGMENTS_PER_CHUNK
  return read.map(({ isKey, offset, size }, at) => {
    const frame = Math.round((shown[at]! - first) / (init.timescale / TIMESCALE) / ticksPerFrame)
    if (frame + DECODING_DELAY < at)
      throw new Error('ffmpeg ordered the pictures in another way than it was told')
    const dts = Math.round((begin + at) * ticksPerFrame)
    const pts = Math.round((begin + frame + DECODING_DELAY) * ticksPerFrame)
    return { dts, pts, isKey, data: file.subarray(offset, offset + size) }
  })
}

function writeSegment(plan: UploadPlan, sequence: number, samples: readonly Sample[]): EncodedSegment {
  const { numerator, denominator } = plan.frameRate
  if (!samples[0]?.isKey) throw new Error('a segment does not begin with a key frame')
  const firstFrame = sequence * plan.segmentFrames
  const ticksAt = (frame: number) => Math.round((frame * TIMESCALE * denominator) / numerator)
  const endDts = ticksAt(firstFrame + samples.length)
  const run = { trackId: 1, kind: 'video' as const, startDts: samples[0].dts, endDts, samples }
  return {
    sequence,
    startSeconds: ticksAt(firstFrame + DECODING_DELAY) / TIMESCALE,
    durationSeconds: (samples.length * denominator) / numerator,
    frameCount: samples.length,
    data: fragment(sequence + 1, [run]),
  }
}

/** How much later than on the file's grid everything is shown, seconds: sound has to be as late. */
export function delayOf({ frameRate }: UploadPlan): number {
  return Math.round((DECODING_DELAY * TIMESCALE * frameRate.denominator) / frameRate.numerator) / TIMESCALE
}

function decoderConfigOf({ sampleEntry }: TrackInit): Uint8Array {
  for (const box of boxesIn(sampleEntry, 8 + VISUAL_ENTRY_BYTES))
    if (box.type === 'avcC') return sampleEntry.slice(box.contentStart, box.end)
  throw new Error('ffmpeg made no H.264')
}
