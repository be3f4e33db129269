/** Opens the rules of VODs on a database; what takes long about them is sent to whoever does jobs. */
import type { Db } from '../db/database.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { PICTURES, PICTURES_RETRIES, REMOVAL } from './job-names.ts'
import { Manifest } from './manifest.ts'
import { VodsRepository } from './repository.ts'
import { VodService } from './service.ts'
import { Views } from './views.ts'

export interface OpenedVods {
  readonly vods: VodService
  readonly manifest: Manifest
  readonly views: Views
}

export function openVods({
  db,
  jobs,
}: {
  readonly db: Db
  readonly jobs: Pick<JobQueue, 'send'>
}): OpenedVods {
  const manifest = new Manifest(db)
  const vods = new VodService({
    vods: new VodsRepository(db),
    manifest,
    jobs: {
      remove: async vodId => {
        await jobs.send(REMOVAL, { vodId }, { singletonKey: vodId })
      },
      finishPictures: async vodId => {
        await jobs.send(PICTURES, { vodId }, { singletonKey: vodId, retryLimit: PICTURES_RETRIES })
      },
    },
  })
  return { manifest, vods, views: new Views(db) }
}
