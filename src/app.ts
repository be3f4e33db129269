/** The composition root: opens everything in order, and closes it in reverse. The only file that sees all. */
import { mkdir } from 'node:fs/promises'
import { AccountsRepository } from './accounts/repository.ts'
import { deriveKey, loadSecret } from './accounts/secret.ts'
import { AccountsService } from './accounts/service.ts'
import { Sessions } from './accounts/sessions.ts'
import { RateLimiter } from './api/rate-limiter.ts'
import { HttpServer } from './api/server.ts'
import { ChannelsRepository } from './channels/repository.ts'
import { ChannelsService } from './channels/service.ts'
import type { Config } from './config.ts'
import { Database, type Db } from './db/database.ts'
import { Hls } from './hls/hls.ts'
import { RtmpServer } from './ingest/rtmp-server.ts'
import { Live } from './live/live.ts'
import type { OpenOutput } from './live/output.ts'
import type { Log } from './log.ts'
import { Thumbnailer } from './recording/thumbnailer.ts'
import { StreamsRepository } from './streams/repository.ts'
import { StreamsService } from './streams/service.ts'
import { openPages } from './web/pages.ts'
import { announcedAddresses } from './webrtc/announced.ts'
import { Webrtc } from './webrtc/webrtc.ts'
import { whepRoutes } from './webrtc/whep.ts'
import { WorkerPool } from './webrtc/worker-pool.ts'

/** New WebRTC sessions of one address: enough for a household or an office behind one. */
const WHEP_LIMIT = { burst: 100, perMinute: 300 }

/** The running product. */
export interface App {
  readonly config: Config
  readonly httpPort: number
  readonly rtmpPort: number
  readonly live: Live
  readonly workers: WorkerPool
  /** Ends every stream, then closes everything. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens everything. When a part fails, those before it are closed and its error is thrown. */
export async function createApp(config: Config, log: Log): Promise<App> {
  await using opened = new AsyncDisposableStack()
  // The embedded database's own files are open to all, so its folder is not.
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const secret = await loadSecret(config)
  const database = opened.use(await Database.open({ url: config.databaseUrl, dataDir: config.dataDir }))
  const services = openServices(database.db, secret)
  await services.streams.endOrphans()

  const workers = opened.use(await WorkerPool.open({ ...config.webrtc, count: config.webrtc.workers, log }))
  const webrtc = new Webrtc({ pool: workers, log })
  const hls = new Hls({ log })
  opened.defer(() => hls.close())
  const thumbnailer = new Thumbnailer({ log })
  const outputs = [webrtc.openOutput, hls.openOutput, thumbnailer.openOutput]
  const live = createLive(config, services, outputs, log)
  const whepLimiter = new RateLimiter(WHEP_LIMIT)
  const pages = await openPages({ findChannel: slug => services.channels.findBySlug(slug) })
  const http: HttpServer = await HttpServer.open({
    config,
    ...services,
    live,
    plugins: [
      hls.routes(),
      whepRoutes({
        webrtc,
        announced: request =>
          announcedAddresses(http.facts(request).origin.hostname, config.webrtc.announcedAddress),
        limit: request => whepLimiter.take(http.clientKey(request)),
      }),
      thumbnailer.routes(),
      pages.plugin,
    ],
    checks: { database: () => database.ping() },
    log,
  })
  opened.use(http)
  // Streams end while everything that serves and stores them is still open.
  opened.use(live)
  const rtmp = opened.use(await RtmpServer.open({ ...config.rtmp, live, log }))

  const owned = opened.move()
  return {
    config,
    httpPort: http.port,
    rtmpPort: rtmp.port,
    live,
    workers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function createLive(
  config: Config,
  services: ReturnType<typeof openServices>,
  outputs: readonly OpenOutput[],
  log: Log,
): Live {
  return new Live({
    authorize: streamKey => services.channels.authorizeStreamKey(streamKey),
    streams: services.streams,
    outputs,
    ...config.live,
    log,
  })
}

function openServices(db: Db, secret: string) {
  const accounts = new AccountsService({
    accounts: new AccountsRepository(db),
    sessions: new Sessions(db),
    accessTokenKey: deriveKey(secret, 'access-token'),
  })
  const channels = new ChannelsService({
    channels: new ChannelsRepository(db),
    streamKeyKey: deriveKey(secret, 'stream-key'),
  })
  const streams = new StreamsService({ streams: new StreamsRepository(db) })
  return { accounts, channels, streams }
}
