/** The pages on a server that answers the API from a script. */
import type { Server } from 'bun'
import { openPages } from '../../src/web/pages.ts'

export type Answer = (input: Record<string, unknown>) => unknown

/** An answer that is an error: tRPC's code and the stable word. */
export class ApiFailure {
  readonly status: number
  readonly reason: string
  readonly message: string

  constructor(status: number, reason: string, message: string) {
    this.status = status
    this.reason = reason
    this.message = message
  }
}

export class FakeSite {
  readonly url: string
  readonly calls: string[] = []
  /** By procedure; `playback.clock` and the pages answer by themselves. */
  answers: Record<string, Answer> = {}
  /** The folder behind `/hls/ada/`. */
  hlsFolder = ''
  readonly #server: Server<undefined>

  private constructor(handle: (request: Request) => Promise<Response>) {
    const hls = async (path: string) => {
      const file = Bun.file(`${this.hlsFolder}/${path.replace(/^.*\//, '')}`)
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 })
    }
    this.#server = Bun.serve<undefined>({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, server) => {
        const { pathname } = new URL(request.url)
        if (pathname.startsWith('/chat/') && server.upgrade(request)) return undefined
        if (pathname.startsWith('/trpc/')) return this.#answer(request)
        if (pathname.startsWith('/whep/')) return new Response(null, { status: 409 })
        return pathname.startsWith('/hls/ada/') ? hls(pathname) : handle(request)
      },
      // A chat in which nobody says anything.
      websocket: { message: () => {} },
    })
    this.url = `http://127.0.0.1:${this.#server.port}`
  }

  static async open(): Promise<FakeSite> {
    const { plugin } = await openPages({
      findChannel: async slug => (slug === 'nobody' ? undefined : { title: `${slug}’s channel` }),
    })
    return new FakeSite(async request => {
      if (new URL(request.url).pathname.startsWith('/thumbnails/')) return thumbnail()
      return plugin.handle(request)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const name = url.pathname.slice('/trpc/'.length)
    this.calls.push(name)
    const sent = request.method === 'POST' ? await request.text() : url.searchParams.get('input')
    const answer = this.answers[name]
    if (name === 'playback.clock') return Response.json({ result: { data: { now: Date.now() } } })
    const value = answer?.(sent ? JSON.parse(sent) : {}) ?? null
    if (!(value instanceof ApiFailure)) return Response.json({ result: { data: value } })
    const { status, reason, message } = value
    return Response.json(
      { error: { code: -32000, message, data: { httpStatus: status, reason } } },
      { status },
    )
  }
}

function thumbnail(): Response {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><defs><linearGradient id="g"><stop stop-color="#f4a261"/>' +
    '<stop offset="1" stop-color="#264653"/></linearGradient></defs><rect width="16" height="9" fill="url(#g)"/></svg>'
  return new Response(svg, { headers: { 'content-type': 'image/svg+xml' } })
}

export const STREAM_ID = '0199c0de-0000-7000-8000-000000000001'
export const CHANNEL_ID = '0199c0de-0000-7000-8000-000000000002'

export function channel(isLive: boolean) {
  return {
    id: CHANNEL_ID,
    slug: 'ada',
    title: 'Analytical evenings',
    description: 'Engines, weaving and numbers.\nEvery Thursday.',
    owner: { username: 'ada' },
    createdAt: '2026-11-01T10:00:00.000Z',
    isLive,
    followerCount: 3,
    isFollowing: false,
    ...(isLive && { streamId: STREAM_ID }),
  }
}

export function stream(slug: string, title: string, viewerCount: number) {
  return {
    id: slug === 'ada' ? STREAM_ID : crypto.randomUUID(),
    channel: { slug, title: `${slug}’s channel` },
    title,
    status: 'live',
    viewerCount,
    thumbnailUrl: `/thumbnails/${slug}.jpg`,
    createdAt: '2026-11-20T10:00:00.000Z',
    startedAt: '2026-11-20T10:00:01.000Z',
    endedAt: null,
    likes: 2,
    isLiked: false,
  }
}

export const liveHealth = {
  status: 'live',
  streamId: STREAM_ID,
  viewerCount: 12,
  publishers: [
    {
      role: 'primary',
      isActive: true,
      isStalled: false,
      remoteAddress: '192.0.2.7',
      software: 'obs-output module (libobs version 30.2.3)',
    },
  ],
  delays: { webrtc: { p50Ms: 182, p95Ms: 240, viewers: 11 }, hls: { p50Ms: 940, p95Ms: 940, viewers: 1 } },
  health: {
    videoCodec: 'avc1.640020',
    width: 1280,
    height: 720,
    audioCodec: 'mp4a.40.2',
    audioSampleRate: 48_000,
    audioChannels: 2,
    videoBitrateBps: 2_480_000,
    audioBitrateBps: 160_000,
    frameRate: 30,
    keyFrameIntervalMs: 4_200,
    hasBFrames: true,
    notices: [
      {
        code: 'b_frames',
        level: 'info',
        message: 'The stream has B-frames, so it is re-encoded for WebRTC. In OBS: x264 options: bframes=0.',
      },
      {
        code: 'key_frame_interval_long',
        level: 'warning',
        message: 'A key frame comes every 4.2 s. In OBS: Settings → Output → Keyframe Interval: 1 s.',
      },
    ],
  },
}

export const sources = {
  isLive: true,
  streamId: STREAM_ID,
  whepUrl: '/whep/ada',
  hlsUrl: '/hls/ada/index.m3u8',
  thumbnailUrl: '/thumbnails/ada.jpg',
}
