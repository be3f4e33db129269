/** The job that makes the pictures of a VOD that has become ready: sheets for seeking, moments for its thumbnail. */
import type { JobQueue } from '../jobs/queue.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { type OfVod, PICTURES } from '../vod/job-names.ts'
import { storyboardKey } from '../vod/object-keys.ts'
import type { VodService } from '../vod/service.ts'
import { makeStoryboard, type StoryboardOptions } from './storyboard.ts'

export interface FinishPicturesOptions extends StoryboardOptions {
  readonly vods: Pick<VodService, 'find' | 'describe'>
  readonly store: Pick<ObjectStore, 'get' | 'put'>
}

/** Two would fight for the cores that encoders of live streams need. */
const WORK = { concurrency: 1, timeoutSeconds: 3_600 }

/** Does the job `vod.finish-pictures` from now on, where this process does jobs. */
export async function workPictures(
  jobs: Pick<JobQueue, 'work'>,
  options: FinishPicturesOptions,
): Promise<void> {
  await jobs.work<OfVod>(PICTURES, WORK, ({ vodId }, signal) => finishPictures(options, vodId, signal))
}

/** Again, it makes the same. Throws what went wrong, so that it is tried later. */
export async function finishPictures(
  options: FinishPicturesOptions,
  vodId: string,
  signal: AbortSignal,
): Promise<void> {
  const { vods, store } = options
  const vod = await vods.find(vodId)
  if (vod?.status !== 'ready') return
  const keepSheet = (sheet: number, jpeg: Uint8Array) =>
    store.put(storyboardKey(vodId, sheet), jpeg, { contentType: 'image/jpeg' })
  const made = await makeStoryboard(options, vodId, keepSheet, signal)
  if (!made) return
  const { storyboard, candidatesMs } = made
  await vods.describe(vodId, { storyboard, thumbnailCandidatesMs: [...candidatesMs] })
}
