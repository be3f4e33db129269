/**
 * The jobs that make a video of an uploaded file's pieces, on whichever machines do jobs. A piece's segments and rows are
 * final as soon as they are stored; whoever does the last piece finishes the video.
 */
import type { Track } from '../../media/access-unit.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from '../vod/manifest.ts'
import { segmentKey } from '../vod/object-keys.ts'
import { describeTrack, segmentRow } from '../vod/segment-row.ts'
import type { Vod, VodService } from '../vod/service.ts'
import { type EncodedSegment, encodeChunk } from './chunk-encoder.ts'
import { CHUNK_JOB, type ChunkJob, chunkKey, PREPARED_SHARE, piecesOf, uploadPrefix } from './preparation.ts'
import type { UploadsRepository } from './repository.ts'
import { encodeSound } from './sound-encoder.ts'
import { openWorkingFolder } from './working-folder.ts'

export interface ChunkWorkerOptions {
  readonly vods: Pick<VodService, 'find' | 'fail' | 'finish' | 'setProgress'>
  readonly manifest: Pick<Manifest, 'addInit' | 'addSegments' | 'findInit' | 'fillGaps'>
  readonly uploads: Pick<UploadsRepository, 'beginChunk' | 'finishChunk' | 'countDone'>
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'list' | 'delete'>
  readonly instanceId: string
  readonly log: Log
}

interface MadeRendition {
  readonly name: string
  readonly kind: 'source' | 'rung' | 'sound'
  readonly track: Track
  readonly init: Uint8Array<ArrayBuffer>
  readonly segments: readonly EncodedSegment[]
}

/** A chunk is half a minute of picture, the sound a whole file's; more means that ffmpeg hangs. */
const TIMEOUT_SECONDS = 3_600
const DELETED_AT_ONCE = 500

export class ChunkWorker {
  readonly #options: ChunkWorkerOptions

  constructor(options: ChunkWorkerOptions) {
    this.#options = options
  }

  /** `concurrency`: pieces at once; each takes about a core. */
  async work(jobs: Pick<JobQueue, 'work'>, concurrency: number): Promise<void> {
    const options = {
      concurrency,
      timeoutSeconds: TIMEOUT_SECONDS,
      onGivenUp: (job: ChunkJob) => this.#giveUp(job),
    }
    await jobs.work<ChunkJob>(CHUNK_JOB, options, (job, signal) => this.make(job, signal))
  }

  /** Idempotent. Rejects where another attempt may succeed. */
  async make({ vodId, index, plan }: ChunkJob, signal: AbortSignal): Promise<void> {
    const { vods, uploads, store, instanceId, log } = this.#options
    const vod = await vods.find(vodId)
    if (vod?.status !== 'processing') return
    if (await uploads.beginChunk(vodId, index, instanceId)) {
      const begun = performance.now()
      const piece = await (await store.get(chunkKey(vodId, index)))?.bytes()
      if (!piece) throw new Error(`piece ${index} of ${vodId} is gone from the store`)
      for (const made of await encode({ vodId, index, plan }, piece, signal))
        await this.#store(vod, made, signal)
      await uploads.finishChunk(vodId, index)
      log.info(
        { vodId, index, tookMs: Math.round(performance.now() - begun) },
        'a piece of an upload is encoded',
      )
    }
    const [done, all] = [await uploads.countDone(vodId), piecesOf(plan)]
    if (done < all) await vods.setProgress(vodId, PREPARED_SHARE + ((1 - PREPARED_SHARE) * done) / all)
    else await this.#join(vodId)
  }

  async #store(
    vod: Vod,
    { name, kind, track, init, segments }: MadeRendition,
    signal: AbortSignal,
  ): Promise<void> {
    const { manifest, store } = this.#options
    await manifest.addInit(vod.id, {
      rendition: name,
      index: 0,
      kind,
      data: init,
      track: describeTrack(track),
    })
    const stored = await manifest.findInit(vod.id, name, 0)
    if (!stored || Buffer.compare(stored.data, init) !== 0)
      throw new Error(`${name} was encoded with other settings than the pieces before it`)
    const rows = segments.map(({ data, durationSeconds, frameCount, sequence, startSeconds }) => ({
      data,
      row: segmentRow(
        vod.id,
        {
          ...{ rendition: name, sequence, initIndex: 0, discontinuity: 0, isDiscontinuity: false },
          ...{ isIndependent: true, startSeconds, startsAtMs: vod.createdAt.getTime() + startSeconds * 1000 },
          complete: { durationSeconds, frameCount },
        },
        { data, init },
      ),
    }))
    for (const { data, row } of rows) {
      signal.throwIfAborted()
      await store.put(segmentKey(row), data, { contentType: 'video/mp4', checksum: row.checksum })
    }
    await manifest.addSegments(rows.map(each => each.row))
  }

  /** Idempotent. */
  async #join(vodId: string): Promise<void> {
    const { vods, manifest, store, log } = this.#options
    await manifest.fillGaps(vodId)
    log.info({ vodId, outcome: await vods.finish(vodId) }, 'an upload is complete')
    let keys: string[] = []
    for await (const { key } of store.list(uploadPrefix(vodId))) {
      keys.push(key)
      if (keys.length < DELETED_AT_ONCE) continue
      await store.delete(keys)
      keys = []
    }
    await store.delete(keys)
  }

  async #giveUp({ vodId, index }: ChunkJob): Promise<void> {
    this.#options.log.error({ vodId, index }, 'an upload could not be encoded')
    await this.#options.vods.fail(vodId, 'A part of this file could not be encoded: it may be damaged.')
  }
}

async function encode(
  { index, plan }: ChunkJob,
  piece: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<MadeRendition[]> {
  if (index === plan.chunks) {
    const sound = await encodeSound(plan, piece, plan.frames, signal)
    return [{ ...sound, name: 'audio', kind: 'sound' }]
  }
  await using folder = await openWorkingFolder()
  const renditions = await encodeChunk(plan, index, piece, { folder: folder.path, signal })
  return renditions.map(made => ({
    ...made,
    kind: made.name === 'source' ? ('source' as const) : ('rung' as const),
  }))
}
