/** The procedures `playback.*`: where a player finds a channel's picture. */
import { z } from 'zod'
import { slugInput } from '../api/inputs.ts'
import { publicProcedure, router } from '../api/trpc.ts'

export const playbackRouter = router({
  sources: publicProcedure
    .meta({
      description: 'Where to watch a channel, best first, as paths of this server. Offline: `isLive` alone.',
    })
    .input(z.object({ slug: slugInput }))
    .output(
      z.object({
        isLive: z.boolean(),
        streamId: z.uuid().optional(),
        whepUrl: z.string().optional(),
        hlsUrl: z.string().optional(),
        thumbnailUrl: z.string().optional(),
      }),
    )
    .query(async ({ ctx, input }) => {
      const channel = await ctx.channels.getBySlug(input.slug)
      const stream = await ctx.streams.findOpen(channel.id)
      if (stream?.status !== 'live' && stream?.status !== 'reconnecting') return { isLive: false }
      return {
        isLive: true,
        streamId: stream.id,
        whepUrl: `/whep/${channel.slug}`,
        hlsUrl: `/hls/${channel.slug}/index.m3u8`,
        thumbnailUrl: `/thumbnails/${channel.slug}.jpg`,
      }
    }),

  clock: publicProcedure
    .meta({ description: "The server's clock, in milliseconds since the epoch, for measuring delay." })
    .input(z.object({}).optional())
    .output(z.object({ now: z.number() }))
    .query(() => ({ now: Date.now() })),
})
