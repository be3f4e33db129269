/** The composition root: opens everything in order, and closes it in reverse. The only file that sees all. */
import { deriveKey } from './accounts/secret.ts'
import { limitKey, type RequestFacts } from './api/request-facts.ts'
import { HttpServer } from './api/server.ts'
import type { Certificate } from './certificate.ts'
import { type OpenChatOptions, type OpenedChat, openChat } from './chat/open-chat.ts'
import { ChatSockets } from './chat-socket/chat-sockets.ts'
import { chatRoutes } from './chat-socket/routes.ts'
import { openClips } from './clips/open-clips.ts'
import { openComments } from './comments/open-comments.ts'
import type { Config } from './config.ts'
import { AppError } from './errors.ts'
import { type Ground, openGround, openInstance, type Services } from './ground.ts'
import { RtmpServer } from './ingest/rtmp-server.ts'
import { IrcServer } from './irc/irc-server.ts'
import { runJobs } from './job-handlers.ts'
import type { Live } from './live/live.ts'
import { newViewerCookie } from './live/viewer-key.ts'
import type { Log } from './log.ts'
import { createLive, type Media, mediaRoutes, openMedia } from './media-plane.ts'
import { type OpenedPlayback, type OpenPlaybackOptions, openPlayback } from './playback/open-playback.ts'
import { Presence } from './presence/presence.ts'
import { RedisPresenceStore } from './presence/redis-store.ts'
import type { Recorder } from './recording/recorder.ts'
import { RedisConnection } from './redis/connection.ts'
import type { StreamsService } from './streams/service.ts'
import { openUploads } from './upload-http/open-uploads.ts'
import { ShownVods } from './vod/shown-vods.ts'
import { openPages } from './web/pages.ts'
import { WorkerPool } from './webrtc/worker-pool.ts'

/** The running product. */
export interface App {
  readonly config: Config
  readonly httpPort: number
  /** Undefined without a certificate. */
  readonly httpsPort: number | undefined
  readonly rtmpPort: number
  readonly rtmpsPort: number | undefined
  /** Undefined: there is no IRC gateway. */
  readonly ircPort: number | undefined
  readonly live: Live
  readonly workers: WorkerPool
  /** Ends every stream, then closes everything. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens everything. When a part fails, those before it are closed and its error is thrown. */
export async function createApp(config: Config, log: Log): Promise<App> {
  await using opened = new AsyncDisposableStack()
  const ground = await openGround(config, log, opened)
  const { secret, database, bus, jobs, services } = ground
  const { certificate, heartbeat, recorder } = await openInstance(ground, config, log, opened)
  const kept = { ...services, db: database.db, bus, jobs, log }
  const playback = opened.use(await startPlayback(secret, kept))
  const workers = opened.use(await WorkerPool.open({ ...config.webrtc, count: config.webrtc.workers, log }))
  const media = opened.adopt(openMedia(config, { workers, recorder, playback, log }), owned => owned.close())
  const live = createLive(config, services, media, log)
  heartbeat.onBeat(isSteady => agreeWithOthers({ ...services, recorder, playback, live, log }, isSteady))
  const presence = opened.use(await openPresence(config, live, log))
  const { chat, ...around } = await startTalk(secret, { ...kept, presence, playback }, opened)
  const sockets = openSockets(chat, log, () => http)
  const uploads = opened.use(
    await openUploads({ ...ground, config, log, identify: request => accountOf(request, services, http) }),
  )
  const pages = await openPages({
    findChannel: slug => services.channels.findBySlug(slug),
    findVod: id => services.vods.find(id),
    cookieFor: request => viewerCookie(http.facts(request)),
  })
  const routes = mediaRoutes(config, { ground, media, live, workers, playback, log, http: () => http })
  const http: HttpServer = await HttpServer.open({
    ...{ config, certificate, ...services, live, presence, chat, ...around, log },
    ...{ playback: playback.service, uploads: uploads.service, media: routes.media, ladders: media.ladders },
    plugins: [
      ...routes.signalling,
      chatRoutes({ ...services, sockets, tickets: chat.tickets, facts: request => http.facts(request) }),
      uploads.routes(),
      pages.plugin,
    ],
    checks: { database: () => database.ping() },
  })
  opened.use(http)
  opened.defer(() => sockets.close())
  const irc = config.irc && opened.use(openIrc(config.irc, { ...services, chat, presence, log }))
  // Streams end while everything that serves and stores them is still open.
  opened.use(live)
  const rtmp = opened.use(await openRtmp(config, certificate, { live, media, playback, log }))
  await runJobs(ground, config, log, opened)

  const owned = opened.move()
  return {
    config,
    httpPort: http.port,
    httpsPort: http.httpsPort,
    rtmpPort: rtmp.port,
    rtmpsPort: rtmp.tlsPort,
    ircPort: irc?.port,
    live,
    workers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Whose request it is, by access token or session. */
async function accountOf(
  request: Request,
  { accounts }: Services,
  http: HttpServer,
): Promise<string | undefined> {
  return (await accounts.identify(request.headers, http.facts(request).isSecure))?.account.id
}

async function openRtmp(
  config: Config,
  certificate: Certificate | undefined,
  { live, media, playback, log }: { live: Live; media: Media; playback: OpenedPlayback; log: Log },
): Promise<RtmpServer> {
  const secure = { tls: certificate?.pair, tlsPort: config.tls?.rtmpsPort }
  const players = { playback: media.flv, admission: playback.admissions }
  const rtmp = await RtmpServer.open({ ...config.rtmp, ...secure, ...players, live, log })
  certificate?.onRenewed(pair => rtmp.renewCertificate(pair))
  return rtmp
}

function startPlayback(secret: string, parts: Omit<OpenPlaybackOptions, 'key'>): Promise<OpenedPlayback> {
  return openPlayback({ ...parts, key: deriveKey(secret, 'playback') })
}

/** What people say: the chat, and comments on videos. Who belongs to a private channel is decided in its chat. */
async function startTalk(
  secret: string,
  parts: Omit<OpenChatOptions, 'ticketKey' | 'guestKey' | 'shown' | 'onRolesChanged'> &
    Pick<Services, 'channels' | 'manifest' | 'vods'> & {
      playback: OpenedPlayback
      jobs: Ground['jobs']
    },
  opened: AsyncDisposableStack,
) {
  const { db, vods, playback } = parts
  const shown = new ShownVods({ vods, playback: playback.service })
  const ticketKey = deriveKey(secret, 'chat-ticket')
  const guestKey = Buffer.from(deriveKey(secret, 'chat-guest')).toString('base64url')
  const onRolesChanged = (channelId: string) => playback.service.changed(channelId)
  const chat = opened.use(await openChat({ ...parts, shown, ticketKey, guestKey, onRolesChanged }))
  playback.onChanged(channelId => chat.rooms.visibilityChanged(channelId))
  const { texts } = chat.rooms
  const clips = openClips({ ...parts, admission: playback.service, titles: texts })
  return { chat, comments: openComments({ db, shown, rules: texts }), clips }
}

function openSockets(chat: OpenedChat, log: Log, http: () => HttpServer): ChatSockets {
  return new ChatSockets({
    ...{ chat: chat.rooms, counts: chat.tally, log },
    publish: (topic, text) => http().publish(topic, text),
  })
}

function openIrc(
  address: { readonly host: string; readonly port: number },
  { accounts, channels, chat, presence, log }: IrcParts,
): IrcServer {
  return IrcServer.open({
    ...address,
    chat: chat.rooms,
    identify: token => accounts.findByAccessToken(token),
    names: (channelId, limit) => presence.names(channelId, limit),
    topic: async slug => (await channels.findBySlug(slug))?.title,
    addressKey: limitKey,
    tally: chat.tally,
    log,
  })
}

interface IrcParts extends Pick<Services, 'accounts' | 'channels'> {
  readonly chat: OpenedChat
  readonly presence: Presence
  readonly log: Log
}

/** For a browser that has none yet. */
function viewerCookie({ viewerKey, isSecure }: RequestFacts): string | undefined {
  return viewerKey === undefined ? newViewerCookie(isSecure) : undefined
}

async function openPresence(config: Config, live: Live, log: Log): Promise<Presence> {
  const url = config.redisUrl
  const store =
    url === undefined ? undefined : new RedisPresenceStore(await RedisConnection.open({ url, log }))
  return Presence.open({ audiences: () => live.audiences(), store, log })
}

/** After each heartbeat: what dead instances left open ends, and what others have ended of ours ends here too. */
async function agreeWithOthers(
  parts: { streams: StreamsService; recorder: Recorder; playback: OpenedPlayback; live: Live; log: Log },
  isSteady: boolean,
): Promise<void> {
  const { streams, recorder, playback, live, log } = parts
  await playback.refresh()
  const abandoned = isSteady ? await streams.endAbandoned() : 0
  if (isSteady) await recorder.finishAbandoned(await streams.livingInstances())
  if (abandoned > 0) log.warn({ streams: abandoned }, 'ended what an instance that died had left open')
  const ended = await streams.findEnded(live.list().map(each => each.identity.id))
  const reason = new AppError('CONFLICT', 'stream_ended', 'The stream was ended.')
  for (const id of ended) void live.end(id, reason)
}
