/**
 * The job that makes a clip: segments in between are copied as they are, those at its ends are cut, and what results
 * needs nothing of its source any more. It can be done again from the beginning at any time.
 */

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest, VodInit, VodSegment } from '../vod/manifest.ts'
import { SOURCE } from '../vod/manifest.ts'
import { segmentKey, vodPrefix } from '../vod/object-keys.ts'
import type { Vod, VodService } from '../vod/service.ts'
import { type ClipSource, SourceReader } from './clip-source.ts'
import { type CutRequest, type Piece, planCut } from './cut-plan.ts'
import { encodeEdge } from './edge-encoder.ts'
import { type MadeSegment, RenditionCut } from './rendition-cut.ts'

export interface ClipMakerOptions {
  readonly vods: Pick<VodService, 'find' | 'finish' | 'fail' | 'setProgress' | 'setProblem'>
  readonly manifest: Pick<Manifest, 'entries' | 'segments' | 'inits' | 'addInit' | 'addSegments' | 'remove'>
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'list' | 'delete'>
  readonly log: Log
  /** How long a running stream may take to have the clip's time stored. */
  readonly waitMs?: number
  readonly encode?: typeof encodeEdge
}

const DELETED_AT_ONCE = 500

/** What ffmpeg could not do. */
class EdgeError extends Error {
  override readonly name = 'EdgeError'
}

export class ClipMaker {
  readonly #options: ClipMakerOptions
  readonly #sources: SourceReader

  constructor(options: ClipMakerOptions) {
    this.#options = options
    const { manifest, vods, waitMs } = options
    this.#sources = new SourceReader({ manifest, vods, ...(waitMs !== undefined && { waitMs }) })
  }

  /**
   * Makes it, or writes down why it cannot be made. Rejects where another attempt may succeed: the store or the database
   * is away.
   */
  async make(clipId: string, signal: AbortSignal): Promise<void> {
    const clip = await this.#options.vods.find(clipId)
    if (clip?.status !== 'processing' || !clip.clip) return
    try {
      await this.#make(clip, clip.clip, signal)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      await this.#options.vods.fail(clipId, error.message)
    }
  }

  async #make(clip: Vod, { fromMs, toMs, isExact }: NonNullable<Vod['clip']>, signal: AbortSignal) {
    const { sourceId } = clip
    if (sourceId === null)
      throw new AppError('CONFLICT', 'clip_source_gone', 'The video it was to be cut from is gone.')
    const request: CutRequest = { fromSeconds: fromMs / 1000, toSeconds: toMs / 1000, isExact }
    const source = await this.#sources.read(sourceId, request, signal)
    try {
      await this.#cut(clip.id, { sourceId, source, pieces: planCut(source.segments, request) }, signal)
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      this.#options.log.warn({ err: error.cause, clipId: clip.id }, 'the ends of a clip could not be encoded')
      const pieces = planCut(source.segments, { ...request, isExact: false })
      await this.#cut(clip.id, { sourceId, source, pieces }, signal)
      const problem = 'Its ends could not be cut exactly: they are at the next key frames.'
      await this.#options.vods.setProblem(clip.id, problem)
    }
    await this.#options.vods.finish(clip.id)
  }

  async #cut(
    clipId: string,
    { sourceId, source, pieces }: { sourceId: string; source: ClipSource; pieces: readonly Piece[] },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#clear(clipId)
    const inits: Omit<VodInit, 'vodId'>[] = []
    const rows: VodSegment[] = []
    const names = [...source.rows.keys()]
    for (const [done, rendition] of names.entries()) {
      const cut = this.#cutOf(sourceId, source, rendition, signal)
      const made: VodSegment[] = []
      for (const piece of pieces) {
        signal.throwIfAborted()
        made.push(await this.#store(clipId, sourceId, await cut.make(piece)))
      }
      await this.#options.vods.setProgress(clipId, (done + 1) / names.length)
      const isEmpty = made.every(row => row.isGap)
      if (isEmpty && rendition === SOURCE)
        throw new AppError('CONFLICT', 'clip_not_recorded', 'Nothing is recorded of that time.')
      if (isEmpty) continue
      inits.push(...cut.inits)
      rows.push(...made)
    }
    for (const init of inits) await this.#options.manifest.addInit(clipId, init)
    await this.#options.manifest.addSegments(rows)
  }

  #cutOf(sourceId: string, source: ClipSource, rendition: string, signal: AbortSignal): RenditionCut {
    const { store, encode = encodeEdge } = this.#options
    return new RenditionCut({
      rendition,
      inits: source.inits.filter(init => init.rendition === rendition),
      rows: source.rows.get(rendition)!,
      leadRows: source.rows.get(SOURCE)!,
      load: async sequence =>
        (await store.get(segmentKey({ vodId: sourceId, rendition, sequence })))?.bytes(),
      encode: async request => {
        try {
          return await encode(request, signal)
        } catch (cause) {
          signal.throwIfAborted()
          throw new EdgeError('the ends could not be encoded', { cause })
        }
      },
    })
  }

  /** What an attempt that broke off has left. */
  async #clear(clipId: string): Promise<void> {
    const { store, manifest } = this.#options
    await manifest.remove(clipId)
    let keys: string[] = []
    for await (const { key } of store.list(vodPrefix(clipId))) {
      keys.push(key)
      if (keys.length < DELETED_AT_ONCE) continue
      await store.delete(keys)
      keys = []
    }
    await store.delete(keys)
  }

  /** The object first, its row later: no row lies. */
  async #store(vodId: string, sourceId: string, { row, media }: MadeSegment): Promise<VodSegment> {
    const { store } = this.#options
    const key = segmentKey({ ...row, vodId })
    if (media === undefined) return { ...row, vodId }
    const isMade = media instanceof Uint8Array
    const source = isMade ? undefined : segmentKey({ ...row, vodId: sourceId, sequence: media.copyOf })
    const bytes = isMade ? media : await (await store.get(source!))?.bytes()
    if (!bytes) return { ...row, vodId, ...LOST }
    await store.put(key, bytes, { contentType: 'video/mp4', checksum: row.checksum })
    return { ...row, vodId }
  }
}

const LOST = {
  ...{ isGap: true, isIndependent: false, sizeBytes: 0, checksum: '', frameCount: 0 },
  samples: new Uint8Array(),
}
