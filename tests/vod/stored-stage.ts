/** A database and stores on which VODs are made, and things happen to them. */
import { join } from 'node:path'
import { type Storyboard, vods as vodTable } from '../../src/db/vod-schema.ts'
import { createLog } from '../../src/log.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { segmentKey } from '../../src/vod/object-keys.ts'
import { type RepairOptions, repair } from '../../src/vod/repair.ts'
import { StoredVods } from '../../src/vod/stored-vods.ts'
import { Verification, type Verified } from '../../src/vod/verification.ts'
import { openTestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { openTestS3 } from '../support/s3.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods, segmentRow } from '../support/vods.ts'

/** Two sheets. */
export const STORYBOARD: Storyboard = {
  ...{ intervalMs: 1_000, pictures: 30, width: 160, height: 90, columns: 5, rows: 5 },
}

export type StoredStage = Awaited<ReturnType<typeof openStoredStage>>

export async function openStoredStage() {
  const opened = new AsyncDisposableStack()
  const folder = opened.use(await tempFolder())
  const s3 = opened.use(await openTestS3())
  const { database } = opened.use(await openTestDatabase('postgres'))
  const services = createServices(database)
  const { vods, manifest } = createVods(database)
  const channel = await createChannel(services, (await createAccount(services)).id)
  const stored = new StoredVods(database.db)
  const log = createLog('silent')
  return {
    ...{ db: database.db, vods, manifest, stored },
    /** Empty, and so is the database. */
    async openStore(kind: 'directory' | 's3'): Promise<ObjectStore> {
      const directory = join(folder.path, crypto.randomUUID())
      const store = await openStore({ s3: kind === 's3' ? s3.config : undefined, directory, log })
      await store.delete((await Array.fromAsync(store.list(''))).map(({ key }) => key))
      await database.db.delete(vodTable)
      return store
    },
    async createVod(): Promise<string> {
      const vod = { channelId: channel.id, kind: 'upload', title: 't', visibility: 'public' } as const
      return (await vods.create(vod)).id
    },
    look: (store: Pick<ObjectStore, 'list' | 'find' | 'get'>, withChecksums = false) =>
      Verification.run({ store, manifest, vods: stored, withChecksums }),
    repair: (found: Verified, store: ObjectStore, changes: Partial<RepairOptions> = {}) =>
      repair(found, {
        ...{ store, manifest, vods: stored, makePictures: async () => {}, isForced: false, settleMs: 0 },
        ...changes,
      }),
    /** Its object of 50 bytes and one for each sequence, and its row. */
    async storeSegment(store: ObjectStore, vodId: string, rendition: string, sequence: number) {
      const content = crypto.getRandomValues(new Uint8Array(50 + sequence))
      const key = segmentKey({ vodId, rendition, sequence })
      await store.put(key, content)
      const facts = { rendition, sizeBytes: content.byteLength, checksum: sha256(content) }
      await manifest.addSegments([segmentRow(vodId, sequence, facts)])
      return { key, content }
    },
    async addGap(vodId: string, rendition: string, sequence: number): Promise<void> {
      const empty = { isGap: true, isIndependent: false, sizeBytes: 0, checksum: '', frameCount: 0 }
      await manifest.addSegments([
        segmentRow(vodId, sequence, { ...empty, rendition, samples: new Uint8Array() }),
      ])
    },
    /** The VOD knows its duration and size. */
    async correct(vodId: string): Promise<void> {
      const { durationMs, sizeBytes } = await manifest.totals(vodId)
      await stored.correct(vodId, { durationMs, sizeBytes })
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export function sha256(content: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(content).digest('hex')
}
