/**
 * What every process of Sluice stands on, whether it serves people or only does jobs: the database and its rules, the
 * bus, the place where media lies, and what is recorded.
 */
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { AccountsRepository } from './accounts/repository.ts'
import { deriveKey, loadSecret } from './accounts/secret.ts'
import { AccountsService } from './accounts/service.ts'
import { Sessions } from './accounts/sessions.ts'
import { Certificate } from './certificate.ts'
import { ChannelsRepository } from './channels/repository.ts'
import { ChannelsService } from './channels/service.ts'
import type { Config } from './config.ts'
import { Database, type Db } from './db/database.ts'
import { openJobs } from './jobs/open-jobs.ts'
import type { JobQueue } from './jobs/queue.ts'
import type { Log } from './log.ts'
import { Recorder } from './recording/recorder.ts'
import { removeObjects } from './recording/removal.ts'
import type { Bus } from './redis/bus.ts'
import { LocalBus } from './redis/local-bus.ts'
import { RedisBus } from './redis/redis-bus.ts'
import type { ObjectStore } from './storage/object-store.ts'
import { openStore } from './storage/open-store.ts'
import { Heartbeat, loadInstanceId } from './streams/heartbeat.ts'
import { StreamsRepository } from './streams/repository.ts'
import { StreamsService } from './streams/service.ts'
import { ChunkWorker } from './uploads/chunk-worker.ts'
import { UploadsRepository } from './uploads/repository.ts'
import { openVods } from './vod/open-vods.ts'

/** What does not depend on who watches: what is kept, and who may change it. */
export async function openGround(config: Config, log: Log, opened: AsyncDisposableStack) {
  const { dataDir, s3 } = config
  // The embedded database's own files are open to all, so its folder is not.
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const certificate = config.tls && opened.use(await Certificate.open({ ...config.tls, log }))
  const secret = await loadSecret(config)
  const database = opened.use(await Database.open({ url: config.databaseUrl, dataDir }))
  const bus = opened.adopt(await openBus(config, log), owned => owned.close())
  const instanceId = await loadInstanceId(dataDir)
  const store = opened.use(await openStore({ s3, directory: join(dataDir, 'media'), log }))
  const jobs = opened.use(await openJobs({ database, roles: config.roles, log }))
  const services = openServices(config, database.db, { secret, instanceId, jobs })
  const heartbeat = opened.use(await startHeartbeat(database, instanceId, services.streams, log))
  const spoolFolder = join(dataDir, 'spool')
  const recorder = opened.use(await Recorder.open({ ...services, store, spoolFolder, instanceId, log }))
  await startWork({ db: database.db, jobs, store, services, instanceId, log })
  return { certificate, secret, database, bus, store, jobs, instanceId, services, heartbeat, recorder }
}

interface VodJob {
  readonly vodId: string
}

/** What is done later: here, where this process does jobs. */
async function startWork(parts: {
  readonly db: Db
  readonly jobs: JobQueue
  readonly store: ObjectStore
  readonly services: Services
  readonly instanceId: string
  readonly log: Log
}): Promise<void> {
  const { db, jobs, store, services } = parts
  await jobs.work<VodJob>('vod.remove', { concurrency: 1, timeoutSeconds: 3_600 }, async ({ vodId }) => {
    await removeObjects(store, vodId)
    await services.vods.forget(vodId)
  })
  const chunks = new ChunkWorker({ ...parts, ...services, uploads: new UploadsRepository(db) })
  // Each takes about two cores.
  await chunks.work(jobs, Math.max(1, Math.floor(availableParallelism() / 2)))
}

export type Ground = Awaited<ReturnType<typeof openGround>>

async function openBus({ redisUrl: url }: Config, log: Log): Promise<Bus> {
  return url === undefined ? new LocalBus({ log }) : RedisBus.open({ url, log })
}

/** What this instance's predecessor left open has ended when it is answered. */
async function startHeartbeat(
  { db, kind }: Database,
  id: string,
  streams: StreamsService,
  log: Log,
): Promise<Heartbeat> {
  const isAlone = kind === 'pglite'
  const heartbeat = await Heartbeat.open({ db, id, isAlone, log })
  await streams.endOrphans()
  if (isAlone) await streams.endAbandoned()
  return heartbeat
}

/** The rules of everything that is kept. */
export type Services = ReturnType<typeof openServices>

function openServices(
  config: Config,
  db: Db,
  { secret, instanceId, jobs }: { secret: string; instanceId: string; jobs: JobQueue },
) {
  const accounts = new AccountsService({
    accounts: new AccountsRepository(db),
    sessions: new Sessions(db),
    accessTokenKey: deriveKey(secret, 'access-token'),
  })
  const channels = new ChannelsService({
    channels: new ChannelsRepository(db),
    streamKeyKey: deriveKey(secret, 'stream-key'),
    ingest: config.ingest,
    vodRetentionDays: config.vod.retentionDays,
  })
  const streams = new StreamsService({ streams: new StreamsRepository(db, instanceId) })
  const { vods, manifest, views } = openVods({
    db,
    jobs: {
      remove: async vodId => {
        await jobs.send<VodJob>('vod.remove', { vodId }, { singletonKey: vodId })
      },
      finishPictures: async () => {},
    },
  })
  return { accounts, channels, streams, vods, manifest, views }
}
