/** Reads in a page the clock that each picture carries, at the moment the compositor gets the picture. */
import { ageOf, CELL_PX, COLUMNS, ROWS, readStamp, type Stamp } from '../barcode.ts'

/** One picture. Times in milliseconds; `atMs` counts from the page's navigation. */
export interface PageSample {
  readonly atMs: number
  /** Stamp to compositor. */
  readonly delayMs: number
  readonly frame: number
  /** From the compositor to the time at which the picture is expected on the screen. */
  readonly untilDisplayMs: number
}

export interface ClockReport {
  readonly samples: readonly PageSample[]
  /** Pictures without a readable stamp. */
  readonly unreadable: number
  /** When the first picture of all was shown; milliseconds since the page's navigation. */
  readonly firstPictureAtMs: number | undefined
  readonly width: number
}

const LOOK_FOR_VIDEO_MS = 20
const SAMPLES_KEPT = 20_000

export class Clock {
  readonly #findVideo: () => HTMLVideoElement | null
  readonly #canvas = document.createElement('canvas')
  readonly #samples: PageSample[] = []
  #video: HTMLVideoElement | null = null
  #unreadable = 0
  #firstPictureAtMs: number | undefined
  #sourceWidth = 0

  constructor(findVideo: () => HTMLVideoElement | null) {
    this.#findVideo = findVideo
  }

  /** Reads every picture from now on; `sourceWidth`: of the publisher's picture, which may have been scaled since. */
  start(sourceWidth: number): void {
    if (this.#sourceWidth > 0) return
    this.#sourceWidth = sourceWidth
    this.#follow()
    // A page may put its <video> there late, or replace it.
    setInterval(() => this.#follow(), LOOK_FOR_VIDEO_MS)
  }

  /** Forgets the samples, not the first picture. */
  clear(): void {
    this.#samples.length = 0
    this.#unreadable = 0
  }

  report(): ClockReport {
    return {
      samples: this.#samples,
      unreadable: this.#unreadable,
      firstPictureAtMs: this.#firstPictureAtMs,
      width: this.#video?.videoWidth ?? 0,
    }
  }

  #follow(): void {
    const video = this.#findVideo()
    if (!video || video === this.#video) return
    this.#video = video
    const next = () =>
      video.requestVideoFrameCallback((_, metadata) => {
        if (video !== this.#video) return
        this.#observe(video, metadata.expectedDisplayTime)
        next()
      })
    next()
  }

  #observe(video: HTMLVideoElement, expectedDisplayTime: number): void {
    const atMs = performance.now()
    const now = Date.now()
    this.#firstPictureAtMs ??= atMs
    const stamp = this.#read(video)
    if (!stamp) this.#unreadable++
    else if (this.#samples.length < SAMPLES_KEPT)
      this.#samples.push({
        atMs,
        delayMs: ageOf(stamp, now),
        frame: stamp.frame,
        untilDisplayMs: Math.max(0, expectedDisplayTime - atMs),
      })
  }

  #read(video: HTMLVideoElement): Stamp | undefined {
    const cell = (CELL_PX * video.videoWidth) / this.#sourceWidth
    const width = Math.ceil(COLUMNS * cell)
    const height = Math.ceil(ROWS * cell)
    if (width === 0) return undefined
    const canvas = this.#canvas
    if (canvas.width !== width) Object.assign(canvas, { width, height })
    const context = canvas.getContext('2d', { willReadFrequently: true })!
    context.drawImage(video, 0, 0, width, height, 0, 0, width, height)
    const { data } = context.getImageData(0, 0, width, height)
    return readStamp((column, row) => {
      const x = Math.floor((column + 0.5) * cell)
      const y = Math.floor((row + 0.5) * cell)
      return meanGreen(data, width, x, y)
    })
  }
}

/** Over three by three pixels: single ones suffer from the encoder. Green follows brightness closest. */
function meanGreen(rgba: Uint8ClampedArray, width: number, x: number, y: number): number {
  let sum = 0
  for (let dy = -1; dy <= 1; dy++)
    for (let dx = -1; dx <= 1; dx++) sum += rgba[4 * ((y + dy) * width + x + dx) + 1]!
  return sum / 9
}
