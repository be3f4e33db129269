/** Takes pieces out of a file without encoding anything: its sound, and pictures from a key frame on. */

import { runTool } from './media-tool.ts'
import { SEGMENTS_PER_CHUNK, timeOfFrame, type UploadPlan } from './plan.ts'
import { FORMATS } from './probe.ts'

/** Pictures that are decoded later than they are shown are not missing at the end. */
const MARGIN_SECONDS = 1
const TIMEOUT_MS = 30 * 60_000
/** Takes any codec, and keeps time stamps as they are. */
const CONTAINER = ['-f', 'nut', '-y']
const INPUT = ['-nostdin', '-protocol_whitelist', 'file', '-format_whitelist', FORMATS]

/** Writes to `target` what a chunk decodes from: it begins at the key frame at or before the chunk's beginning. */
export async function extractChunk(
  source: { readonly path: string; readonly plan: UploadPlan },
  index: number,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const { path, plan } = source
  const frames = plan.segmentFrames * SEGMENTS_PER_CHUNK
  const from = timeOfFrame(plan, index * frames) - plan.startSeconds
  const to = timeOfFrame(plan, (index + 1) * frames) + MARGIN_SECONDS
  const isLast = index === plan.chunks - 1
  const range = ['-ss', from.toFixed(6), '-i', path, '-copyts', ...(isLast ? [] : ['-to', to.toFixed(6)])]
  await runTool('ffmpeg', [...INPUT, ...range, '-map', '0:V:0', '-c', 'copy', ...CONTAINER, target], {
    signal,
    timeoutMs: TIMEOUT_MS,
  })
}

export async function extractSound(path: string, target: string, signal: AbortSignal): Promise<void> {
  const args = ['-i', path, '-copyts', '-map', '0:a:0', '-c', 'copy', ...CONTAINER, target]
  await runTool('ffmpeg', [...INPUT, ...args], { signal, timeoutMs: TIMEOUT_MS })
}
