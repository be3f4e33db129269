/** The procedures `playback.*`: where a player finds a channel's picture, and what it tells of its delay. */
import { z } from 'zod'
import { slugInput } from '../api/inputs.ts'
import { addressKey, type Context, publicProcedure, router } from '../api/trpc.ts'

/** Beyond this it is a clock that is wrong, not a delay. */
const MAX_DELAY_MS = 120_000
const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

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
        audioLabels: z
          .array(z.string())
          .optional()
          .describe('Where the publisher sends several sounds, the default first; WebRTC carries that alone'),
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
        audioLabels: audioLabels(ctx, slug),
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

/** As the multivariant playlist calls them; undefined unless there are several. */
function audioLabels(ctx: Context, slug: string): string[] | undefined {
  const { audio, alternateAudio = [] } = ctx.live.find(slug)?.broadcast?.tracks ?? {}
  if (!audio || alternateAudio.length === 0) return undefined
  return [audio, ...alternateAudio].map(
    ({ language }, index) => nameOf(language) ?? (index === 0 ? 'Main' : `Sound ${index + 1}`),
  )
}

/** What the publisher says may be no language at all. */
function nameOf(language: string | undefined): string | undefined {
  if (language === undefined) return undefined
  try {
    return LANGUAGES.of(language)
  } catch {
    return undefined
  }
}
