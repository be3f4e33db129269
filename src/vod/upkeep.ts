/** The jobs that take VODs away: one that was deleted, and every hour those that are kept for no longer. */
import type { JobQueue } from '../jobs/queue.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { type OfVod, PICTURES, PICTURES_RETRIES, REMOVAL, RETENTION } from './job-names.ts'
import { vodPrefix } from './object-keys.ts'
import type { VodService } from './service.ts'
import type { UpkeepRepository } from './upkeep-repository.ts'
import type { Views } from './views.ts'

export interface UpkeepOptions {
  readonly vods: Pick<VodService, 'remove' | 'forget' | 'listByStatus'>
  readonly repository: UpkeepRepository
  readonly views: Pick<Views, 'forgetOld'>
  readonly store: Pick<ObjectStore, 'list' | 'delete'>
  /** No channel keeps VODs of streams for longer; undefined: for ever. */
  readonly retentionDays: number | undefined
  readonly jobs: Pick<JobQueue, 'send' | 'work' | 'schedule'>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

const EVERY_HOUR = '7 * * * *'
/** There may be a hundred thousand objects in a slow bucket. */
const WORK = { concurrency: 1, timeoutSeconds: 3_600 }
const DELETED_AT_ONCE = 500
const EXPIRED_AT_ONCE = 100
const PICTURES_AT_ONCE = 100

export class Upkeep {
  readonly #options: UpkeepOptions

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** Does its jobs from now on, where this process does jobs. */
  async work(): Promise<void> {
    const { jobs } = this.#options
    await jobs.work<OfVod>(REMOVAL, WORK, ({ vodId }, signal) => this.remove(vodId, signal))
    await jobs.work(RETENTION, WORK, (_, signal) => this.sweep(signal))
    await jobs.schedule(RETENTION, EVERY_HOUR)
  }

  /** Its objects, then its row; again, it goes on where it stopped. */
  async remove(vodId: string, signal: AbortSignal): Promise<void> {
    const { vods, store } = this.#options
    for (const prefix of [vodPrefix(vodId), `uploads/${vodId}/`]) await removeObjects(store, prefix, signal)
    await vods.forget(vodId)
  }

  /** Deletes what is kept for no longer; sends again what was lost with the process that should have sent it. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { vods, repository, views, retentionDays, jobs, now = Date.now } = this.#options
    for (;;) {
      signal.throwIfAborted()
      const expired = await repository.listExpired(new Date(now()), retentionDays, EXPIRED_AT_ONCE)
      for (const id of expired) await vods.remove(id)
      if (expired.length < EXPIRED_AT_ONCE) break
    }
    for (const { id: vodId } of await vods.listByStatus('deleted'))
      await jobs.send(REMOVAL, { vodId }, { singletonKey: vodId })
    for (const vodId of await repository.listWithoutPictures(new Date(now()), PICTURES_AT_ONCE))
      await jobs.send(PICTURES, { vodId }, { singletonKey: vodId, retryLimit: PICTURES_RETRIES })
    await views.forgetOld()
  }
}

async function removeObjects(
  store: UpkeepOptions['store'],
  prefix: string,
  signal: AbortSignal,
): Promise<void> {
  let keys: string[] = []
  for await (const { key } of store.list(prefix)) {
    signal.throwIfAborted()
    keys.push(key)
    if (keys.length < DELETED_AT_ONCE) continue
    await store.delete(keys)
    keys = []
  }
  await store.delete(keys)
}
