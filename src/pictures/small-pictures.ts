/** Hides how key frames become small pictures, and these a sheet. */
import { runFfmpeg } from '../run-ffmpeg.ts'

/** Pixels, both even. */
export interface SmallSize {
  readonly width: number
  readonly height: number
}

/** A picture in yuv420p of full range. */
export interface SmallPicture {
  readonly planes: Uint8Array
  /** Standard deviation of its brightness, 0 to 128: none where it is black or plain. */
  readonly contrast: number
}

export interface Sheet extends SmallSize {
  /** In rows from the top left; undefined: black. */
  readonly pictures: readonly (SmallPicture | undefined)[]
  readonly columns: number
  readonly rows: number
}

/** A hundred key frames of a large picture. */
const DECODE_DEADLINE_MS = 120_000
const ENCODE_DEADLINE_MS = 30_000
const MAX_SHEET_BYTES = 16 * 1024 * 1024
const BLACK_LUMA = 0
const NEUTRAL_CHROMA = 128

/** `input`: a film with a picture at every second, from 0 up to `count`; what is missing in it is like the one before. */
export async function decodeSmall(
  { input, size, count }: { readonly input: Uint8Array; readonly size: SmallSize; readonly count: number },
  signal: AbortSignal,
): Promise<(SmallPicture | undefined)[]> {
  const { width, height } = size
  const box = `${width}:${height}`
  const filters = [
    'fps=1:start_time=0',
    `scale=${box}:force_original_aspect_ratio=decrease:out_range=full`,
    `pad=${box}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
  ]
  const raw = await runFfmpeg({
    args: [
      ...[
        '-copyts',
        '-f',
        'mov',
        '-i',
        'pipe:0',
        '-an',
        '-vf',
        filters.join(','),
        '-frames:v',
        String(count),
      ],
      ...['-pix_fmt', 'yuvj420p', '-f', 'rawvideo', 'pipe:1'],
    ],
    input,
    timeoutMs: DECODE_DEADLINE_MS,
    signal,
  })
  const bytes = (width * height * 3) / 2
  return Array.from({ length: count }, (_, index) => {
    const planes = raw.subarray(index * bytes, (index + 1) * bytes)
    return planes.byteLength < bytes
      ? undefined
      : { planes, contrast: contrastOf(planes.subarray(0, width * height)) }
  })
}

/** As a JPEG. */
export async function encodeSheet(sheet: Sheet, signal: AbortSignal): Promise<Uint8Array> {
  const { columns, rows } = sheet
  const [width, height] = [sheet.width * columns, sheet.height * rows]
  return runFfmpeg({
    args: [
      ...['-f', 'rawvideo', '-pix_fmt', 'yuvj420p', '-s', `${width}x${height}`, '-i', 'pipe:0'],
      ...['-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '5', '-f', 'mjpeg', 'pipe:1'],
    ],
    input: tile(sheet),
    timeoutMs: ENCODE_DEADLINE_MS,
    maxOutputBytes: MAX_SHEET_BYTES,
    signal,
  })
}

/** The three planes of a sheet. */
function tile({ pictures, width, height, columns, rows }: Sheet): Uint8Array {
  const luma = width * height
  const sheetLuma = luma * columns * rows
  const planes = new Uint8Array((sheetLuma * 3) / 2).fill(NEUTRAL_CHROMA)
  planes.fill(BLACK_LUMA, 0, sheetLuma)
  const copy = (picture: Uint8Array, place: number, from: number, to: number, divisor: 1 | 2) => {
    const [w, h, stride] = [width / divisor, height / divisor, (width * columns) / divisor]
    const at = to + Math.floor(place / columns) * h * stride + (place % columns) * w
    for (let y = 0; y < h; y++)
      planes.set(picture.subarray(from + y * w, from + (y + 1) * w), at + y * stride)
  }
  for (const [place, picture] of pictures.entries()) {
    if (!picture) continue
    copy(picture.planes, place, 0, 0, 1)
    copy(picture.planes, place, luma, sheetLuma, 2)
    copy(picture.planes, place, (luma * 5) / 4, (sheetLuma * 5) / 4, 2)
  }
  return planes
}

function contrastOf(luma: Uint8Array): number {
  let [sum, squares] = [0, 0]
  for (const value of luma) {
    sum += value
    squares += value * value
  }
  const mean = sum / luma.length
  return Math.sqrt(Math.max(0, squares / luma.length - mean * mean))
}
