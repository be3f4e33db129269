/** Puts together what takes the streams' media and what gives it to viewers. */
import { availableParallelism } from 'node:os'
import type { AnyElysia } from 'elysia'
import { RateLimiter } from './api/rate-limiter.ts'
import type { HttpServer } from './api/server.ts'
import type { Config } from './config.ts'
import { Flv } from './flv/flv.ts'
import type { Ground, Services } from './ground.ts'
import type { Archive } from './hls/archive.ts'
import { Hls } from './hls/hls.ts'
import { tokensOf } from './live/admission.ts'
import { Ladders } from './live/ladders.ts'
import { Live } from './live/live.ts'
import type { Log } from './log.ts'
import type { MediaRoutes } from './media-request.ts'
import { Frames } from './pictures/frames.ts'
import { vodOf } from './playback/access.ts'
import type { OpenedPlayback } from './playback/open-playback.ts'
import { Thumbnailer } from './recording/thumbnailer.ts'
import { vodRoutes } from './vod-http/routes.ts'
import { announcedAddresses } from './webrtc/announced.ts'
import { Webrtc } from './webrtc/webrtc.ts'
import { whepRoutes } from './webrtc/whep.ts'
import { whipRoutes } from './webrtc/whip.ts'
import type { WorkerPool } from './webrtc/worker-pool.ts'

/** New WebRTC sessions of one address: enough for a household or an office behind one. */
const WEBRTC_LIMIT = { burst: 100, perMinute: 300 }
/** Pictures of single moments that are not there yet: each costs a decoder. */
const FRAME_LIMIT = { burst: 60, perMinute: 60 }

/** Of what is asked for again and again: a small file costs more to open than to send, an object of a bucket to fetch. */
const KEPT_FILE_BYTES = 256 * 1024
const KEPT_OBJECT_BYTES = 8 * 1024 * 1024

/** What takes the streams' media. */
export type Media = ReturnType<typeof openMedia>

export function openMedia(
  config: Config,
  parts: { workers: WorkerPool; recorder: Archive; playback: OpenedPlayback; log: Log },
) {
  const { workers, recorder: archive, log } = parts
  const { admissions: admission } = parts.playback
  const ladders = new Ladders({ ladder: config.ladder, cores: availableParallelism(), log })
  const webrtc = new Webrtc({ pool: workers, renditions: ladders.names, log })
  const limits = { listedSeconds: config.vod.dvrWindowMs / 1000 }
  const hls = new Hls({ admission, archive, limits, log })
  const flv = new Flv({ admission, log })
  const thumbnailer = new Thumbnailer({ admission, log })
  const close = async () => {
    await Promise.all([hls.close(), flv.close()])
  }
  return { ladders, webrtc, hls, flv, thumbnailer, close }
}

export function createLive(
  config: Config,
  services: Services,
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

/** `media` is asked for by players, `signalling` by WebRTC's two ends. */
export function mediaRoutes(
  config: Config,
  parts: {
    ground: Ground
    media: Media
    live: Live
    workers: WorkerPool
    playback: OpenedPlayback
    log: Log
    http: () => HttpServer
  },
): { media: MediaRoutes; signalling: AnyElysia[] } {
  const { ground, media, live, workers, playback, log, http } = parts
  const limiter = new RateLimiter(WEBRTC_LIMIT)
  const frameLimiter = new RateLimiter(FRAME_LIMIT)
  const ways = {
    announced: (request: Request) =>
      announcedAddresses(http().facts(request).origin.hostname, config.webrtc.announcedAddress),
    limit: (request: Request) => limiter.take(http().clientKey(request)),
  }
  const vods = vodRoutes({
    ...{ ...ground.services, store: ground.store, log },
    delivery: config.s3?.delivery ?? 'proxy',
    keptBytes: config.s3 ? KEPT_OBJECT_BYTES : KEPT_FILE_BYTES,
    frames: new Frames({ ...ground.services, store: ground.store, log }),
    limit: (request: Request) => frameLimiter.take(http().clientKey(request)),
    mayWatch: (request, vod) => playback.admissions.admitTo(vodOf(vod), tokensOf(request)),
    mayWatchLive: (request, channelId) => playback.admissions.admit(channelId, tokensOf(request)),
  })
  return {
    media: { ...media.hls.routes, ...media.flv.routes, ...media.thumbnailer.routes, ...vods },
    signalling: [
      whepRoutes({ webrtc: media.webrtc, admission: playback.admissions, ...ways }),
      whipRoutes({ live, pool: workers, log, ...ways }),
    ],
  }
}
