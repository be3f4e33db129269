/** Reads what a clip is cut from, and waits until the recorder of a running stream has stored it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeSampleTable } from '../../media/mp4/sample-table.ts'
import { AppError } from '../errors.ts'
import { type Manifest, SOURCE, type VodEntry, type VodInit, type VodSegment } from '../vod/manifest.ts'
import type { VodService } from '../vod/service.ts'
import type { CutRequest, SourceSegment } from './cut-plan.ts'

/** The part of a VOD that a clip needs. */
export interface ClipSource {
  readonly inits: readonly VodInit[]
  /** By rendition, then by sequence. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<number, VodSegment>>
  /** Of the source rendition, without a hole in time. */
  readonly segments: readonly SourceSegment[]
}

export interface SourceReaderOptions {
  readonly manifest: Pick<Manifest, 'entries' | 'segments' | 'inits'>
  readonly vods: Pick<VodService, 'find'>
  /** How long a running stream may take to have all of it stored. */
  readonly waitMs?: number
  readonly pollMs?: number
}

const WAIT_MS = 60_000
const POLL_MS = 500
/** The ladder's pictures are stored some seconds after the source's. */
const RENDITIONS_WAIT_MS = 15_000
/** A key frame that is further before the beginning is not looked for. */
const MAX_LOOKBACK_SECONDS = 60

interface Placed {
  readonly entry: VodEntry
  readonly offsetSeconds: number
}

export class SourceReader {
  readonly #options: SourceReaderOptions
  readonly #waitMs: number
  readonly #pollMs: number

  constructor(options: SourceReaderOptions) {
    this.#options = options
    this.#waitMs = options.waitMs ?? WAIT_MS
    this.#pollMs = options.pollMs ?? POLL_MS
  }

  /** Throws `AppError` CONFLICT (`clip_source_gone`, `clip_not_recorded`). */
  async read(vodId: string, range: CutRequest, signal: AbortSignal): Promise<ClipSource> {
    const placed = await this.#waitFor(vodId, range.toSeconds, signal)
    const end = placed.findLastIndex(each => each.offsetSeconds < range.toSeconds)
    const begin = lookBack(placed, range.fromSeconds)
    if (begin > end) throw new AppError('CONFLICT', 'clip_not_recorded', 'Nothing is recorded of that time.')
    const [from, to] = [placed[begin]!.entry.sequence, placed[end]!.entry.sequence]
    await this.#waitForOthers(vodId, to, signal)
    const [inits, rows] = await Promise.all([
      this.#options.manifest.inits(vodId),
      this.#options.manifest.segments(vodId, { from, to }),
    ])
    const byRendition = new Map<string, Map<number, VodSegment>>()
    for (const [rendition, own] of Map.groupBy(rows, row => row.rendition))
      byRendition.set(rendition, new Map(own.map(row => [row.sequence, row])))
    const lead = byRendition.get(SOURCE)
    const segments = placed.slice(begin, end + 1).flatMap(({ entry, offsetSeconds }) => {
      const row = lead?.get(entry.sequence)
      return row ? [{ ...row, offsetSeconds, frames: framesOf(row, inits) }] : []
    })
    return { inits, rows: byRendition, segments }
  }

  /** The source's segments from the beginning, as far as they follow each other, or the VOD is complete. */
  async #waitFor(vodId: string, toSeconds: number, signal: AbortSignal): Promise<readonly Placed[]> {
    const deadline = performance.now() + this.#waitMs
    const placed: Placed[] = []
    let end = 0
    for (;;) {
      const isRunning = await this.#isRunning(vodId)
      const last = placed.at(-1)?.entry.sequence ?? -1
      const range = { rendition: SOURCE, from: last + 1 }
      for (const entry of await this.#options.manifest.entries(vodId, range)) {
        const isNext = entry.sequence === (placed.at(-1)?.entry.sequence ?? -1) + 1
        // Several are on their way at a time: an earlier one may come later.
        if (isRunning && !isNext) break
        placed.push({ entry, offsetSeconds: end })
        end += entry.durationSeconds
      }
      if (end >= toSeconds || !isRunning || performance.now() > deadline) return placed
      await sleep(this.#pollMs, undefined, { signal })
    }
  }

  /** Until every rendition has the segment, or is too late. */
  async #waitForOthers(vodId: string, sequence: number, signal: AbortSignal): Promise<void> {
    const { manifest } = this.#options
    const deadline = performance.now() + Math.min(this.#waitMs, RENDITIONS_WAIT_MS)
    while (performance.now() < deadline && (await this.#isRunning(vodId))) {
      const stored = await manifest.entries(vodId, { from: sequence, to: sequence })
      const inits = await manifest.inits(vodId)
      if (inits.every(init => stored.some(row => row.rendition === init.rendition))) return
      await sleep(this.#pollMs, undefined, { signal })
    }
  }

  async #isRunning(vodId: string): Promise<boolean> {
    const vod = await this.#options.vods.find(vodId)
    if (!vod) throw new AppError('CONFLICT', 'clip_source_gone', 'The video it was to be cut from is gone.')
    return vod.status === 'recording'
  }
}

/** The segment whose key frame is needed for what is shown at `fromSeconds`. */
function lookBack(placed: readonly Placed[], fromSeconds: number): number {
  const first = Math.max(
    0,
    placed.findLastIndex(each => each.offsetSeconds <= fromSeconds),
  )
  for (let index = first; index > 0; index--) {
    const { entry, offsetSeconds } = placed[index]!
    const isTooFar = fromSeconds - offsetSeconds > MAX_LOOKBACK_SECONDS
    if (entry.isIndependent || entry.isDiscontinuity || (entry.isGap && index < first) || isTooFar)
      return index
  }
  return 0
}

function framesOf(row: VodSegment, inits: readonly VodInit[]): SourceSegment['frames'] {
  const init = inits.find(({ rendition, index }) => rendition === SOURCE && index === row.initIndex)
  if (row.isGap || !init) return []
  return decodeSampleTable(row.samples).map(({ dts, compositionOffset, isKey }) => ({
    seconds: (dts + compositionOffset) / init.track.timescale,
    isKey,
  }))
}
