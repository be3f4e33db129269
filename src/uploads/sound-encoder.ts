/** Encodes a file's sound in one go, so that no piece of it begins anew, and cuts it where the pictures are cut. */
import type { AudioTrack } from '../../media/access-unit.ts'
import { audioTrack, splitAdts } from '../../media/codecs/aac.ts'
import { fragment } from '../../media/mp4/fragment.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { delayOf, type EncodedSegment } from './chunk-encoder.ts'
import { runTool } from './media-tool.ts'
import type { UploadPlan } from './plan.ts'

const SAMPLE_RATE = 48_000
const FRAME_SAMPLES = 1_024
/** ffmpeg's encoder begins with one frame in which the first samples fade in: they are whole in the second. */
const PRIMING_FRAMES = 1
const TIMEOUT_MS = 60 * 60_000

export interface EncodedSound {
  readonly track: AudioTrack
  readonly init: Uint8Array<ArrayBuffer>
  readonly segments: readonly EncodedSegment[]
}

/** `path`: as the splitter wrote it. `frames`: pictures that there are, which the sound lasts as long as. */
export async function encodeSound(
  plan: UploadPlan,
  sound: Uint8Array<ArrayBuffer>,
  frames: number,
  signal: AbortSignal,
): Promise<EncodedSound> {
  const { frameRate, startSeconds } = plan
  const seconds = (frames * frameRate.denominator) / frameRate.numerator
  // From the first picture on, whatever is missing silent.
  const filter = `asetpts=PTS-${startSeconds.toFixed(6)}/TB,aresample=${SAMPLE_RATE}:async=1:first_pts=0,apad`
  const aac = ['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', '160k', '-ac', '2', '-ar', String(SAMPLE_RATE)]
  const input = ['-protocol_whitelist', 'pipe', '-copyts', '-f', 'nut', '-i', 'pipe:0']
  const output = ['-t', (seconds + 0.1).toFixed(3), ...aac, '-f', 'adts', 'pipe:1']
  const args = [...input, '-map', '0:a:0', '-af', filter, ...output]
  const adts = await runTool('ffmpeg', args, { signal, timeoutMs: TIMEOUT_MS, input: sound })
  const track = audioTrack(Uint8Array.of(0x11, 0x90))
  const units = splitAdts(adts).data.slice(PRIMING_FRAMES)
  const segments = cut(plan, units, frames)
  return { track, init: new Uint8Array(initSegment([track])), segments }
}

function cut(plan: UploadPlan, units: readonly Uint8Array[], frames: number): EncodedSegment[] {
  const { frameRate, segmentFrames } = plan
  const count = Math.ceil(frames / segmentFrames)
  const secondsAt = (frame: number) => (Math.min(frame, frames) * frameRate.denominator) / frameRate.numerator
  const unitAt = (segment: number) =>
    Math.min(units.length, Math.round((secondsAt(segment * segmentFrames) * SAMPLE_RATE) / FRAME_SAMPLES))
  const delay = Math.round(delayOf(plan) * SAMPLE_RATE)
  return Array.from({ length: count }, (_, sequence) => {
    const [from, to] = [unitAt(sequence), unitAt(sequence + 1)]
    const ticks = (unit: number) => unit * FRAME_SAMPLES + delay
    const samples = units
      .slice(from, to)
      .map((data, index) => ({ dts: ticks(from + index), pts: ticks(from + index), isKey: true, data }))
    const run = { trackId: 1, kind: 'audio' as const, startDts: ticks(from), endDts: ticks(to), samples }
    return {
      sequence,
      startSeconds: ticks(from) / SAMPLE_RATE,
      durationSeconds: ((to - from) * FRAME_SAMPLES) / SAMPLE_RATE,
      frameCount: samples.length,
      data: fragment(sequence + 1, [run]),
    }
  })
}
