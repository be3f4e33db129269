/** Runs the platform without media protocols: database, services, the live session, and the HTTP server. */
import type { VideoTrack } from '../../media/access-unit.ts'
import { AccountsRepository } from '../../src/accounts/repository.ts'
import { deriveKey } from '../../src/accounts/secret.ts'
import { AccountsService } from '../../src/accounts/service.ts'
import { Sessions } from '../../src/accounts/sessions.ts'
import { createServer, type HttpServer, type ServerOptions } from '../../src/api/server.ts'
import { ChannelsRepository } from '../../src/channels/repository.ts'
import { ChannelsService } from '../../src/channels/service.ts'
import { type OpenedChat, openChat } from '../../src/chat/open-chat.ts'
import { openComments } from '../../src/comments/open-comments.ts'
import type { Database } from '../../src/db/database.ts'
import type { AppError } from '../../src/errors.ts'
import { Live } from '../../src/live/live.ts'
import type { LiveStream } from '../../src/live/live-stream.ts'
import type { OpenOutput } from '../../src/live/output.ts'
import type { Publication } from '../../src/live/publication.ts'
import { createLog } from '../../src/log.ts'
import { type OpenedPlayback, openPlayback } from '../../src/playback/open-playback.ts'
import { Presence } from '../../src/presence/presence.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { StreamsRepository } from '../../src/streams/repository.ts'
import { StreamsService } from '../../src/streams/service.ts'
import type { VodService } from '../../src/vod/service.ts'
import { ShownVods } from '../../src/vod/shown-vods.ts'
import { Views } from '../../src/vod/views.ts'
import { createVods } from './vods.ts'
import { waitFor } from './wait-for.ts'

export const TEST_SECRET = 'a secret that only tests know, 0123456789'
const log = createLog('silent')

export interface TestServices {
  readonly accounts: AccountsService
  readonly channels: ChannelsService
  readonly streams: StreamsService
}

export function createServices(database: Database, options: { now?: () => number } = {}): TestServices {
  const { db } = database
  return {
    accounts: new AccountsService({
      accounts: new AccountsRepository(db),
      sessions: new Sessions(db),
      accessTokenKey: deriveKey(TEST_SECRET, 'access-token'),
      ...options,
    }),
    channels: new ChannelsService({
      channels: new ChannelsRepository(db),
      streamKeyKey: deriveKey(TEST_SECRET, 'stream-key'),
      ...options,
    }),
    streams: new StreamsService({ streams: new StreamsRepository(db), ...options }),
  }
}

/** An account without a password that works, for tests of what accounts own. */
export async function createAccount(services: TestServices): Promise<{ id: string; username: string }> {
  const username = `user_${Math.random().toString(36).slice(2, 10)}`
  return services.accounts.signUp({ username, password: crypto.randomUUID() })
}

export async function createChannel(services: TestServices, accountId: string, slug = uniqueSlug()) {
  const channel = await services.channels.create(accountId, { slug, title: `Title of ${slug}` })
  return { ...channel, streamKey: await services.channels.streamKey(accountId, channel.id) }
}

export function uniqueSlug(): string {
  return `c-${Math.random().toString(36).slice(2, 12)}`
}

export interface TestPlatform extends AsyncDisposable {
  readonly services: TestServices
  readonly live: Live
  readonly vods: VodService
  readonly chat: OpenedChat
  readonly playback: OpenedPlayback
  readonly server: HttpServer
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Viewers by slug, as an output would count them. */
  readonly viewers: Map<string, number>
}

export interface PlatformOptions
  extends Partial<Pick<ServerOptions, 'limits' | 'plugins' | 'checks' | 'certificate'>> {
  readonly http?: Partial<ServerOptions['config']['http']>
  readonly tls?: ServerOptions['config']['tls']
}

/** Listens on a free port of 127.0.0.1. The live session is the real one, with an output that only counts viewers. */
export async function openPlatform(database: Database, options: PlatformOptions = {}): Promise<TestPlatform> {
  const services = createServices(database)
  const viewers = new Map<string, number>()
  const countingOutput: OpenOutput = async ({ slug }) => ({
    attach: () => ({ write() {}, close: async () => {} }),
    get viewerCount() {
      return viewers.get(slug) ?? 0
    },
    viewerKeys: () => Array.from({ length: viewers.get(slug) ?? 0 }, (_, index) => `viewer ${index}`),
    close: async () => {},
  })
  const { channels, streams } = services
  const authorize = (streamKey: string) => channels.authorizeStreamKey(streamKey)
  const live = new Live({ authorize, streams, outputs: [countingOutput], log })
  const presence = await Presence.open({ audiences: () => live.audiences(), freshMs: 0, log })
  const bus = new LocalBus({ log })
  const { vods } = createVods(database)
  const playback = await openPlayback({
    ...{ db: database.db, bus, log },
    key: deriveKey(TEST_SECRET, 'playback'),
  })
  const shown = new ShownVods({ vods, playback: playback.service })
  const chat = await openChat({
    ...{ db: database.db, bus, channels, streams, vods, shown, presence, log },
    ...{ ticketKey: deriveKey(TEST_SECRET, 'chat-ticket'), guestKey: TEST_SECRET },
    onRolesChanged: channelId => playback.service.changed(channelId),
  })
  playback.onChanged(channelId => chat.rooms.visibilityChanged(channelId))
  const server = await createServer({
    ...services,
    ...{ live, presence, chat, playback: playback.service, log },
    comments: openComments({ db: database.db, shown, rules: chat.rooms.texts }),
    uploads: noUploads,
    clips: noUploads,
    ...{ vods, views: new Views(database.db) },
    config: {
      http: { host: '127.0.0.1', port: 0, publicUrl: undefined, trustedProxyHops: 0, ...options.http },
      rtmp: { port: 1935 },
      tls: options.tls,
    },
    certificate: options.certificate,
    plugins: options.plugins ?? [],
    checks: options.checks ?? { database: () => database.ping() },
    ...(options.limits && { limits: options.limits }),
  })
  return {
    ...{ services, vods, live, chat, playback, server, viewers },
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: async () => {
      await live.close()
      await server.close()
      await chat[Symbol.asyncDispose]()
      await playback[Symbol.asyncDispose]()
      await bus.close()
      await presence.close()
    },
  }
}

/** Files are received by the whole product alone. */
const noUploads = {
  create: () => Promise.reject(new Error('this platform takes no files')),
}

export interface TestPublisher {
  readonly stream: LiveStream
  readonly publication: Publication
  /** Why it was disconnected. */
  readonly disconnected: readonly AppError[]
}

/** A publisher whose first key frame has arrived and whose record says so. */
export async function publish(platform: TestPlatform, streamKey: string): Promise<TestPublisher> {
  const disconnected: AppError[] = []
  const publication = await platform.live.publish(
    { streamKey, isBackup: false },
    {
      remoteAddress: '192.0.2.7',
      software: 'test encoder',
      disconnect: reason => disconnected.push(reason),
    },
  )
  const stream = platform.live.find(publication.slug)!
  publication
    .start({ video: videoTrack })
    .write({ track: videoTrack, dts: 0, pts: 0, isKey: true, data: new Uint8Array(100) })
  const isLive = async () => (await platform.services.streams.get(stream.identity.id)).status === 'live'
  await waitFor(isLive, { message: 'the record to be live' })
  return { stream, publication, disconnected }
}

const videoTrack: VideoTrack = {
  kind: 'video',
  codec: 'h264',
  timescale: 90_000,
  decoderConfig: new Uint8Array(),
  sps: [],
  pps: [],
  codecString: 'avc1.42e01f',
  width: 1280,
  height: 720,
  chroma: '4:2:0',
  bitDepth: 8,
}
