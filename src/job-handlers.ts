/** What is done by processes with the role `jobs`, by the name of the job: the other end of every `send`. */
import { availableParallelism } from 'node:os'
import { makeClips } from './clips/open-clips.ts'
import type { Config } from './config.ts'
import type { Ground } from './ground.ts'
import type { Log } from './log.ts'
import { finishPictures } from './pictures/finish-pictures.ts'
import { ChunkWorker } from './uploads/chunk-worker.ts'
import { UploadsRepository } from './uploads/repository.ts'
import { VodsRepository } from './vod/repository.ts'
import { Upkeep } from './vod/upkeep.ts'

interface OfVod {
  readonly vodId: string
}

const HOURLY = '17 * * * *'
const REMOVAL = { concurrency: 1, timeoutSeconds: 3_600 }
const PICTURES = { concurrency: 1, timeoutSeconds: 1_800 }
const SWEEP = { concurrency: 1, timeoutSeconds: 1_800 }

/** They stop before anything else does when `opened` is disposed. */
export async function runJobs(
  ground: Ground,
  config: Pick<Config, 'vod'>,
  log: Log,
  opened: AsyncDisposableStack,
): Promise<void> {
  const { database, jobs, store, services, instanceId } = ground
  const { vods, views, manifest } = services
  opened.defer(() => jobs.drain())
  const upkeep = new Upkeep({
    ...{ vods, views, store, repository: new VodsRepository(database.db) },
    retentionDays: config.vod.retentionDays,
    sendRemoval: async vodId => {
      await jobs.send<OfVod>('vod.remove', { vodId }, { singletonKey: vodId })
    },
  })
  await jobs.work<OfVod>('vod.remove', REMOVAL, ({ vodId }, signal) => upkeep.remove(vodId, signal))
  await jobs.work('vod.retention', SWEEP, (_, signal) => upkeep.sweep(signal))
  await jobs.schedule('vod.retention', HOURLY)
  await jobs.work<OfVod>('vod.finish-pictures', PICTURES, ({ vodId }, signal) =>
    finishPictures({ vods, manifest, store }, vodId, signal),
  )
  await makeClips({ db: database.db, vods, manifest, store, jobs, log })
  const uploads = new UploadsRepository(database.db)
  const chunks = new ChunkWorker({ ...services, uploads, store, instanceId, log })
  // Each takes about two cores.
  await chunks.work(jobs, Math.max(1, Math.floor(availableParallelism() / 2)))
}
