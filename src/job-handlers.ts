/** What is done by processes with the role `jobs`, by the name of the job: the other end of every `send`. */
import { availableParallelism } from 'node:os'
import { makeClips } from './clips/open-clips.ts'
import type { Config } from './config.ts'
import type { Ground } from './ground.ts'
import type { Log } from './log.ts'
import { workPictures } from './pictures/finish-pictures.ts'
import { ChunkWorker } from './uploads/chunk-worker.ts'
import { UploadsRepository } from './uploads/repository.ts'
import { Upkeep } from './vod/upkeep.ts'
import { UpkeepRepository } from './vod/upkeep-repository.ts'

/** They stop before anything else does when `opened` is disposed. */
export async function runJobs(
  ground: Ground,
  config: Pick<Config, 'vod' | 'roles'>,
  log: Log,
  opened: AsyncDisposableStack,
): Promise<void> {
  const { database, jobs, store, services, instanceId } = ground
  const { db } = database
  opened.defer(() => jobs.drain())
  const { retentionDays } = config.vod
  const repository = new UpkeepRepository(db)
  await new Upkeep({ ...services, repository, retentionDays, store, jobs }).work()
  await workPictures(jobs, { ...services, store })
  await makeClips({ ...services, db, store, jobs, log })
  const uploads = new UploadsRepository(db)
  const chunks = new ChunkWorker({ ...services, uploads, store, instanceId, log })
  // Beside live streams, half the cores are theirs.
  const share = config.roles.includes('serve') ? 0.5 : 1
  await chunks.work(jobs, Math.max(1, Math.floor(share * availableParallelism())))
}
