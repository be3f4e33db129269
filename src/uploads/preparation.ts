/**
 * Takes up a file that has been received whole: looks what it is, cuts it into chunks that lie in the object store, where
 * any machine finds them, and has each encoded by a job. It can be done again from the beginning at any time.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { VodService } from '../vod/service.ts'
import { planUpload, SEGMENTS_PER_CHUNK, timeOfFrame, type UploadPlan } from './plan.ts'
import { probe } from './probe.ts'
import type { UploadsRepository } from './repository.ts'
import { extractChunk, extractSound } from './splitter.ts'
import { openWorkingFolder } from './working-folder.ts'

/** What a job is told. */
export interface ChunkJob {
  readonly vodId: string
  /** The one after the last chunk: the sound. */
  readonly index: number
  readonly plan: UploadPlan
}

export const CHUNK_JOB = 'upload.chunk'
const CHUNK_RETRIES = 5
/** Of what there is to do, so much is done when everything is cut. */
export const PREPARED_SHARE = 0.05

export interface PreparationOptions {
  readonly vods: Pick<VodService, 'find' | 'fail' | 'setProgress'>
  readonly uploads: Pick<UploadsRepository, 'addChunk'>
  readonly store: Pick<ObjectStore, 'put'>
  readonly jobs: Pick<JobQueue, 'send'>
  readonly log: Log
}

/** `uploads/ID/chunk-N.nut`; the sound is the one after the last. */
export function chunkKey(vodId: string, index: number): string {
  return `${uploadPrefix(vodId)}chunk-${index}.nut`
}

export function uploadPrefix(vodId: string): string {
  return `uploads/${vodId}/`
}

/** How many pieces there are to do. */
export function piecesOf(plan: UploadPlan): number {
  return plan.chunks + (plan.hasSound ? 1 : 0)
}

/**
 * Resolves when the file at `path` is needed no more: it is cut, or is no video, which is written down. Rejects where
 * another attempt may succeed.
 */
export async function prepare(
  { vodId, path }: { readonly vodId: string; readonly path: string },
  options: PreparationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { vods, log } = options
  if ((await vods.find(vodId))?.status !== 'processing') return
  await using folder = await openWorkingFolder()
  try {
    const plan = planUpload(await probe(path, signal))
    log.info({ vodId, chunks: plan.chunks, renditions: plan.renditions.length }, 'an upload is cut')
    for (let index = 0; index < piecesOf(plan); index++)
      await cutPiece({ vodId, path, plan, index, folder: folder.path }, options, signal)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await vods.fail(vodId, error.message)
  }
}

interface Piece extends ChunkJob {
  readonly path: string
  readonly folder: string
}

async function cutPiece(
  { vodId, path, plan, index, folder }: Piece,
  { uploads, store, jobs, vods }: PreparationOptions,
  signal: AbortSignal,
): Promise<void> {
  // A file of its own: the store may keep this very one.
  const target = join(folder, `piece-${index}.nut`)
  if (index === plan.chunks) await extractSound(path, target, signal)
  else await extractChunk({ path, plan }, index, target, signal)
  await store.put(chunkKey(vodId, index), { path: target })
  await rm(target)
  const frames = plan.segmentFrames * SEGMENTS_PER_CHUNK
  const startSeconds = timeOfFrame(plan, index * frames)
  const durationSeconds = timeOfFrame(plan, (index + 1) * frames) - startSeconds
  await uploads.addChunk(vodId, { index, startSeconds, durationSeconds })
  const job: ChunkJob = { vodId, index, plan }
  await jobs.send(CHUNK_JOB, job, { singletonKey: `${vodId} ${index}`, retryLimit: CHUNK_RETRIES })
  await vods.setProgress(vodId, (PREPARED_SHARE * (index + 1)) / piecesOf(plan))
}
