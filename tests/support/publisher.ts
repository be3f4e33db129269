/** Publishes test streams as a streamer's encoder would: a real ffmpeg pushing RTMP (or RTP) in real time. */
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { FfmpegChild, type FfmpegExit, runFfmpeg } from './ffmpeg-child.ts'
import { drawBackground, type SourceSize, StampedSource } from './stamped-source.ts'

export interface EncodingOptions {
  /** Default `1280x720`. */
  readonly size?: string
  /** Default 30. */
  readonly fps?: number
  /** Pictures from one key frame to the next; default: one second. */
  readonly gop?: number
  /** As ffmpeg writes it; default `2500k`. */
  readonly bitrate?: string
  /** Default 0. Above it, the encoder also looks ahead, as OBS's default does. */
  readonly bFrames?: number
  /** Default `yuv420p`; browsers cannot decode most others. */
  readonly pixelFormat?: string
  /** A tone of 440 Hz; default true. */
  readonly audio?: boolean
  /** Output options of ffmpeg, before the address. */
  readonly extraArgs?: readonly string[]
}

export interface PublishOptions extends EncodingOptions {
  /** Burns a clock into each picture (barcode.ts). */
  readonly stamped?: boolean
  /** Pushes this file (`encodeFile`, for RTP in `mpegts`) round and round without encoding; the encoding options then mean nothing. */
  readonly codecCopyFrom?: string
  /** Stops by itself after so long. */
  readonly seconds?: number
}

/** Where RTP goes on this machine: H.264 with payload type 96, Opus with 111. */
export interface RtpTarget {
  readonly videoPort: number
  readonly audioPort: number
}

/** One running publisher: `await using publisher = await publish(url)`. */
export interface Publisher extends AsyncDisposable {
  readonly pid: number
  /** Never rejects. */
  readonly exited: Promise<FfmpegExit>
  /** The clock's side of it, when it is stamped. */
  readonly source: StampedSource | undefined
  /** FLV, when published to `pipe:1`. */
  readonly output: Readable | undefined
  /** Ends the stream properly, as pressing Stop does. Idempotent. */
  stop(): Promise<FfmpegExit>
  /** SIGKILL: as if the encoder had crashed. */
  kill(signal: NodeJS.Signals): void
}

/** 375 frames of AAC: both tracks end together, so that the loop has no seam. */
const LOOP_SECONDS = 8
const VIDEO_PAYLOAD_TYPE = '96'
const AUDIO_PAYLOAD_TYPE = '111'
/** Below what a loopback or Ethernet packet holds. */
const RTP_PACKET_BYTES = 1200

const encodedFiles = new Map<string, Promise<string>>()

/**
 * Starts publishing to an `rtmp://` address, to RTP ports, or as FLV to `pipe:1`. Resolves when the encoder runs, which
 * is before the server has accepted it.
 */
export async function publish(target: string | RtpTarget, options: PublishOptions = {}): Promise<Publisher> {
  const stdout = target === 'pipe:1'
  const output = outputArgs(target, options)
  if (!options.stamped) return wrap(new FfmpegChild([...inputArgs(options), ...output], { stdout }), stdout)
  const size = sizeOf(options)
  const background = await drawBackground(size)
  const child = new FfmpegChild([...stampedInputArgs(options), ...output], { stdin: true, stdout })
  return wrap(child, stdout, StampedSource.start(size, background, child.stdin))
}

/**
 * The container of a loop: `mpegts` for RTP, because it carries SPS and PPS before each key frame, without which no
 * WebRTC viewer can begin.
 */
export type Container = 'flv' | 'mpegts'

/** Encodes a loop of eight seconds and returns its path; kept in the system's temporary folder for the next run. */
export function encodeFile(options: EncodingOptions = {}, container: Container = 'flv'): Promise<string> {
  const until = ['-t', String(LOOP_SECONDS)]
  const args = [...chartArgs(options), ...encoderArgs(options), ...until, '-f', container]
  const key = Bun.hash(args.join(' ')).toString(16)
  let file = encodedFiles.get(key)
  if (!file) {
    file = encode(args, join(tmpdir(), `sluice-loop-${key}`))
    encodedFiles.set(key, file)
  }
  return file
}

/** Of a loop by `encodeFile`, picture and sound with FLV's own framing. */
export function loopBitsPerSecond(path: string): number {
  return (Bun.file(path).size * 8) / LOOP_SECONDS
}

async function encode(args: readonly string[], path: string): Promise<string> {
  if (existsSync(path)) return path
  // Other processes may want the same file now, and may see it only whole.
  const own = `${path}.${process.pid}`
  await runFfmpeg([...args, own])
  await rename(own, path)
  return path
}

function wrap(child: FfmpegChild, isPiped: boolean, source?: StampedSource): Publisher {
  const stop = () => {
    source?.stop()
    return child.stop()
  }
  return {
    pid: child.pid,
    exited: child.exited,
    source,
    output: isPiped ? child.stdout : undefined,
    stop,
    kill: signal => child.kill(signal),
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

function sizeOf({ size = '1280x720', fps = 30 }: EncodingOptions): SourceSize {
  const [width, height] = size.split('x').map(Number)
  if (!width || !height) throw new RangeError(`not a size: ${size}`)
  return { width, height, framesPerSecond: fps }
}

function inputArgs(options: PublishOptions): string[] {
  if (options.codecCopyFrom) return ['-re', '-stream_loop', '-1', '-i', options.codecCopyFrom]
  return chartArgs(options, ['-re'])
}

function chartArgs(options: EncodingOptions, pace: readonly string[] = []): string[] {
  const { width, height, framesPerSecond } = sizeOf(options)
  const chart = `testsrc2=size=${width}x${height}:rate=${framesPerSecond}`
  return [...pace, '-f', 'lavfi', '-i', chart, ...toneArgs(options, pace)]
}

function stampedInputArgs(options: PublishOptions): string[] {
  const { width, height, framesPerSecond } = sizeOf(options)
  const picture = ['-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', String(framesPerSecond)]
  const queue = ['-thread_queue_size', '64']
  return [...queue, '-f', 'rawvideo', ...picture, '-i', 'pipe:0', ...toneArgs(options, queue)]
}

function toneArgs({ audio = true }: EncodingOptions, pace: readonly string[]): string[] {
  return audio ? [...pace, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'] : []
}

function outputArgs(target: string | RtpTarget, options: PublishOptions): string[] {
  const until = options.seconds === undefined ? [] : ['-t', String(options.seconds)]
  const extra = options.extraArgs ?? []
  if (typeof target !== 'string') return [...until, ...rtpArgs(target, options), ...extra]
  const codecs = options.codecCopyFrom ? ['-c', 'copy'] : encoderArgs(options)
  return [...codecs, ...until, ...extra, '-flush_packets', '1', '-f', 'flv', target]
}

function encoderArgs(options: EncodingOptions): string[] {
  const { audio = true } = options
  return ['-map', '0:v', ...videoArgs(options), ...(audio ? ['-map', '1:a', ...aacArgs] : [])]
}

const stereo = ['-ac', '2', '-ar', '48000']
const aacArgs = ['-c:a', 'aac', '-b:a', '128k', ...stereo]
/** Without the filter, AAC's times leave Opus packets unevenly spaced, and browsers conceal a quarter of them. */
const opusArgs = ['-af', 'aresample=async=1:first_pts=0', '-c:a', 'libopus', '-b:a', '96k', ...stereo]

/** Constant bit rate and key frames at fixed distances, as every guide for live streaming asks. */
function videoArgs(options: EncodingOptions): string[] {
  const { bitrate = '2500k', bFrames = 0, pixelFormat = 'yuv420p' } = options
  const gop = String(options.gop ?? sizeOf(options).framesPerSecond)
  const delay = bFrames === 0 ? ['-tune', 'zerolatency'] : ['-b_strategy', '0']
  const rate = ['-b:v', bitrate, '-maxrate', bitrate, '-bufsize', bitrate]
  const groups = ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', String(bFrames)]
  return ['-c:v', 'libx264', '-preset', 'veryfast', ...delay, ...groups, ...rate, '-pix_fmt', pixelFormat]
}

function rtpArgs(target: RtpTarget, options: PublishOptions): string[] {
  const to = (port: number) => `rtp://127.0.0.1:${port}?pkt_size=${RTP_PACKET_BYTES}`
  const rtp = (type: string) => ['-flush_packets', '1', '-f', 'rtp', '-payload_type', type]
  const encoding = options.codecCopyFrom ? ['-c:v', 'copy'] : videoArgs(options)
  const video = ['-map', '0:v', ...encoding, ...rtp(VIDEO_PAYLOAD_TYPE), to(target.videoPort)]
  if (options.audio === false) return video
  const input = options.codecCopyFrom ? '0:a' : '1:a'
  return [...video, '-map', input, ...opusArgs, ...rtp(AUDIO_PAYLOAD_TYPE), to(target.audioPort)]
}
