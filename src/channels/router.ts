/** The procedures `channels.*`. */
import { z } from 'zod'
import { slugInput, titleInput, tokenInput } from '../api/inputs.ts'
import { askerOf, type Context, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Channel } from './service.ts'

const description = z
  .string()
  .trim()
  .max(2_000)
  .regex(/^(?:\P{Cc}|[\n\r\t])*$/u, 'must be text')
const channelId = z.object({ channelId: z.uuid() })
const publishing = z.object({
  visibility: z
    .enum(['public', 'unlisted', 'private'])
    .describe('Who may watch live: everybody, and it is listed; whoever has the address; who is let in'),
  vodVisibility: z
    .enum(['public', 'unlisted', 'private', 'off'])
    .describe('What a stream becomes when it ends; `off`: nothing'),
  vodRetentionDays: z
    .int()
    .min(1)
    .max(36_500)
    .nullable()
    .describe('How long videos of streams are kept; null: as long as the server keeps them'),
  clipsBy: z.enum(['everyone', 'followers', 'members', 'nobody']).describe('Who may cut clips'),
})
const channel = z.object({
  id: z.uuid(),
  slug: z.string().describe("The channel's address: `/SLUG`"),
  title: z.string(),
  description: z.string(),
  owner: z.object({ username: z.string() }),
  createdAt: z.iso.datetime(),
  visibility: publishing.shape.visibility,
  clipsBy: publishing.shape.clipsBy,
  mayWatch: z.boolean().describe('Whether the caller may; to who may not, a private channel is never live'),
  isLive: z.boolean(),
  streamId: z.uuid().optional().describe('The stream that is open now, in any status but `ended`'),
  followerCount: z.int(),
  isFollowing: z.boolean().describe('Whether the caller follows the channel; false for a guest'),
})
const limits = {
  maxWidth: z.int().min(128).max(8_192).describe('Pixels'),
  maxHeight: z.int().min(128).max(8_192).describe('Pixels'),
  maxFrameRate: z.number().min(5).max(240),
  maxBitrateBps: z.int().min(100_000).max(200_000_000).describe('Picture and sound together'),
  maxKeyFrameIntervalMs: z.int().min(1_000).max(60_000),
  videoCodecs: z
    .array(z.enum(['h264', 'hevc', 'av1']))
    .min(1)
    .max(3)
    .readonly(),
  audioCodecs: z
    .array(z.enum(['aac', 'opus']))
    .min(1)
    .max(2)
    .readonly(),
  maxSessionMs: z
    .int()
    .min(60_000)
    .max(7 * 24 * 60 * 60 * 1000)
    .describe('How long one stream may last'),
}
const ingestLimits = z.object(limits).partial()
const limitChanges = z
  .object({
    maxWidth: limits.maxWidth.nullable(),
    maxHeight: limits.maxHeight.nullable(),
    maxFrameRate: limits.maxFrameRate.nullable(),
    maxBitrateBps: limits.maxBitrateBps.nullable(),
    maxKeyFrameIntervalMs: limits.maxKeyFrameIntervalMs.nullable(),
    videoCodecs: limits.videoCodecs.nullable(),
    audioCodecs: limits.audioCodecs.nullable(),
    maxSessionMs: limits.maxSessionMs.nullable(),
  })
  .partial()
const policies = z.object({
  secondPublisher: z
    .enum(['reject', 'takeover'])
    .describe('What happens to a second publisher with the stream key while the first is alive'),
  backupReturn: z
    .enum(['automatic', 'manual'])
    .describe('Whether the primary takes over from the backup by itself when it is back'),
  onBreach: z.enum(['refuse', 'warn']).describe('What happens to a publisher beyond a limit'),
})
const settings = policies.extend(publishing.shape).extend({
  ingestLimits: ingestLimits.describe("The owner's limits; what is absent is not limited"),
  instance: z
    .object({
      limits: ingestLimits,
      onBreach: policies.shape.onBreach,
      vodRetentionDays: publishing.shape.vodRetentionDays,
    })
    .describe('What the operator allows every channel; of two limits the stricter one holds'),
})
const ingest = z.object({
  streamKey: z.string().describe('Secret: who has it can publish to the channel'),
  ingestUrl: z.string().describe("The encoder's server address: `rtmp://HOST:PORT/live`"),
  secureIngestUrl: z.string().optional().describe('The same with TLS, where the server has a certificate'),
})

export const channelsRouter = router({
  create: signedInProcedure
    .meta({ description: 'Makes a channel with a stream key. An account can have 10.' })
    .input(
      z.object({
        slug: z
          .string()
          .max(64)
          .trim()
          .toLowerCase()
          .describe('2 to 64 of a-z, 0-9, _ and -; no word that is a route'),
        title: titleInput,
        description: description.optional(),
      }),
    )
    .output(channel)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      return render(ctx, await ctx.channels.create(ctx.account.id, input))
    }),

  get: publicProcedure
    .meta({
      description:
        'What everybody may know of a channel: of a private one that it exists, what it is called and whose it is. ' +
        '`token`: of a share link, or one that `playback.sources` gave.',
    })
    .input(z.object({ slug: slugInput, token: tokenInput.optional() }))
    .output(channel)
    .query(async ({ ctx, input }) => render(ctx, await ctx.channels.getBySlug(input.slug), input.token)),

  update: signedInProcedure
    .meta({
      description: 'Changes title or description. The owner only. A running stream keeps its own title.',
    })
    .input(
      z.object({ channelId: z.uuid(), title: titleInput.optional(), description: description.optional() }),
    )
    .output(channel)
    .mutation(async ({ ctx, input: { channelId, ...changes } }) => {
      ctx.limits.change.take(ctx.account.id)
      return render(ctx, await ctx.channels.update(ctx.account.id, channelId, changes))
    }),

  mine: signedInProcedure
    .meta({ description: "The caller's channels, oldest first." })
    .output(z.object({ items: z.array(channel) }))
    .query(async ({ ctx }) => {
      const owned = await ctx.channels.listOwned(ctx.account.id)
      return { items: await Promise.all(owned.map(each => render(ctx, each))) }
    }),

  follow: signedInProcedure
    .meta({ description: 'Follows a channel: some rooms let only followers chat. Idempotent.' })
    .input(channelId)
    .output(channel)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      const channel = await ctx.channels.follow(ctx.account.id, input.channelId)
      await ctx.chat.rooms.standingChanged(channel.slug, ctx.account.id)
      return render(ctx, channel)
    }),

  unfollow: signedInProcedure
    .meta({ description: 'Follows a channel no more. Idempotent.' })
    .input(channelId)
    .output(channel)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      const channel = await ctx.channels.unfollow(ctx.account.id, input.channelId)
      await ctx.chat.rooms.standingChanged(channel.slug, ctx.account.id)
      return render(ctx, channel)
    }),

  settings: signedInProcedure
    .meta({ description: 'What happens to publishers of the channel and to its streams. The owner only.' })
    .input(channelId)
    .output(settings)
    .query(async ({ ctx, input }) => {
      const current = await ctx.channels.settings(ctx.account.id, input.channelId)
      return { ...current, instance: instanceOf(ctx) }
    }),

  updateSettings: signedInProcedure
    .meta({
      description:
        'Changes some of the settings, those of publishers for the next one that connects; null takes a limit away. ' +
        'The owner only. ' +
        'BAD_REQUEST `video_codecs_unavailable` when the server takes none of the chosen codecs.',
    })
    .input(
      policies
        .extend(publishing.shape)
        .partial()
        .extend({ channelId: z.uuid(), ingestLimits: limitChanges.optional() }),
    )
    .output(settings)
    .mutation(async ({ ctx, input: { channelId, ...changes } }) => {
      ctx.limits.change.take(ctx.account.id)
      const changed = await ctx.channels.updateSettings(ctx.account.id, channelId, changes)
      if (changes.visibility !== undefined) await ctx.playback.changed(channelId)
      return { ...changed, instance: instanceOf(ctx) }
    }),

  streamKey: signedInProcedure
    .meta({ description: 'What to enter in the encoder. The owner only.' })
    .input(channelId)
    .output(ingest)
    .query(async ({ ctx, input }) => ({
      streamKey: await ctx.channels.streamKey(ctx.account.id, input.channelId),
      ...ingestUrls(ctx),
    })),

  rotateStreamKey: signedInProcedure
    .meta({
      description:
        'Replaces the stream key: the old one is refused from now on, and a stream that runs ends, because its ' +
        'publisher came with the old key. The owner only.',
    })
    .input(channelId)
    .output(ingest)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      const streamKey = await ctx.channels.rotateStreamKey(ctx.account.id, input.channelId)
      const running = ctx.live.list().find(stream => stream.identity.channelId === input.channelId)
      const reason = new AppError(
        'FORBIDDEN',
        'stream_key_revoked',
        'The stream key was replaced by a new one.',
      )
      if (running) await ctx.live.end(running.identity.id, reason)
      return { streamKey, ...ingestUrls(ctx) }
    }),
})

async function render(ctx: Context, { owner, createdAt, ...rest }: Channel, token?: string) {
  const { id, visibility } = rest
  // What everybody may see is shown also to who comes with a token that has expired.
  const asker = await askerOf(ctx, token)
  const [mayWatch, found, following] = await Promise.all([
    ctx.playback.mayWatch({ kind: 'channel', id, channelId: id, visibility }, asker),
    ctx.streams.findOpen(id),
    ctx.channels.following(id, asker.accountId),
  ])
  const open = mayWatch ? found : undefined
  return {
    ...rest,
    owner: { username: owner.username },
    createdAt: createdAt.toISOString(),
    mayWatch,
    isLive: open?.status === 'live' || open?.status === 'reconnecting',
    ...(open && { streamId: open.id }),
    ...following,
  }
}

function instanceOf({ channels: { ingest, vodRetentionDays } }: Context) {
  return { ...ingest, vodRetentionDays: vodRetentionDays ?? null }
}

function ingestUrls({ origin: { hostname }, rtmpPort, rtmpsPort }: Context) {
  return {
    ingestUrl: `rtmp://${hostname}:${rtmpPort}/live`,
    ...(rtmpsPort !== undefined && { secureIngestUrl: `rtmps://${hostname}:${rtmpsPort}/live` }),
  }
}
