/** Opens the rules of VODs on a database. */
import type { Db } from '../db/database.ts'
import { Manifest } from './manifest.ts'
import { VodsRepository } from './repository.ts'
import { type VodJobs, VodService } from './service.ts'
import { Views } from './views.ts'

export interface OpenedVods {
  readonly vods: VodService
  readonly manifest: Manifest
  readonly views: Views
}

export function openVods(options: { readonly db: Db; readonly jobs: VodJobs }): OpenedVods {
  const { db, jobs } = options
  const manifest = new Manifest(db)
  return {
    manifest,
    views: new Views(db),
    vods: new VodService({ vods: new VodsRepository(db), manifest, jobs }),
  }
}
