/** Hides sharp: makes of a picture that somebody sends a small one that is known to be nothing else. */
import sharp from 'sharp'
import { AppError } from '../errors.ts'

export const MAX_UPLOAD_BYTES = 256 * 1024
const MAX_EDGE = 112
const MAX_FRAMES = 60
/** Of all frames together, before they are made smaller: what decoding costs at most. */
const MAX_PIXELS = 16_000_000
const MAX_STORED_BYTES = 128 * 1024
/** Tried one after the other until it is small enough. */
const QUALITIES = [80, 50, 20]
const DECODE_SECONDS = 5
const MAX_WAITING = 8

const signatures: readonly { readonly format: string; readonly at: number; readonly text: string }[] = [
  { format: 'png', at: 0, text: '\x89PNG\r\n\x1a\n' },
  { format: 'jpeg', at: 0, text: '\xff\xd8\xff' },
  { format: 'gif', at: 0, text: 'GIF87a' },
  { format: 'gif', at: 0, text: 'GIF89a' },
  { format: 'webp', at: 8, text: 'WEBP' },
]

export interface EmoteImage {
  /** WebP, animated when the upload was. */
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** Converts one picture at a time: decoding takes memory that others need, too. */
export class EmoteImages {
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  /**
   * At most 112 by 112 pixels, never enlarged. Throws `AppError` INVALID (`emote_image_invalid`,
   * `emote_image_too_big`), LIMIT (`busy`).
   */
  async convert(upload: Uint8Array): Promise<EmoteImage> {
    if (this.#waiting >= MAX_WAITING)
      throw new AppError('LIMIT', 'busy', 'Too many pictures at once. Try again.', { retryAfterSeconds: 5 })
    this.#waiting++
    const converted = this.#last.then(() => convert(upload))
    this.#last = converted.catch(() => {}).finally(() => this.#waiting--)
    return converted
  }
}

async function convert(upload: Uint8Array): Promise<EmoteImage> {
  const frames = await framesOf(upload)
  for (const quality of QUALITIES) {
    const { data, info } = await readable(
      sharp(upload, { ...decoding, pages: frames })
        .timeout({ seconds: DECODE_SECONDS })
        .rotate()
        .resize({ width: MAX_EDGE, height: MAX_EDGE, fit: 'inside', withoutEnlargement: true })
        .webp({ quality, effort: 3 })
        .toBuffer({ resolveWithObject: true }),
    )
    // Of an animation, `height` is that of all frames below each other.
    if (data.byteLength <= MAX_STORED_BYTES)
      return { data: new Uint8Array(data), width: info.width, height: info.pageHeight ?? info.height }
  }
  throw tooBig()
}

const decoding = { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true } as const

/** How many frames are read; throws for what is no picture of a known format, whatever it says of itself. */
async function framesOf(upload: Uint8Array): Promise<number> {
  if (upload.byteLength > MAX_UPLOAD_BYTES) throw tooBig()
  // Before any decoder: libvips opens documents of many more kinds, some of which refer to files.
  const head = Buffer.from(upload.subarray(0, 16)).toString('latin1')
  const signature = signatures.find(({ at, text }) => head.startsWith(text, at))
  if (!signature) throw invalid()
  const { format, width, height, pageHeight, pages = 1 } = await readable(sharp(upload, decoding).metadata())
  if (format !== signature.format) throw invalid()
  const frames = Math.min(pages, MAX_FRAMES)
  if (width * (pageHeight ?? height) * frames > MAX_PIXELS) throw tooBig()
  return frames
}

async function readable<T>(decoded: Promise<T>): Promise<T> {
  try {
    return await decoded
  } catch {
    throw invalid()
  }
}

function invalid(): AppError {
  return new AppError('INVALID', 'emote_image_invalid', 'Send a PNG, JPEG, GIF or WebP picture.')
}

function tooBig(): AppError {
  return new AppError(
    'INVALID',
    'emote_image_too_big',
    `A picture has at most ${MAX_UPLOAD_BYTES / 1024} KiB and 16 megapixels.`,
  )
}
