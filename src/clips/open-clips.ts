/** Opens the rules of clips, and the job that makes them. */
import type { ChannelsService } from '../channels/service.ts'
import type { Db } from '../db/database.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from '../vod/manifest.ts'
import type { VodService } from '../vod/service.ts'
import { ClipMaker } from './clip-maker.ts'
import { ClipsRepository } from './repository.ts'
import { type Admission, ClipsService, type TitleRules } from './service.ts'

interface ClipJob {
  readonly vodId: string
}

const JOB = 'clip.make'
/** One alone keeps a processor busy when its ends are encoded. */
const CONCURRENCY = 1
const TIMEOUT_SECONDS = 900
/** A minute or two: who waits for a clip is told soon that there is none. */
const RETRY_LIMIT = 5
const MAX_RESUMED = 1_000

export function openClips(options: {
  readonly db: Db
  readonly vods: VodService
  readonly manifest: Manifest
  readonly channels: ChannelsService
  readonly admission: Admission
  readonly titles: TitleRules
  readonly jobs: Pick<JobQueue, 'send'>
}): ClipsService {
  const { db, jobs, ...rest } = options
  return new ClipsService({ ...rest, clips: new ClipsRepository(db), start: id => send(jobs, id) })
}

/** Makes clips from now on, where this process does jobs; those first whose job got lost with the process that sent it. */
export async function makeClips(options: {
  readonly db: Db
  readonly vods: VodService
  readonly manifest: Manifest
  readonly store: ObjectStore
  readonly jobs: JobQueue
  readonly log: Log
}): Promise<void> {
  const { db, vods, manifest, store, jobs, log } = options
  const maker = new ClipMaker({ vods, manifest, store, log })
  const onGivenUp = ({ vodId }: ClipJob) => vods.fail(vodId, 'It could not be made. Try again later.')
  await jobs.work<ClipJob>(
    JOB,
    { concurrency: CONCURRENCY, timeoutSeconds: TIMEOUT_SECONDS, onGivenUp },
    ({ vodId }, signal) => maker.make(vodId, signal),
  )
  for (const id of await new ClipsRepository(db).listUnfinished(MAX_RESUMED)) await send(jobs, id)
}

/** At most once at a time for each clip. */
async function send(jobs: Pick<JobQueue, 'send'>, vodId: string): Promise<void> {
  const job: ClipJob = { vodId }
  await jobs.send(JOB, job, { singletonKey: vodId, retryLimit: RETRY_LIMIT })
}
