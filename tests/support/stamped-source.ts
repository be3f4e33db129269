/** Feeds raw pictures to an encoder in real time, each with the moment it was made burnt in. */
import type { Writable } from 'node:stream'
import { paintStamp } from './barcode.ts'
import { FfmpegChild } from './ffmpeg-child.ts'

/** Pictures of the background, played forwards and backwards so that there is no jump. */
const BACKGROUND_PICTURES = 45
const SETTLING_SECONDS = 2
const COUNTER_MODULUS = 65_536

export interface SourceSize {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
}

/** Whether the source itself kept time; a late one makes every delay measured with it worthless. */
export interface SourceTiming {
  readonly frames: number
  /** By how much the latest picture missed its moment, the first two seconds left out. */
  readonly latestMs: number
  /** The most pictures that waited for the encoder to take them. */
  readonly largestBacklog: number
}

/** Runs from `open` to `stop`. */
export class StampedSource {
  readonly #size: SourceSize
  readonly #background: readonly Uint8Array[]
  readonly #output: Writable
  readonly #stampedAtMs = new Float64Array(COUNTER_MODULUS)
  readonly #startedAt = performance.now()
  #frames = 0
  #latestMs = 0
  #largestBacklog = 0
  #isStopped = false

  private constructor(size: SourceSize, background: readonly Uint8Array[], output: Writable) {
    this.#size = size
    this.#background = background
    this.#output = output
  }

  /** Starts writing yuv420p pictures of `size` to `output`. */
  static start(size: SourceSize, background: readonly Uint8Array[], output: Writable): StampedSource {
    const source = new StampedSource(size, background, output)
    source.#tick()
    return source
  }

  get timing(): SourceTiming {
    return { frames: this.#frames, latestMs: this.#latestMs, largestBacklog: this.#largestBacklog }
  }

  /** When picture `frame` (counted from 0; one of the last 65,536) was stamped, in milliseconds since the epoch. */
  stampedAtMs(frame: number): number {
    return this.#stampedAtMs[frame % COUNTER_MODULUS]!
  }

  /** Forgets how late it was until now. */
  resetTiming(): void {
    this.#latestMs = 0
    this.#largestBacklog = 0
  }

  /** Resolves when the picture that opens the next group is `share` (0 to 1) of a group of `gop` pictures ago. */
  async phase(gop: number, share: number): Promise<void> {
    const groupMs = (gop * 1000) / this.#size.framesPerSecond
    const sinceGroupMs = (performance.now() - this.#startedAt) % groupMs
    await Bun.sleep((share * groupMs - sinceGroupMs + groupMs) % groupMs)
  }

  /** Idempotent. Leaves the output open. */
  stop(): void {
    this.#isStopped = true
  }

  #tick(): void {
    if (this.#isStopped || this.#output.destroyed || this.#output.writableEnded) return
    const due = this.#startedAt + (this.#frames * 1000) / this.#size.framesPerSecond
    const now = performance.now()
    if (now < due) {
      setTimeout(() => this.#tick(), Math.max(1, due - now - 0.5))
      return
    }
    if (this.#frames > SETTLING_SECONDS * this.#size.framesPerSecond) this.#observe(now - due)
    this.#write()
    setImmediate(() => this.#tick())
  }

  #write(): void {
    const { width, height } = this.#size
    const picture = Uint8Array.from(this.#background[this.#backgroundIndex()]!)
    const epochMs = Date.now()
    paintStamp(picture, width, height, { epochMs, frame: this.#frames % COUNTER_MODULUS })
    this.#stampedAtMs[this.#frames % COUNTER_MODULUS] = epochMs
    this.#output.write(picture)
    this.#frames++
  }

  #backgroundIndex(): number {
    const last = this.#background.length - 1
    const index = this.#frames % (2 * last)
    return index <= last ? index : 2 * last - index
  }

  #observe(lateMs: number): void {
    const pictureBytes = this.#background[0]!.byteLength
    this.#latestMs = Math.max(this.#latestMs, lateMs)
    this.#largestBacklog = Math.max(this.#largestBacklog, this.#output.writableLength / pictureBytes)
  }
}

/** Pictures (yuv420p) of a moving test chart, to stamp. */
export async function drawBackground(size: SourceSize): Promise<Uint8Array[]> {
  const { width, height, framesPerSecond } = size
  const chart = `testsrc2=size=${width}x${height}:rate=${framesPerSecond}`
  const frames = String(BACKGROUND_PICTURES)
  const child = new FfmpegChild(
    ['-f', 'lavfi', '-i', chart, '-frames:v', frames, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', 'pipe:1'],
    { stdout: true },
  )
  const all = new Uint8Array(await new Response(child.stdout as unknown as BodyInit).arrayBuffer())
  const { code, stderr } = await child.exited
  if (code !== 0) throw new Error(`the test chart could not be drawn: ${stderr}`)
  const bytes = (width * height * 3) / 2
  return Array.from({ length: BACKGROUND_PICTURES }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes))
}
