/** Finds out what an uploaded file is by looking into it: its name and what the sender says of it count for nothing. */
import { AppError } from '../errors.ts'
import { runTool } from './media-tool.ts'

export interface FrameRate {
  readonly numerator: number
  readonly denominator: number
}

export interface UploadedMedia {
  /** As it is shown: rotated, and with square pixels; even. */
  readonly width: number
  readonly height: number
  /** Degrees clockwise by which the coded picture is turned. */
  readonly rotation: 0 | 90 | 180 | 270
  readonly frameRate: FrameRate
  /** Of the first picture on the file's time line. */
  readonly startSeconds: number
  /** From the first picture on. */
  readonly durationSeconds: number
  readonly hasSound: boolean
}

/** What people film and edit with; nothing that can name other files or addresses. */
export const FORMATS = 'mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,nut,ivf'
const MAX_SIDE = 8_192
const MAX_HOURS = 24
const MAX_FRAME_RATE = 60
const MIN_FRAME_RATE = 5
const TIMEOUT_MS = 60_000

interface ProbedStream {
  readonly codec_type?: string
  readonly codec_name?: string
  readonly width?: number
  readonly height?: number
  readonly sample_aspect_ratio?: string
  readonly avg_frame_rate?: string
  readonly r_frame_rate?: string
  readonly start_time?: string
  readonly duration?: string
  readonly disposition?: { readonly attached_pic?: number }
  readonly side_data_list?: readonly { readonly rotation?: number }[]
}

/** Throws `AppError` INVALID (`upload_unreadable`, `upload_no_picture`, `upload_too_long`, `upload_too_big_picture`). */
export async function probe(path: string, signal: AbortSignal): Promise<UploadedMedia> {
  const entries = ['-show_streams', '-show_format', '-of', 'json']
  const args = ['-protocol_whitelist', 'file', '-format_whitelist', FORMATS, ...entries, path]
  const output = await runTool('ffprobe', args, { signal, timeoutMs: TIMEOUT_MS }).catch(() => {
    signal.throwIfAborted()
    throw new AppError('INVALID', 'upload_unreadable', 'This file is no video that can be read.')
  })
  const { streams = [], format = {} } = JSON.parse(new TextDecoder().decode(output)) as {
    streams?: readonly ProbedStream[]
    format?: { readonly duration?: string; readonly start_time?: string }
  }
  const picture = streams.find(each => each.codec_type === 'video' && each.disposition?.attached_pic !== 1)
  if (!picture?.width || !picture.height)
    throw new AppError('INVALID', 'upload_no_picture', 'There is no picture in this file.')
  const startSeconds = Number(picture.start_time ?? format.start_time ?? 0) || 0
  const fileEnd = (Number(format.start_time ?? 0) || 0) + (Number(format.duration) || 0)
  const durationSeconds = Number(picture.duration) || fileEnd - startSeconds
  checkSize(picture.width, picture.height, durationSeconds)
  return {
    ...shape(picture, picture.width, picture.height),
    frameRate: frameRateOf(picture),
    startSeconds,
    durationSeconds,
    hasSound: streams.some(each => each.codec_type === 'audio' && each.codec_name !== undefined),
  }
}

function checkSize(width: number, height: number, durationSeconds: number): void {
  if (!(durationSeconds > 0))
    throw new AppError(
      'INVALID',
      'upload_unreadable',
      'This file does not say how long it is: it may be cut off.',
    )
  if (durationSeconds > MAX_HOURS * 3_600)
    throw new AppError('INVALID', 'upload_too_long', `A video may be ${MAX_HOURS} hours long.`)
  if (Math.max(width, height) > MAX_SIDE)
    throw new AppError(
      'INVALID',
      'upload_too_big_picture',
      `A picture may be ${MAX_SIDE} pixels wide and high.`,
    )
}

function shape(
  { sample_aspect_ratio: ratio, side_data_list: sideData }: ProbedStream,
  width: number,
  height: number,
) {
  const [across, up] = (ratio ?? '1:1').split(':').map(Number)
  const shown = across && up ? (width * across) / up : width
  const turned = sideData?.find(each => each.rotation !== undefined)?.rotation ?? 0
  // ffprobe counts counter-clockwise.
  const rotation = ((((-turned % 360) + 360) % 360) / 90) * 90
  const isOnSide = rotation === 90 || rotation === 270
  return {
    width: even(isOnSide ? height : shown),
    height: even(isOnSide ? shown : height),
    rotation: rotation as UploadedMedia['rotation'],
  }
}

function even(size: number): number {
  return Math.max(2, 2 * Math.round(size / 2))
}

/** The file's own where its pictures come evenly, else the nearest whole number: what is uneven is made even. */
function frameRateOf({ avg_frame_rate, r_frame_rate }: ProbedStream): FrameRate {
  const average = parseRate(avg_frame_rate)
  const base = parseRate(r_frame_rate)
  const rate = average ?? base
  if (!rate) return { numerator: 30, denominator: 1 }
  const perSecond = rate.numerator / rate.denominator
  const isEven = base && Math.abs(perSecond / (base.numerator / base.denominator) - 1) < 0.01
  if (isEven && perSecond <= MAX_FRAME_RATE && perSecond >= MIN_FRAME_RATE) return base
  const whole = Math.min(MAX_FRAME_RATE, Math.max(MIN_FRAME_RATE, Math.round(perSecond)))
  return { numerator: whole, denominator: 1 }
}

function parseRate(text: string | undefined): FrameRate | undefined {
  const [numerator, denominator] = (text ?? '').split('/').map(Number)
  return numerator && denominator ? { numerator, denominator } : undefined
}
