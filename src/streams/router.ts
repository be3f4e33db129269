/** The procedures `streams.*`: records from the service, viewers and health from the media plane. */
import { z } from 'zod'
import { frameInput, frameQuery, slugInput, titleInput, tokenInput } from '../api/inputs.ts'
import { addressKey, askerOf, type Context, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Stream } from './service.ts'

const MAX_PAGE = 100
/** Of the channels with the most people, chats of channels that are not live among them. */
const MAX_RANKED = 500
const MENDED_AFTER_MS = 60_000

const status = z.enum(['starting', 'live', 'reconnecting', 'ended'])
const stream = z.object({
  id: z.uuid(),
  channel: z.object({ slug: z.string(), title: z.string() }),
  title: z.string(),
  status,
  viewerCount: z.int(),
  thumbnailUrl: z.string().nullable(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable().describe('Its first key frame'),
  endedAt: z.iso.datetime().nullable(),
})
const streamId = z.object({ id: z.uuid() })
const watchedId = streamId.extend({ token: tokenInput.optional() })
const liking = { likes: z.int(), isLiked: z.boolean().describe('By the caller') }
const notice = z.object({
  code: z.string(),
  level: z.enum(['info', 'warning', 'error']),
  message: z.string(),
})
const health = z.object({
  videoCodec: z.string(),
  width: z.number(),
  height: z.number(),
  audioCodec: z.string().optional(),
  audioSampleRate: z.number().optional(),
  audioChannels: z.number().optional(),
  videoBitrateBps: z.number(),
  audioBitrateBps: z.number(),
  frameRate: z.number(),
  keyFrameIntervalMs: z.number().optional(),
  hasBFrames: z.boolean(),
  notices: z.array(notice).readonly(),
})
const delaySummary = z.object({ p50Ms: z.number(), p95Ms: z.number(), viewers: z.int() })
const running = z.object({
  status: z.enum(['starting', 'live', 'reconnecting']),
  streamId: z.uuid(),
  viewerCount: z.int(),
  publishers: z
    .array(
      z.object({
        role: z.enum(['primary', 'backup']),
        isActive: z.boolean().describe('It is the one that viewers see'),
        isStalled: z.boolean().describe('It is connected and sends no picture'),
        remoteAddress: z.string(),
        software: z.string().optional(),
      }),
    )
    .describe('Who is connected; nobody while the stream waits for its publisher to return'),
  health: health.nullable().describe('Null until the publisher has said what it sends'),
  delays: z
    .object({ webrtc: delaySummary.optional(), hls: delaySummary.optional() })
    .describe('From the camera to the screen, over the viewers whose player has told it in the last 30 s'),
})
const offline = z.object({ status: z.literal('offline') })
const lastRefusal = z
  .object({ reason: z.string(), message: z.string(), refusedAt: z.iso.datetime() })
  .optional()
  .describe('Why the publisher was refused or thrown out last, for an hour, or until a stream goes well')
const page = z.object({
  limit: z.int().min(1).max(MAX_PAGE).optional(),
  cursor: z.string().max(64).optional(),
})

export const streamsRouter = router({
  live: publicProcedure
    .meta({ description: 'Who is live in public, latest start first.' })
    .input(page.optional())
    .output(z.object({ items: z.array(stream), nextCursor: z.string().optional() }))
    .query(async ({ ctx, input }) => {
      const { items, ...rest } = await ctx.streams.live({ limit: input?.limit ?? 24, cursor: input?.cursor })
      return { items: items.map(item => render(ctx, item)), ...rest }
    }),

  featured: publicProcedure
    .meta({ description: 'The public live streams with the most viewers.' })
    .input(z.object({ limit: z.int().min(1).max(20).optional() }).optional())
    .output(z.object({ items: z.array(stream) }))
    .query(async ({ ctx, input }) => {
      const limit = input?.limit ?? 6
      const watched = await ctx.streams.listOnAir(ctx.presence.top(MAX_RANKED))
      // What nobody watches comes behind, latest first.
      const latest = watched.length < limit ? (await ctx.streams.live({ limit: MAX_PAGE })).items : []
      const others = latest.filter(each => !watched.some(({ id }) => id === each.id))
      return { items: [...watched, ...others].slice(0, limit).map(item => render(ctx, item)) }
    }),

  get: publicProcedure
    .meta({
      description:
        'One stream, also after its end. Of a private channel, for those who may watch it: else UNAUTHORIZED ' +
        '`not_signed_in`, FORBIDDEN `playback_forbidden`, `playback_token_invalid`.',
    })
    .input(watchedId)
    .output(stream.extend({ ...liking, vodId: z.uuid().optional().describe('The video that it has become') }))
    .query(async ({ ctx, input }) => {
      const found = await ctx.streams.get(input.id)
      const pass = await passFor(ctx, found, input.token)
      const liker = await likerOf(ctx)
      const [likes, isLiked, vodId] = await Promise.all([
        ctx.chat.likes.count(found.id),
        ctx.chat.likes.isLikedBy(found.id, liker),
        vodIdOf(ctx, found),
      ])
      return { ...render(ctx, found, pass), likes, isLiked, ...(vodId !== undefined && { vodId }) }
    }),

  frame: publicProcedure
    .meta({
      description:
        'The address of a picture of one moment of a stream, counted from its first picture, also while it runs: a JPEG in ' +
        'a width of 160, 320, 640 or 1280, or one for a device. Access as for `streams.get`, after its end as for its ' +
        'video. NOT_FOUND `no_picture` when nothing of it is kept.',
    })
    .input(watchedId.extend(frameInput.shape))
    .output(z.object({ url: z.string() }))
    .query(async ({ ctx, input }) => {
      const found = await ctx.streams.get(input.id)
      const vod = await ctx.vods.findByStream(found.id)
      if (vod?.status === 'recording') {
        const path = `/streams/${found.id}/frame.jpg?${frameQuery(input)}`
        return { url: ctx.playback.mediaPath(path, await passFor(ctx, found, input.token)) }
      }
      if (!vod) throw new AppError('NOT_FOUND', 'no_picture', 'Nothing of this stream is kept.')
      const thing = await ctx.playback.vod(vod.id)
      const pass = await ctx.playback.passFor(thing, await askerOf(ctx, input.token))
      return { url: ctx.playback.mediaPath(`/vod/${vod.id}/frame.jpg?${frameQuery(input)}`, pass) }
    }),

  like: publicProcedure
    .meta({ description: 'Likes a stream: once for each account, or each browser. Idempotent.' })
    .input(watchedId)
    .output(z.object(liking))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.react.take(addressKey(ctx))
      const { id, channel } = await getWatched(ctx, input)
      const likes = await ctx.chat.likes.like({ id, channelId: channel.id }, await likerOf(ctx))
      return { likes, isLiked: true }
    }),

  unlike: publicProcedure
    .meta({ description: 'Takes a like back. Idempotent.' })
    .input(watchedId)
    .output(z.object(liking))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.react.take(addressKey(ctx))
      const { id, channel } = await getWatched(ctx, input)
      const likes = await ctx.chat.likes.unlike({ id, channelId: channel.id }, await likerOf(ctx))
      return { likes, isLiked: false }
    }),

  update: signedInProcedure
    .meta({ description: 'Renames a stream. The owner only.' })
    .input(streamId.extend({ title: titleInput }))
    .output(stream)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      return renderOwned(ctx, await ctx.streams.rename(ctx.account.id, input.id, input.title))
    }),

  end: signedInProcedure
    .meta({ description: 'Ends a stream and disconnects its publisher. The owner only. Idempotent.' })
    .input(streamId)
    .output(stream)
    .mutation(async ({ ctx, input }) => {
      await ctx.streams.getOwned(ctx.account.id, input.id)
      await ctx.live.end(
        input.id,
        new AppError('CONFLICT', 'stream_ended', 'The stream was ended by its owner.'),
      )
      await ctx.streams.end(input.id)
      return renderOwned(ctx, await ctx.streams.get(input.id))
    }),

  prefer: signedInProcedure
    .meta({
      description:
        'Lets the primary or the backup publisher feed the stream from its next key frame on, as long as it works. ' +
        'The owner only. CONFLICT `input_absent` when it is not connected.',
    })
    .input(streamId.extend({ role: z.enum(['primary', 'backup']) }))
    .output(stream)
    .mutation(async ({ ctx, input }) => {
      const owned = await ctx.streams.getOwned(ctx.account.id, input.id)
      ctx.limits.change.take(ctx.account.id)
      const running = ctx.live.list().find(each => each.identity.id === input.id)
      if (!running) throw new AppError('CONFLICT', 'input_absent', 'This stream is not running.')
      running.prefer(input.role)
      return renderOwned(ctx, owned)
    }),

  health: signedInProcedure
    .meta({
      description: "The state of a channel's incoming stream, with advice in plain words. The owner only.",
    })
    .input(z.object({ slug: slugInput }))
    .output(z.union([offline.extend({ lastRefusal }), running.extend({ lastRefusal })]))
    .query(async ({ ctx, input }) => {
      const channel = await ctx.channels.getOwnedBySlug(ctx.account.id, input.slug)
      const open = await ctx.streams.findOpen(channel.id)
      const live = ctx.live.find(channel.slug)
      const lastRefusal = refusalOf(ctx, channel.id, open?.status === 'live')
      if (!live || !open || open.status === 'ended') return { status: 'offline' as const, lastRefusal }
      return {
        status: open.status,
        lastRefusal,
        streamId: live.identity.id,
        viewerCount: ctx.presence.viewers(channel.id),
        publishers: live.inputs.map(({ publisher: { remoteAddress, software }, ...input }) => ({
          ...input,
          remoteAddress,
          software,
        })),
        health: live.broadcast?.health() ?? null,
        delays: ctx.viewerDelays.of([live.identity.id]),
      }
    }),
})

/** What was refused a minute before a stream that is live is mended: a breach of its limits shows sooner. */
function refusalOf(ctx: Context, channelId: string, isLive: boolean) {
  const refusal = ctx.live.lastRefusal(channelId)
  if (!refusal || (isLive && Date.now() - refusal.refusedAt > MENDED_AFTER_MS)) return undefined
  return { ...refusal, refusedAt: new Date(refusal.refusedAt).toISOString() }
}

/** A browser that says no key is told apart by its address alone, so that nobody likes a stream a thousand times. */
async function likerOf(ctx: Context): Promise<string> {
  const identity = await ctx.identify().catch(() => undefined)
  if (identity) return identity.account.id
  return ctx.viewerKey === undefined ? `address:${addressKey(ctx)}` : `viewer:${ctx.viewerKey}`
}

/** Of one that is not for everybody, only those hear who are let in by who they are. */
async function vodIdOf(ctx: Context, { id }: Stream): Promise<string | undefined> {
  const vod = await ctx.vods.findByStream(id)
  if (vod?.status !== 'ready') return undefined
  if (vod.visibility === 'public') return vod.id
  const { accountId } = await askerOf(ctx)
  const { role } = await ctx.vods.personIn(vod.channel.id, accountId)
  return role === undefined ? undefined : vod.id
}

async function getWatched(ctx: Context, { id, token }: z.infer<typeof watchedId>): Promise<Stream> {
  const found = await ctx.streams.get(id)
  await passFor(ctx, found, token)
  return found
}

/** What its picture is seen with. Throws for who may not watch the channel. */
async function passFor(ctx: Context, { channel }: Stream, token: string | undefined) {
  const thing = await ctx.playback.channel(channel.id)
  return thing.visibility === 'public' ? undefined : ctx.playback.passFor(thing, await askerOf(ctx, token))
}

async function renderOwned(ctx: Context, owned: Stream) {
  return render(ctx, owned, await passFor(ctx, owned, undefined))
}

function render(
  ctx: Context,
  { channel, createdAt, startedAt, endedAt, ...rest }: Stream,
  pass?: Awaited<ReturnType<typeof passFor>>,
) {
  const isOnAir = rest.status === 'live' || rest.status === 'reconnecting'
  return {
    ...rest,
    channel: { slug: channel.slug, title: channel.title },
    viewerCount: rest.status === 'ended' ? 0 : ctx.presence.viewers(channel.id),
    thumbnailUrl: isOnAir ? ctx.playback.mediaPath(`/thumbnails/${channel.slug}.jpg`, pass) : null,
    createdAt: createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
  }
}
