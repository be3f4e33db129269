/** Opens all that receives files: the rules, and the server of the tus protocol. */
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import type { JobQueue } from '../jobs/queue.ts'

import type { ObjectStore } from '../storage/object-store.ts'
import { UploadsRepository } from '../uploads/repository.ts'
import { UploadsService } from '../uploads/service.ts'
import type { VodService } from '../vod/service.ts'
import { UploadServer, type UploadServerOptions } from './upload-server.ts'

export interface OpenUploadsOptions extends Pick<UploadServerOptions, 'identify' | 'log'> {
  readonly config: Pick<Config, 'dataDir' | 'vod'>
  readonly database: Pick<Database, 'db'>
  readonly services: { readonly vods: VodService }
  readonly store: ObjectStore
  readonly jobs: JobQueue
}

export interface OpenedUploads extends AsyncDisposable {
  readonly service: UploadsService
  routes(): ReturnType<UploadServer['routes']>
}

export async function openUploads(options: OpenUploadsOptions): Promise<OpenedUploads> {
  const { config, database, services, store, jobs, identify, log } = options
  const { vods } = services
  const uploads = new UploadsRepository(database.db)
  const service: UploadsService = new UploadsService({
    ...{ vods, uploads, maxBytes: config.vod.maxUploadBytes },
    expect: (vodId, sizeBytes) => server.expect(vodId, sizeBytes),
  })
  const server = await UploadServer.open({
    folder: join(config.dataDir, 'uploads'),
    uploads: service,
    preparation: { vods, uploads, store, jobs, log },
    ...{ identify, log },
  })
  return { service, routes: () => server.routes(), [Symbol.asyncDispose]: () => server.close() }
}
