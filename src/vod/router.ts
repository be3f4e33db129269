/** The procedures `vods.*`. */
import { z } from 'zod'
import { frameInput, frameQuery, slugInput, titleInput, tokenInput } from '../api/inputs.ts'
import { addressKey, askerOf, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import { describe, passFor, summarize } from './rendering.ts'

const DEFAULT_PAGE = 24
const MAX_PAGE = 100
const MAX_TAGS = 20
const MAX_MS = 1_000_000_000

const visibility = z.enum(['public', 'unlisted', 'private', 'off'])
const kind = z.enum(['live', 'upload', 'clip'])
const summary = z.object({
  id: z.uuid(),
  streamId: z.uuid().nullable().describe('Of `live`: the stream it is the recording of'),
  kind,
  title: z.string(),
  durationMs: z.int().nullable(),
  status: z.enum(['recording', 'processing', 'ready', 'failed']),
  visibility,
  thumbnailUrl: z.string().nullable(),
  viewCount: z.int(),
  createdAt: z.iso.datetime(),
  author: z
    .object({ username: z.string() })
    .optional()
    .describe('Who cut the clip or sent the file; absent: the channel itself'),
})
const details = summary.extend({
  description: z.string(),
  tags: z.array(z.string()),
  channel: z.object({ slug: z.string(), title: z.string() }),
  problem: z.string().nullable().describe('What is wrong with it, for who may edit it'),
  progress: z.number().nullable().describe('0 to 1 while it is processed'),
  startedAt: z.iso.datetime().nullable().describe('Of `live`: the stream’s first key frame'),
  sizeBytes: z.int(),
  hlsUrl: z.string().nullable().describe('Null unless it is `ready`, as all addresses of media'),
  dashUrl: z.string().nullable(),
  downloadUrl: z.string().nullable().describe('One MP4'),
  storyboardUrl: z.string().nullable().describe('WebVTT with small pictures for seeking; null: not made yet'),
  thumbnailMs: z.int().nullable().describe('Where its thumbnail is taken from; null: chosen by itself'),
  thumbnailCandidates: z
    .array(z.object({ offsetMs: z.int(), url: z.string() }))
    .describe('Moments that could stand for it, for who may edit it; the most telling first'),
  positionMs: z.int().describe('Where the caller stopped watching; 0 for a guest'),
  sourceId: z.uuid().nullable().describe('Of a clip: what it was cut from, as long as that exists'),
  clip: z
    .object({ fromMs: z.int(), toMs: z.int(), isExact: z.boolean() })
    .nullable()
    .describe('Of a clip: the part of its source'),
  canEdit: z.boolean(),
})
const one = z.object({ id: z.uuid() })
const watched = one.extend({ token: tokenInput.optional() })
const description = z
  .string()
  .trim()
  .max(5_000)
  .regex(/^(?:\P{Cc}|[\n\r\t])*$/u, 'must be text')
const tag = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^\P{Cc}*$/u, 'must be one line of text')

export const vodsRouter = router({
  list: publicProcedure
    .meta({
      description:
        'Videos of a channel, latest first: those for everybody, for who has a role in the channel private ones too, for ' +
        'who runs it all, in any status.',
    })
    .input(
      z.object({
        slug: slugInput,
        kind: kind.optional(),
        limit: z.int().min(1).max(MAX_PAGE).optional(),
        cursor: z.string().max(64).optional(),
      }),
    )
    .output(z.object({ items: z.array(summary), nextCursor: z.string().optional() }))
    .query(async ({ ctx, input: { slug, limit = DEFAULT_PAGE, ...rest } }) => {
      const { id: channelId } = await ctx.channels.getBySlug(slug)
      const asker = await askerOf(ctx)
      const page = await ctx.vods.list({ channelId, limit, ...rest, accountId: asker.accountId })
      const items = page.items.map(async vod => {
        // What somebody sees in the list, they may watch, but for what is still on its way.
        const pass = await passFor(ctx, vod, asker).catch(() => undefined)
        return summarize(ctx, vod, pass)
      })
      return { ...page, items: await Promise.all(items) }
    }),

  get: publicProcedure
    .meta({
      description:
        'One video, with addresses to watch it. What is private: UNAUTHORIZED `not_signed_in`, FORBIDDEN ' +
        '`playback_forbidden`, unless `token` is one of a share link or of `playback.sources`.',
    })
    .input(watched)
    .output(details)
    .query(async ({ ctx, input }) =>
      describe(ctx, await ctx.vods.get(input.id), await askerOf(ctx, input.token)),
    ),

  update: signedInProcedure
    .meta({
      description:
        'Changes some of a video. Who runs its channel, or made it. BAD_REQUEST `visibility_off` unless it is being ' +
        'recorded; FORBIDDEN `clip_too_visible`.',
    })
    .input(
      one.extend({
        title: titleInput.optional(),
        description: description.optional(),
        tags: z.array(tag).max(MAX_TAGS).optional(),
        visibility: visibility.optional(),
        thumbnailMs: z.int().min(0).max(MAX_MS).nullable().optional(),
      }),
    )
    .output(details)
    .mutation(async ({ ctx, input: { id, tags, ...edit } }) => {
      ctx.limits.change.take(ctx.account.id)
      const unique = tags && [...new Set(tags)]
      const vod = await ctx.vods.update(ctx.account.id, id, { ...edit, tags: unique })
      return describe(ctx, vod, await askerOf(ctx))
    }),

  delete: signedInProcedure
    .meta({
      description:
        'Deletes a video, and all its media. Who runs its channel, or made it. CONFLICT `vod_recording` while it is being ' +
        'recorded.',
    })
    .input(one)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      await ctx.vods.delete(ctx.account.id, input.id)
      return {}
    }),

  watched: publicProcedure
    .meta({
      description:
        'A player tells, every now and then, how far it has got: an account can go on there, and a person is counted once ' +
        'a day.',
    })
    .input(watched.extend({ positionMs: z.int().min(0).max(MAX_MS) }))
    .output(z.object({}))
    .mutation(async ({ ctx, input: { id, positionMs, token } }) => {
      ctx.limits.report.take(addressKey(ctx))
      const [vod, asker] = [await ctx.vods.get(id), await askerOf(ctx, token)]
      await passFor(ctx, vod, asker)
      if (vod.status === 'ready')
        await ctx.views.watched(vod, { accountId: asker.accountId, viewerKey: ctx.viewerKey }, positionMs)
      return {}
    }),

  frame: publicProcedure
    .meta({
      description:
        'The address of a picture of one moment, a JPEG in a width of 160, 320, 640 or 1280, or one for a device. Access as ' +
        'for `vods.get`.',
    })
    .input(watched.extend(frameInput.shape))
    .output(z.object({ url: z.string() }))
    .query(async ({ ctx, input }) => {
      const vod = await ctx.vods.get(input.id)
      const pass = await passFor(ctx, vod, await askerOf(ctx, input.token))
      return { url: ctx.playback.mediaPath(`/vod/${vod.id}/frame.jpg?${frameQuery(input)}`, pass) }
    }),
})
