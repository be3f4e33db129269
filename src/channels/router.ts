/** The procedures `channels.*`. */
import { z } from 'zod'
import { slugInput, titleInput } from '../api/inputs.ts'
import { type Context, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Channel } from './service.ts'

const description = z
  .string()
  .trim()
  .max(2_000)
  .regex(/^(?:\P{Cc}|[\n\r\t])*$/u, 'must be text')
const channelId = z.object({ channelId: z.uuid() })
const channel = z.object({
  id: z.uuid(),
  slug: z.string().describe("The channel's address: `/SLUG`"),
  title: z.string(),
  description: z.string(),
  owner: z.object({ username: z.string() }),
  createdAt: z.iso.datetime(),
  isLive: z.boolean(),
  streamId: z.uuid().optional().describe('The stream that is open now, in any status but `ended`'),
})
const ingest = z.object({
  streamKey: z.string().describe('Secret: who has it can publish to the channel'),
  ingestUrl: z.string().describe("The encoder's server address: `rtmp://HOST:PORT/live`"),
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
    .meta({ description: 'What everybody may know of a channel.' })
    .input(z.object({ slug: slugInput }))
    .output(channel)
    .query(async ({ ctx, input }) => render(ctx, await ctx.channels.getBySlug(input.slug))),

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

  streamKey: signedInProcedure
    .meta({ description: 'What to enter in the encoder. The owner only.' })
    .input(channelId)
    .output(ingest)
    .query(async ({ ctx, input }) => ({
      streamKey: await ctx.channels.streamKey(ctx.account.id, input.channelId),
      ingestUrl: ingestUrl(ctx),
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
      return { streamKey, ingestUrl: ingestUrl(ctx) }
    }),
})

async function render(ctx: Context, { owner, createdAt, ...rest }: Channel) {
  const open = await ctx.streams.findOpen(rest.id)
  return {
    ...rest,
    owner: { username: owner.username },
    createdAt: createdAt.toISOString(),
    isLive: open?.status === 'live' || open?.status === 'reconnecting',
    ...(open && { streamId: open.id }),
  }
}

function ingestUrl(ctx: Context): string {
  return `rtmp://${ctx.origin.hostname}:${ctx.rtmpPort}/live`
}
