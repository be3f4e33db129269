/**
 * Pictures of single moments of what is stored: made when somebody asks for the first time, then kept as objects. How
 * many are made at once, wait, and are kept of each VOD is bounded.
 */
import { Limiter } from '../limiter.ts'
import type { Log } from '../log.ts'
import { runFfmpeg } from '../run-ffmpeg.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { frameKey, framesPrefix } from '../vod/object-keys.ts'
import { type FoundFrame, film, SourceFrames, type SourceFramesOptions } from './source-frames.ts'

/** Pixels; what is smaller itself stays so. */
export const FRAME_WIDTHS = [160, 320, 640, 1280] as const
export type FrameWidth = (typeof FRAME_WIDTHS)[number]

export interface FramesOptions extends SourceFramesOptions {
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'list'>
  readonly log: Log
  /** Made at once by this process; 2 unless told. */
  readonly running?: number
}

const MAX_WAITING = 50
const DEADLINE_MS = 15_000
const MAX_JPEG_BYTES = 4 * 1024 * 1024
/** Of one VOD; further ones are made, and not kept. */
const MAX_KEPT = 2_000
const MAX_COUNTED = 1_000

export class Frames {
  readonly #options: FramesOptions
  readonly #source: SourceFrames
  readonly #limiter: Limiter
  readonly #making = new Map<string, Promise<Uint8Array<ArrayBuffer>>>()
  /** How many frames are kept, by VOD, in the order of being asked for. */
  readonly #kept = new Map<string, Promise<number>>()

  constructor(options: FramesOptions) {
    this.#options = options
    this.#source = new SourceFrames(options)
    this.#limiter = new Limiter({ running: options.running ?? 2, waiting: MAX_WAITING })
  }

  /** What is shown so many milliseconds after the beginning, or last; undefined: nothing is stored. */
  async find(vodId: string, atMs: number): Promise<FoundFrame | undefined> {
    return this.#source.find(vodId, atMs)
  }

  /** The JPEG of a frame that begins just then, if it is there: nothing else is asked for it. */
  async findKept(vodId: string, offsetMs: number, width: FrameWidth) {
    return (await this.#options.store.get(frameKey(vodId, offsetMs, width)))?.bytes()
  }

  /**
   * A JPEG. `beforeMaking`: called when it is not there yet, and may refuse by throwing. Throws `AppError` LIMIT (`busy`).
   */
  async jpeg(
    frame: FoundFrame,
    width: FrameWidth,
    beforeMaking: () => void = () => {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const key = frameKey(frame.vodId, frame.offsetMs, width)
    const kept = await this.#options.store.get(key)
    if (kept) return kept.bytes()
    const known = this.#making.get(key)
    if (known) return known
    beforeMaking()
    const making = this.#limiter.run(() => this.#make(frame, width))
    this.#making.set(key, making)
    try {
      const jpeg = await making
      await this.#keep(frame.vodId, key, jpeg)
      return jpeg
    } finally {
      this.#making.delete(key)
    }
  }

  async #make(frame: FoundFrame, width: FrameWidth): Promise<Uint8Array<ArrayBuffer>> {
    const [init, samples] = [await this.#source.init(frame), await this.#source.read(frame)]
    const last = samples.at(-1)!
    // Half a tick early: ffmpeg counts in fractions.
    const from = ((frame.pts - 0.5) / frame.timescale).toFixed(7)
    const filters = `select=gte(t\\,${from}),scale=w=min(${width}\\,iw):h=-2:out_range=full`
    const jpeg = await runFfmpeg({
      args: [
        ...['-copyts', '-f', 'mov', '-i', 'pipe:0', '-an', '-vf', filters, '-frames:v', '1'],
        ...['-threads', '1', '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', '-f', 'mjpeg', 'pipe:1'],
      ],
      input: film(init, samples, last.dts + 1),
      timeoutMs: DEADLINE_MS,
      maxOutputBytes: MAX_JPEG_BYTES,
    })
    if (jpeg.byteLength === 0) throw new Error('ffmpeg made no picture')
    return jpeg
  }

  /** A store that is away costs only that it is made again. */
  async #keep(vodId: string, key: string, jpeg: Uint8Array): Promise<void> {
    try {
      const count = await this.#countKept(vodId)
      if (count >= MAX_KEPT) return
      await this.#options.store.put(key, jpeg, { contentType: 'image/jpeg' })
      this.#kept.set(vodId, Promise.resolve(count + 1))
    } catch (err) {
      this.#kept.delete(vodId)
      this.#options.log.warn({ err, key }, 'a picture could not be kept')
    }
  }

  #countKept(vodId: string): Promise<number> {
    const known = this.#kept.get(vodId)
    if (known) return known
    const counting = this.#count(framesPrefix(vodId))
    this.#kept.set(vodId, counting)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_COUNTED && oldest !== undefined) this.#kept.delete(oldest)
    return counting
  }

  async #count(prefix: string): Promise<number> {
    let count = 0
    for await (const _ of this.#options.store.list(prefix)) if (++count >= MAX_KEPT) break
    return count
  }
}
