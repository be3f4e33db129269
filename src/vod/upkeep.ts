/** The jobs that take VODs away: one that was deleted, and every hour those that are kept for no longer. */
import type { ObjectStore } from '../storage/object-store.ts'
import { vodPrefix } from './object-keys.ts'
import type { VodsRepository } from './repository.ts'
import type { VodService } from './service.ts'
import type { Views } from './views.ts'

export interface UpkeepOptions {
  readonly vods: Pick<VodService, 'remove' | 'forget' | 'listByStatus'>
  readonly repository: Pick<VodsRepository, 'listExpired'>
  readonly views: Pick<Views, 'forgetOld'>
  readonly store: Pick<ObjectStore, 'list' | 'delete'>
  /** No channel keeps VODs of streams for longer; undefined: for ever. */
  readonly retentionDays: number | undefined
  /** Has a job remove what is `deleted`. */
  readonly sendRemoval: (vodId: string) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

const DELETED_AT_ONCE = 500
const EXPIRED_AT_ONCE = 100

export class Upkeep {
  readonly #options: UpkeepOptions

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** Its objects, then its row; again, it goes on where it stopped. */
  async remove(vodId: string, signal: AbortSignal): Promise<void> {
    const { vods, store } = this.#options
    for (const prefix of [vodPrefix(vodId), `uploads/${vodId}/`]) await removeObjects(store, prefix, signal)
    await vods.forget(vodId)
  }

  /** Deletes what is kept for no longer, and whatever should be gone and is not. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { vods, repository, views, retentionDays, sendRemoval, now = Date.now } = this.#options
    for (;;) {
      signal.throwIfAborted()
      const expired = await repository.listExpired(new Date(now()), retentionDays, EXPIRED_AT_ONCE)
      for (const id of expired) await vods.remove(id)
      if (expired.length < EXPIRED_AT_ONCE) break
    }
    for (const { id } of await vods.listByStatus('deleted')) await sendRemoval(id)
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
