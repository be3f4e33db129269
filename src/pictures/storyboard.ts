/**
 * Makes the small pictures for seeking out of key frames alone, sheet by sheet, and finds the moments that could stand for
 * the VOD among them.
 */
import type { Sample } from '../../media/mp4/fragment.ts'
import type { Manifest, VodEntry } from '../vod/manifest.ts'
import { SOURCE } from '../vod/manifest.ts'
import { decodeSmall, encodeSheet, type SmallPicture, type SmallSize } from './small-pictures.ts'
import { type FoundFrame, film, SourceFrames, type SourceFramesOptions } from './source-frames.ts'

/** From one picture to the next; the first with which there are few enough is taken. */
const INTERVALS_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000]
const MAX_PICTURES = 400
const COLUMNS = 10
const ROWS = 10
/** Pixels, the longer side of a picture. */
const LONG_SIDE = 160
const SHORT_SIDE = 90
const CANDIDATES = 5
/** Of the length at either end where nobody looks for a candidate: beginnings and ends are black. */
const MARGIN = 0.05

export interface StoryboardOptions extends SourceFramesOptions {
  readonly manifest: Pick<Manifest, 'locate' | 'segments' | 'findInit' | 'entries' | 'inits'>
}

export interface MadeStoryboard {
  readonly storyboard: {
    readonly intervalMs: number
    readonly pictures: number
    readonly width: number
    readonly height: number
    readonly columns: number
    readonly rows: number
  }
  /** The most telling first. */
  readonly candidatesMs: readonly number[]
}

interface Placed {
  readonly entry: VodEntry
  readonly offsetSeconds: number
}

interface Candidate {
  readonly offsetMs: number
  readonly contrast: number
}

/** `keepSheet`: takes each sheet as a JPEG. Undefined: nothing is stored. Throws what ffmpeg says, and `signal`'s reason. */
export async function makeStoryboard(
  options: StoryboardOptions,
  vodId: string,
  keepSheet: (sheet: number, jpeg: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<MadeStoryboard | undefined> {
  const { manifest } = options
  const [init] = (await manifest.inits(vodId)).filter(each => each.rendition === SOURCE)
  const placed = place(await manifest.entries(vodId, { rendition: SOURCE }))
  const last = placed.at(-1)
  if (!init || !last || placed.every(({ entry }) => entry.isGap)) return undefined
  const durationMs = (last.offsetSeconds + last.entry.durationSeconds) * 1000
  const intervalMs = INTERVALS_MS.find(each => durationMs / each <= MAX_PICTURES) ?? INTERVALS_MS.at(-1)!
  const pictures = Math.min(MAX_PICTURES, Math.max(1, Math.ceil(durationMs / intervalMs)))
  const size = sizeFor(init.track.width ?? 16, init.track.height ?? 9)
  const finder = new KeyFrames(options, vodId, placed)
  const candidates: Candidate[] = []
  for (let from = 0; from < pictures; from += COLUMNS * ROWS) {
    const count = Math.min(COLUMNS * ROWS, pictures - from)
    const moments = Array.from({ length: count }, (_, index) => (from + index + 0.5) * intervalMs)
    const found = await finder.find(moments.map(moment => Math.min(moment, durationMs - 1)))
    const small = await decodeAll(finder, found, size, signal)
    const sheet = { pictures: small, ...size, columns: COLUMNS, rows: Math.ceil(count / COLUMNS) }
    await keepSheet(from / (COLUMNS * ROWS), await encodeSheet(sheet, signal))
    for (const [index, frame] of found.entries())
      if (frame) candidates.push({ offsetMs: frame.offsetMs, contrast: small[index]?.contrast ?? 0 })
  }
  const storyboard = { intervalMs, pictures, ...size, columns: COLUMNS, rows: ROWS }
  return { storyboard, candidatesMs: choose(candidates, durationMs) }
}

function place(entries: readonly VodEntry[]): Placed[] {
  let offsetSeconds = 0
  return entries.map(entry => {
    const placed = { entry, offsetSeconds }
    offsetSeconds += entry.durationSeconds
    return placed
  })
}

/** Within 160x90, or 90x160 for what is upright; even. */
function sizeFor(width: number, height: number): SmallSize {
  const [maxWidth, maxHeight] = width >= height ? [LONG_SIDE, SHORT_SIDE] : [SHORT_SIDE, LONG_SIDE]
  const scale = Math.min(maxWidth / width, maxHeight / height)
  const even = (pixels: number) => Math.max(2, Math.round((pixels * scale) / 2) * 2)
  return { width: even(width), height: even(height) }
}

/** Of each fifth the picture with the most contrast; black and plain ones have none. */
function choose(candidates: readonly Candidate[], durationMs: number): number[] {
  const [from, to] = [durationMs * MARGIN, durationMs * (1 - MARGIN)]
  const inner = candidates.filter(({ offsetMs }) => offsetMs >= from && offsetMs <= to)
  const eligible = inner.length > 0 ? inner : candidates
  const zones = Map.groupBy(eligible, ({ offsetMs }) =>
    Math.min(CANDIDATES - 1, Math.floor(((offsetMs - from) / Math.max(1, to - from)) * CANDIDATES)),
  )
  const best = [...zones.values()].map(zone => zone.reduce((a, b) => (b.contrast > a.contrast ? b : a)))
  best.sort((left, right) => right.contrast - left.contrast)
  return [...new Set(best.map(({ offsetMs }) => offsetMs))]
}

/** Finds key frames with few questions: rows of segments are kept from one moment to the next. */
class KeyFrames {
  readonly #options: StoryboardOptions
  readonly #source: SourceFrames
  readonly #vodId: string
  readonly #placed: readonly Placed[]

  constructor(options: StoryboardOptions, vodId: string, placed: readonly Placed[]) {
    this.#options = options
    this.#source = new SourceFrames(options)
    this.#vodId = vodId
    this.#placed = placed
  }

  /** Undefined where nothing is stored. */
  async find(momentsMs: readonly number[]): Promise<(FoundFrame | undefined)[]> {
    const found: (FoundFrame | undefined)[] = []
    for (const moment of momentsMs) found.push(await this.#findOne(moment))
    return found
  }

  async read(frame: FoundFrame): Promise<Sample | undefined> {
    return (await this.#source.read(frame).catch(() => undefined))?.at(-1)
  }

  init(frame: FoundFrame): Promise<Uint8Array> {
    return this.#source.init(frame)
  }

  async #findOne(atMs: number): Promise<FoundFrame | undefined> {
    const placed = this.#placed.findLast(({ offsetSeconds }) => offsetSeconds * 1000 <= atMs)
    if (!placed || placed.entry.isGap) return undefined
    const { sequence } = placed.entry
    const range = { rendition: SOURCE, from: sequence, to: sequence }
    const [segment] = await this.#options.manifest.segments(this.#vodId, range)
    if (!segment?.isIndependent) return undefined
    return this.#source.frameIn({ segment, offsetSeconds: placed.offsetSeconds }, atMs, 'key')
  }
}

/** Where there is no key frame, the picture before is shown again. */
async function decodeAll(
  finder: KeyFrames,
  found: readonly (FoundFrame | undefined)[],
  size: SmallSize,
  signal: AbortSignal,
): Promise<(SmallPicture | undefined)[]> {
  const small: (SmallPicture | undefined)[] = []
  for (let from = 0; from < found.length; ) {
    const first = found[from]
    let to = from + 1
    while (to < found.length && (!found[to] || found[to]!.initIndex === first?.initIndex)) to++
    small.push(...(await decodeRun(finder, found.slice(from, to), size, signal)))
    from = to
  }
  let before: SmallPicture | undefined
  return small.map(picture => {
    before = picture ?? before
    return before
  })
}

/** Those that decode with one init segment. */
async function decodeRun(
  finder: KeyFrames,
  run: readonly (FoundFrame | undefined)[],
  size: SmallSize,
  signal: AbortSignal,
): Promise<(SmallPicture | undefined)[]> {
  const [first] = run.flatMap(frame => frame ?? [])
  if (!first) return run.map(() => undefined)
  const { timescale } = first
  const samples: Sample[] = []
  for (const [index, frame] of run.entries()) {
    const sample = frame && (await finder.read(frame))
    signal.throwIfAborted()
    // A second for each, so that ffmpeg itself fills in what cannot be decoded.
    if (sample) samples.push({ ...sample, isKey: true, dts: index * timescale, pts: index * timescale })
  }
  if (samples.length === 0) return run.map(() => undefined)
  const input = film(await finder.init(first), samples, run.length * timescale)
  return decodeSmall({ input, size, count: run.length }, signal)
}
