/** Watches a stamped stream with ffmpeg instead of a browser, for protocols that browsers do not play. */
import { ageOf, CELL_PX, COLUMNS, ROWS, readStamp } from '../support/barcode.ts'
import { FfmpegChild } from '../support/ffmpeg-child.ts'
import type { ClockSample } from '../support/statistics.ts'

const width = COLUMNS * CELL_PX
const height = ROWS * CELL_PX
const pictureBytes = width * height
const output = [
  '-an',
  '-vf',
  `crop=${width}:${height}:0:0,format=gray`,
  '-fps_mode',
  'passthrough',
  '-f',
  'rawvideo',
]
const lowDelay = ['-fflags', 'nobuffer', '-flags', 'low_delay', '-threads', '1']
const probing = ['-probesize', '2000000', '-analyzeduration', '3000000']

/** Decodes `url` for `ms` milliseconds as soon as each picture comes, and reads the clock in each. */
export async function readWithFfmpeg(url: string, ms: number): Promise<ClockSample[]> {
  const args = [...lowDelay, ...probing, '-i', url, ...output, '-flush_packets', '1', 'pipe:1']
  const child = new FfmpegChild(args, { stdout: true })
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  const samples: ClockSample[] = []
  let buffer = Buffer.alloc(0)
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    buffer = Buffer.concat([buffer, chunk])
    for (; buffer.byteLength >= pictureBytes; buffer = buffer.subarray(pictureBytes)) {
      const sample = sampleOf(buffer)
      if (sample) samples.push(sample)
    }
  }
  clearTimeout(timer)
  const { stderr } = await child.exited
  if (samples.length === 0) throw new Error(`ffmpeg saw no clock in ${url}: ${stderr.slice(-500)}`)
  return samples
}

function sampleOf(gray: Uint8Array): ClockSample | undefined {
  const middle = (index: number) => Math.floor((index + 0.5) * CELL_PX)
  const stamp = readStamp((column, row) => gray[middle(row) * width + middle(column)]!)
  return stamp && { atMs: performance.now(), delayMs: ageOf(stamp, Date.now()), frame: stamp.frame }
}
