/** The composition root: opens everything in order, and closes it in reverse. The only file that sees all. */
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { AnyElysia } from 'elysia'
import { AccountsRepository } from './accounts/repository.ts'
import { deriveKey, loadSecret } from './accounts/secret.ts'
import { AccountsService } from './accounts/service.ts'
import { Sessions } from './accounts/sessions.ts'
import { RateLimiter } from './api/rate-limiter.ts'
import { HttpServer } from './api/server.ts'
import { Certificate } from './certificate.ts'
import { ChannelsRepository } from './channels/repository.ts'
import { ChannelsService } from './channels/service.ts'
import type { Config } from './config.ts'
import { Database, type Db } from './db/database.ts'
import { Flv } from './flv/flv.ts'
import { Hls } from './hls/hls.ts'
import { RtmpServer } from './ingest/rtmp-server.ts'
import { Ladders } from './live/ladders.ts'
import { Live } from './live/live.ts'
import type { Log } from './log.ts'
import { Thumbnailer } from './recording/thumbnailer.ts'
import { StreamsRepository } from './streams/repository.ts'
import { StreamsService } from './streams/service.ts'
import { openPages } from './web/pages.ts'
import { announcedAddresses } from './webrtc/announced.ts'
import { Webrtc } from './webrtc/webrtc.ts'
import { whepRoutes } from './webrtc/whep.ts'
import { whipRoutes } from './webrtc/whip.ts'
import { WorkerPool } from './webrtc/worker-pool.ts'

/** New WebRTC sessions of one address: enough for a household or an office behind one. */
const WEBRTC_LIMIT = { burst: 100, perMinute: 300 }

/** The running product. */
export interface App {
  readonly config: Config
  readonly httpPort: number
  /** Undefined without a certificate. */
  readonly httpsPort: number | undefined
  readonly rtmpPort: number
  readonly rtmpsPort: number | undefined
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
  const certificate = config.tls && opened.use(await Certificate.open({ ...config.tls, log }))
  const secret = await loadSecret(config)
  const database = opened.use(await Database.open({ url: config.databaseUrl, dataDir: config.dataDir }))
  const services = openServices(config, database.db, secret)
  await services.streams.endOrphans()

  const workers = opened.use(await WorkerPool.open({ ...config.webrtc, count: config.webrtc.workers, log }))
  const media = openMedia(config, workers, log)
  opened.defer(() => media.close())
  const live = createLive(config, services, media, log)
  const pages = await openPages({ findChannel: slug => services.channels.findBySlug(slug) })
  const http: HttpServer = await HttpServer.open({
    config,
    certificate,
    ...services,
    live,
    ladders: media.ladders,
    plugins: [...mediaRoutes(config, { media, live, workers, log, http: () => http }), pages.plugin],
    checks: { database: () => database.ping() },
    log,
  })
  opened.use(http)
  // Streams end while everything that serves and stores them is still open.
  opened.use(live)
  const rtmp = opened.use(await openRtmp(config, certificate, { live, playback: media.flv, log }))

  const owned = opened.move()
  return {
    config,
    httpPort: http.port,
    httpsPort: http.httpsPort,
    rtmpPort: rtmp.port,
    rtmpsPort: rtmp.tlsPort,
    live,
    workers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function openRtmp(
  config: Config,
  certificate: Certificate | undefined,
  parts: { live: Live; playback: Flv; log: Log },
): Promise<RtmpServer> {
  const secure = { tls: certificate?.pair, tlsPort: config.tls?.rtmpsPort }
  const rtmp = await RtmpServer.open({ ...config.rtmp, ...secure, ...parts })
  certificate?.onRenewed(pair => rtmp.renewCertificate(pair))
  return rtmp
}

/** What takes the streams' media. */
type Media = ReturnType<typeof openMedia>

function openMedia(config: Config, workers: WorkerPool, log: Log) {
  const ladders = new Ladders({ ladder: config.ladder, cores: availableParallelism(), log })
  const webrtc = new Webrtc({ pool: workers, renditions: ladders.names, log })
  const hls = new Hls({ log })
  const flv = new Flv({ log })
  const thumbnailer = new Thumbnailer({ log })
  const close = async () => {
    await Promise.all([hls.close(), flv.close()])
  }
  return { ladders, webrtc, hls, flv, thumbnailer, close }
}

function createLive(
  config: Config,
  services: ReturnType<typeof openServices>,
  { ladders, webrtc, hls, flv, thumbnailer }: Media,
  log: Log,
): Live {
  return new Live({
    authorize: streamKey => services.channels.authorizeStreamKey(streamKey),
    streams: services.streams,
    outputs: [webrtc.openOutput, hls.openOutput, flv.openOutput, thumbnailer.openOutput],
    openLadder: broadcast => ladders.open(broadcast),
    ...config.live,
    log,
  })
}

function mediaRoutes(
  config: Config,
  parts: { media: Media; live: Live; workers: WorkerPool; log: Log; http: () => HttpServer },
): AnyElysia[] {
  const { media, live, workers, log, http } = parts
  const limiter = new RateLimiter(WEBRTC_LIMIT)
  const ways = {
    announced: (request: Request) =>
      announcedAddresses(http().facts(request).origin.hostname, config.webrtc.announcedAddress),
    limit: (request: Request) => limiter.take(http().clientKey(request)),
  }
  return [
    media.hls.routes(),
    media.flv.routes(),
    whepRoutes({ webrtc: media.webrtc, ...ways }),
    whipRoutes({ live, pool: workers, log, ...ways }),
    media.thumbnailer.routes(),
  ]
}

function openServices(config: Config, db: Db, secret: string) {
  const accounts = new AccountsService({
    accounts: new AccountsRepository(db),
    sessions: new Sessions(db),
    accessTokenKey: deriveKey(secret, 'access-token'),
  })
  const channels = new ChannelsService({
    channels: new ChannelsRepository(db),
    streamKeyKey: deriveKey(secret, 'stream-key'),
    ingest: config.ingest,
  })
  const streams = new StreamsService({ streams: new StreamsRepository(db) })
  return { accounts, channels, streams }
}
