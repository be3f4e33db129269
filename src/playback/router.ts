/** The procedures `playback.*`: where a player finds a channel's picture, and what it tells of its delay. */
import { z } from 'zod'
import { slugInput } from '../api/inputs.ts'
import { addressKey, publicProcedure, router } from '../api/trpc.ts'

/** Beyond this it is a clock that is wrong, not a delay. */
const MAX_DELAY_MS = 120_000

export const playbackRouter = router({
  sources: publicProcedure
    .meta({
      description:
        'Where to watch a channel, best first, as paths of this server. Offline: `isLive` alone. `reconnecting`: the ' +
        'publisher is gone and may return; what plays goes on then by itself.',
    })
    .input(z.object({ slug: slugInput }))
    .output(
      z.object({
        isLive: z.boolean(),
        status: z.enum(['live', 'reconnecting']).optional(),
        streamId: z.uuid().optional(),
        startedAt: z.iso.datetime().optional().describe('Its first key frame'),
        whepUrl: z.string().optional(),
        hlsUrl: z.string().optional(),
        dashUrl: z.string().optional(),
        flvUrl: z.string().optional(),
        rtmpUrl: z.string().optional().describe('Absolute, for players that speak RTMP'),
        thumbnailUrl: z.string().optional(),
      }),
    )
    .query(async ({ ctx, input }) => {
      const channel = await ctx.channels.getBySlug(input.slug)
      const stream = await ctx.streams.findOpen(channel.id)
      if (stream?.status !== 'live' && stream?.status !== 'reconnecting') return { isLive: false }
      const { slug } = channel
      return {
        isLive: true,
        status: stream.status,
        streamId: stream.id,
        startedAt: stream.startedAt?.toISOString(),
        whepUrl: `/whep/${slug}`,
        hlsUrl: `/hls/${slug}/index.m3u8`,
        dashUrl: `/dash/${slug}/manifest.mpd`,
        flvUrl: `/flv/${slug}.flv`,
        rtmpUrl: `rtmp://${ctx.origin.hostname}:${ctx.rtmpPort}/live/${slug}`,
        thumbnailUrl: `/thumbnails/${slug}.jpg`,
      }
    }),

  reportDelay: publicProcedure
    .meta({
      description:
        'A player tells how far behind the camera its picture is; the latest figure of each viewer counts for 30 s. ' +
        '`viewerId` is made at random by the player. Not counted: a stream that does not run here.',
    })
    .input(
      z.object({
        streamId: z.uuid(),
        viewerId: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
        protocol: z.enum(['webrtc', 'hls']),
        delayMs: z.number().min(0).max(MAX_DELAY_MS),
      }),
    )
    .output(z.object({ isCounted: z.boolean() }))
    .mutation(({ ctx, input: { streamId, ...report } }) => {
      ctx.limits.report.take(addressKey(ctx))
      const isRunning = ctx.live.list().some(stream => stream.identity.id === streamId)
      return { isCounted: isRunning && ctx.viewerDelays.report(streamId, report) }
    }),

  clock: publicProcedure
    .meta({ description: "The server's clock, in milliseconds since the epoch, for measuring delay." })
    .input(z.object({}).optional())
    .output(z.object({ now: z.number() }))
    .query(() => ({ now: Date.now() })),
})
