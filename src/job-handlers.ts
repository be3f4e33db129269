/** What is done by processes with the role `jobs`, by the name of the job: the other end of every `send`. */
import { availableParallelism } from 'node:os'
import type { Ground } from './ground.ts'
import type { Log } from './log.ts'
import { removeObjects } from './recording/removal.ts'
import { ChunkWorker } from './uploads/chunk-worker.ts'
import { UploadsRepository } from './uploads/repository.ts'

/** They stop before anything else does when `opened` is disposed. */
export async function runJobs(ground: Ground, log: Log, opened: AsyncDisposableStack): Promise<void> {
  const { database, jobs, store, services, instanceId } = ground
  opened.defer(() => jobs.drain())
  const removal = { concurrency: 1, timeoutSeconds: 3_600 }
  await jobs.work<{ vodId: string }>('vod.remove', removal, async ({ vodId }) => {
    await removeObjects(store, vodId)
    await services.vods.forget(vodId)
  })
  const uploads = new UploadsRepository(database.db)
  const chunks = new ChunkWorker({ ...services, uploads, store, instanceId, log })
  // Each takes about two cores.
  await chunks.work(jobs, Math.max(1, Math.floor(availableParallelism() / 2)))
}
