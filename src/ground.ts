/**
 * What every process of Sluice stands on, whether it serves people or only does jobs: the database and its rules, the
 * bus, the place where media lies, and the jobs.
 */
import { mkdir } from 'node:fs/promises'
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
import type { Bus } from './redis/bus.ts'
import { LocalBus } from './redis/local-bus.ts'
import { RedisBus } from './redis/redis-bus.ts'
import { openStore } from './storage/open-store.ts'
import { Heartbeat, loadInstanceId } from './streams/heartbeat.ts'
import { StreamsRepository } from './streams/repository.ts'
import { StreamsService } from './streams/service.ts'
import { openVods } from './vod/open-vods.ts'

export type Ground = Awaited<ReturnType<typeof openGround>>

/** What does not depend on who watches: what is kept, and who may change it. */
export async function openGround(config: Config, log: Log, opened: AsyncDisposableStack) {
  const { dataDir, s3, roles } = config
  // The embedded database's own files are open to all, so its folder is not.
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const secret = await loadSecret(config)
  const database = opened.use(await Database.open({ url: config.databaseUrl, dataDir }))
  const bus = opened.adopt(await openBus(config, log), owned => owned.close())
  const instanceId = await loadInstanceId(dataDir)
  const store = opened.use(await openStore({ s3, directory: join(dataDir, 'media'), log }))
  const jobs = opened.use(await openJobs({ database, roles, log }))
  const services = openServices(config, database.db, { secret, instanceId, jobs })
  return { secret, database, bus, instanceId, store, jobs, services }
}

/** What only a process has that takes streams, since it answers for them and for what it records. */
export async function openInstance(ground: Ground, config: Config, log: Log, opened: AsyncDisposableStack) {
  const { database, instanceId, store, services } = ground
  const certificate = config.tls && opened.use(await Certificate.open({ ...config.tls, log }))
  const heartbeat = opened.use(await startHeartbeat(database, instanceId, services.streams, log))
  const spoolFolder = join(config.dataDir, 'spool')
  const recorder = opened.use(await Recorder.open({ ...services, store, spoolFolder, instanceId, log }))
  return { certificate, heartbeat, recorder }
}

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
  return { accounts, channels, streams, ...openVods({ db, jobs }) }
}
