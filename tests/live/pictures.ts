/** Decodes access units into small grey pictures, to tell which frame of the source each one shows. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { flvHeader, flvTag } from '../../media/flv/file.ts'
import { avcFrame, avcSequenceHeader } from '../../media/flv/tag.ts'
import { rescale } from '../../media/timestamps.ts'

const WIDTH = 64
const HEIGHT = 36

/** One picture for each unit, in the order of presentation. */
export async function decodePictures(track: VideoTrack, units: readonly AccessUnit[]): Promise<Uint8Array[]> {
  const first = units[0]!.dts
  const tags = units.map(({ dts, pts, isKey, data }) => {
    const ms = rescale(dts - first, 90_000, 1000)
    const compositionMs = rescale(pts - first, 90_000, 1000) - ms
    return flvTag('video', ms, avcFrame({ isKey, compositionMs, data }))
  })
  const header = flvHeader({ hasVideo: true, hasAudio: false })
  const flv = Buffer.concat([header, flvTag('video', 0, avcSequenceHeader(track.decoderConfig)), ...tags])
  const output = ['-fps_mode', 'passthrough', '-vf', `scale=${WIDTH}:${HEIGHT}`, '-pix_fmt', 'gray']
  const args = ['-v', 'error', '-f', 'flv', '-i', 'pipe:0', ...output, '-f', 'rawvideo', 'pipe:1']
  const child = Bun.spawn(['ffmpeg', ...args], { stdin: flv, stderr: 'inherit' })
  const bytes = new Uint8Array(await new Response(child.stdout).arrayBuffer())
  const size = WIDTH * HEIGHT
  return Array.from({ length: bytes.length / size }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

/** Mean difference of two pictures, 0 to 255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length
}
