/** Pictures that tell their number by how bright they are, and reading it back out of a JPEG. */
import { type Encoded, encode } from '../hls/encoder.ts'

export const RATE = 25
/** Brightness steps that survive two lossy encoders. */
const STEP = 2
const DARKEST = 20

/** Up to 100 pictures, 25 a second unless told, number N as bright as N. */
export function encodeCounted(frames: number, video: readonly string[] = [], rate = RATE): Promise<Encoded> {
  const seconds = frames / rate
  const picture = `nullsrc=size=320x180:rate=${rate}:duration=${seconds},geq=lum=${DARKEST}+${STEP}*N:cb=128:cr=128`
  return encode({ seconds, picture, rate, gop: 50, hasAudio: false, video: ['-crf', '5', ...video] })
}

export interface ReadPicture {
  readonly width: number
  readonly height: number
  /** The number it tells. */
  readonly frame: number
}

export async function readPicture(jpeg: Uint8Array): Promise<ReadPicture> {
  const { width, height, grays } = await readGrays(jpeg)
  const mean = grays.reduce((sum, gray) => sum + gray, 0) / grays.byteLength
  // A JPEG has the full range, video 16 to 235.
  return { width, height, frame: Math.round(((mean * 219) / 255 + 16 - DARKEST) / STEP) }
}

/** How bright each pixel is, row by row. */
export async function readGrays(jpeg: Uint8Array) {
  const args = ['-v', 'error', '-f', 'mjpeg', '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1']
  const child = Bun.spawn(['ffmpeg', ...args], { stdin: jpeg, stdout: 'pipe', stderr: 'inherit' })
  return { ...sizeOf(jpeg), grays: await new Response(child.stdout).bytes() }
}

/** Out of SOF0, ITU-T T.81 B.2.2. */
function sizeOf(jpeg: Uint8Array): { width: number; height: number } {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)
  for (let at = 2; ; at += 2 + view.getUint16(at + 2))
    if (view.getUint16(at) === 0xffc0)
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
}
