/** The procedures `playback.*`: where a player finds the picture, who is let in by link, and what a player tells of its delay. */
import { z } from 'zod'
import { slugInput, tokenInput } from '../api/inputs.ts'
import { addressKey, askerOf, type Context, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import { liveAddresses, vodAddresses } from './addresses.ts'
import { type Asker, MAX_SHARE_DAYS, type Pass, type SharedLink, type Watchable } from './service.ts'

/** Beyond this it is a clock that is wrong, not a delay. */
const MAX_DELAY_MS = 120_000
const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

const share = z.object({
  id: z.uuid(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  token: z
    .string()
    .describe('Secret: whoever has it may watch. For `playback.sources`, and `?token=` of a page'),
  url: z.string().describe('The page with the token'),
})
const sources = z.object({
  isLive: z.boolean(),
  status: z.enum(['live', 'reconnecting']).optional(),
  streamId: z.uuid().optional(),
  startedAt: z.iso.datetime().optional().describe('Its first key frame'),
  whepUrl: z.string().optional(),
  hlsUrl: z.string().optional(),
  dashUrl: z.string().optional(),
  flvUrl: z.string().optional(),
  rtmpUrl: z.string().optional().describe('Absolute, for players that speak RTMP'),
  downloadUrl: z.string().optional().describe('Of a video: one MP4'),
  thumbnailUrl: z.string().optional(),
  storyboardUrl: z.string().optional().describe('Of a video: WebVTT with small pictures for seeking'),
  audioLabels: z
    .array(z.string())
    .optional()
    .describe('Where the publisher sends several sounds, the default first; WebRTC carries that alone'),
  token: z.string().optional().describe('What is in these addresses, where they are not for everybody'),
  tokenExpiresAt: z.iso.datetime().optional().describe('Ask again before then, with the token that expires'),
})

export const playbackRouter = router({
  sources: publicProcedure
    .meta({
      description:
        'Where to watch a channel or a video, best first, as paths of this server. Offline: `isLive` and the token ' +
        'alone. `reconnecting`: the publisher is gone and may return; what plays goes on then by itself. What is not ' +
        'public has a token in its addresses, that lasts four hours: unlisted, everybody gets one; private, the owner, ' +
        'who has a role in the channel, and who shows the `token` of a share link or one that is to be renewed. Others: ' +
        'UNAUTHORIZED `not_signed_in`, FORBIDDEN `playback_forbidden`, `playback_token_invalid`.',
    })
    .input(
      z.union([
        z.object({ slug: slugInput, token: tokenInput.optional() }),
        z.object({ vodId: z.uuid(), token: tokenInput.optional() }),
      ]),
    )
    .output(sources)
    .query(async ({ ctx, input }) => {
      const asker = () => askerOf(ctx, input.token)
      if ('slug' in input) return liveSources(ctx, input.slug, asker)
      const pass = await passFor(ctx, await ctx.playback.vod(input.vodId), asker)
      return { isLive: false, ...vodAddresses(input.vodId, pass), ...tokenOf(pass) }
    }),

  share: signedInProcedure
    .meta({
      description:
        'Makes a link by which whoever has it watches the channel live, or one of its videos, though it is private. ' +
        'The owner only. LIMIT `too_many_shares` beyond 200.',
    })
    .input(
      z.object({
        channelId: z.uuid(),
        vodId: z.uuid().optional().describe('Unless told, the live streams'),
        name: z.string().trim().max(80).optional().describe('For whom it is, for the owner alone'),
        days: z.int().min(1).max(MAX_SHARE_DAYS).describe('How long it is good'),
      }),
    )
    .output(share)
    .mutation(async ({ ctx, input: { name = '', ...asked } }) => {
      ctx.limits.change.take(ctx.account.id)
      const { slug } = await ctx.channels.getOwned(ctx.account.id, asked.channelId)
      return renderShare(ctx, slug, await ctx.playback.share(ctx.account.id, { ...asked, name }))
    }),

  shares: signedInProcedure
    .meta({ description: 'The links of a channel, or of one of its videos, oldest first. The owner only.' })
    .input(z.object({ channelId: z.uuid(), vodId: z.uuid().optional() }))
    .output(z.object({ items: z.array(share) }))
    .query(async ({ ctx, input }) => {
      const { slug } = await ctx.channels.getOwned(ctx.account.id, input.channelId)
      const shares = await ctx.playback.shares(ctx.account.id, input.channelId, input.vodId)
      return { items: shares.map(each => renderShare(ctx, slug, each)) }
    }),

  revokeShare: signedInProcedure
    .meta({ description: 'Revokes a link: who watches by it is sent away. The owner only.' })
    .input(z.object({ id: z.uuid() }))
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      await ctx.playback.revokeShare(ctx.account.id, input.id)
      return {}
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

async function liveSources(ctx: Context, slug: string, asker: () => Promise<Asker>) {
  const channel = await ctx.channels.getBySlug(slug)
  const pass = await passFor(ctx, await ctx.playback.channel(channel.id), asker)
  const stream = await ctx.streams.findOpen(channel.id)
  if (stream?.status !== 'live' && stream?.status !== 'reconnecting')
    return { isLive: false, ...tokenOf(pass) }
  return {
    isLive: true,
    status: stream.status,
    streamId: stream.id,
    startedAt: stream.startedAt?.toISOString(),
    ...liveAddresses(channel.slug, { hostname: ctx.origin.hostname, port: ctx.rtmpPort }, pass),
    audioLabels: audioLabels(ctx, channel.slug),
    ...tokenOf(pass),
  }
}

/** Of what is for everybody nobody asks who wants to watch it. */
async function passFor(
  ctx: Context,
  thing: Watchable,
  asker: () => Promise<Asker>,
): Promise<Pass | undefined> {
  return thing.visibility === 'public' ? undefined : ctx.playback.passFor(thing, await asker())
}

function tokenOf(pass: Pass | undefined) {
  return pass ? { token: pass.token, tokenExpiresAt: pass.expiresAt.toISOString() } : {}
}

function renderShare(ctx: Context, slug: string, { id, vodId, name, ...rest }: SharedLink) {
  const path = vodId === null ? `/${slug}` : `/v/${vodId}`
  return {
    ...{ id, name, token: rest.token },
    createdAt: rest.createdAt.toISOString(),
    expiresAt: rest.expiresAt.toISOString(),
    url: `${ctx.origin.origin}${path}?token=${rest.token}`,
  }
}

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
