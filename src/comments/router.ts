/** The procedures `comments.*`. */
import { z } from 'zod'
import { slugInput, tokenInput } from '../api/inputs.ts'
import { addressKey, type Context, publicProcedure, router, signedInProcedure } from '../api/trpc.ts'
import type { Comment, Page } from './records.ts'
import type { Viewer, Visitor } from './service.ts'

const DEFAULT_PAGE = 20
const MAX_PAGE = 100
/** Of code units: more than 2,000 graphemes have, and less than the rules would look at. */
const MAX_TYPED = 33_000

const comment = z.object({
  id: z.uuid(),
  vodId: z.uuid(),
  threadId: z.uuid().nullable().describe('The comment at the head of the thread; null: it is one'),
  author: z
    .object({
      id: z.uuid(),
      username: z.string(),
      badges: z.array(z.enum(['owner', 'moderator', 'vip', 'subscriber'])).readonly(),
    })
    .nullable()
    .describe('Null: it was removed, and stands for the thread below it'),
  text: z.string(),
  status: z
    .enum(['visible', 'held', 'removed'])
    .describe('`held`: only its author sees it, until it is reviewed'),
  replyTo: z.object({ id: z.uuid(), username: z.string() }).nullable(),
  createdAt: z.iso.datetime(),
  editedAt: z.iso.datetime().nullable(),
  likeCount: z.int(),
  isLiked: z.boolean().describe('By the caller'),
  replyCount: z.int(),
})
const comments = z.object({ items: z.array(comment), nextCursor: z.string().optional() })
const page = {
  limit: z.int().min(1).max(MAX_PAGE).optional(),
  cursor: z.string().max(64).optional(),
}
const text = z.string().max(MAX_TYPED).describe('1 to 2,000 characters; line feeds stay')
const reason = z.string().trim().max(500).optional()
const token = tokenInput.optional()
const one = z.object({ id: z.uuid(), token })
const liking = z.object({ likeCount: z.int(), isLiked: z.boolean() })
const done = z.object({})

/** By account, as what moderators do in the chat. */
const moderatorProcedure = signedInProcedure.use(({ ctx, next }) => {
  ctx.limits.moderate.take(ctx.account.id)
  return next()
})

export const commentsRouter = router({
  about: publicProcedure
    .meta({ description: 'How many comments a video has, and what the caller is there.' })
    .input(z.object({ vodId: z.uuid(), token }))
    .output(
      z.object({
        count: z.int().describe('Those that can be seen, replies too'),
        slug: z.string().describe('The channel, whose chat’s rules hold here'),
        me: z
          .object({
            id: z.uuid(),
            username: z.string(),
            isModerator: z.boolean(),
            isBanned: z.boolean(),
            timedOutUntil: z.string().nullable(),
          })
          .nullable()
          .describe('Null: not signed in'),
      }),
    )
    .query(async ({ ctx, input }) => {
      ctx.limits.read.take(addressKey(ctx))
      return ctx.comments.about(await viewerOf(ctx, input.token), input.vodId)
    }),

  list: publicProcedure
    .meta({
      description:
        'The comments on a video: the heads of its threads, newest or most liked first; with `threadId` the replies in ' +
        'that thread, oldest first.',
    })
    .input(
      z.object({
        vodId: z.uuid(),
        threadId: z.uuid().optional(),
        order: z.enum(['newest', 'liked']).optional().describe('Of threads; `newest` unless told'),
        ...page,
        token,
      }),
    )
    .output(comments)
    .query(async ({ ctx, input }) => {
      ctx.limits.read.take(addressKey(ctx))
      const { vodId, threadId, order = 'newest', limit = DEFAULT_PAGE, cursor } = input
      const viewer = await viewerOf(ctx, input.token)
      const request = { vodId, limit, cursor }
      return threadId === undefined
        ? shownPage(await ctx.comments.listThreads(viewer, { ...request, order }))
        : shownPage(await ctx.comments.listReplies(viewer, { ...request, threadId }))
    }),

  add: signedInProcedure
    .meta({
      description:
        'Comments on a video. The rules of the channel’s chat hold: a comment may be refused, or `held` until a moderator ' +
        'has looked.',
    })
    .input(
      z.object({
        vodId: z.uuid(),
        text,
        replyTo: z.uuid().optional().describe('A comment of that video'),
        token,
      }),
    )
    .output(comment)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.send.take(addressKey(ctx))
      return shown(await ctx.comments.add(visitorOf(ctx, input.token), input))
    }),

  edit: signedInProcedure
    .meta({ description: 'Changes what it says, by the same rules; it is marked as edited. Its author.' })
    .input(one.extend({ text }))
    .output(comment)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      return shown(await ctx.comments.edit(visitorOf(ctx, input.token), input.id, input.text))
    }),

  delete: signedInProcedure
    .meta({ description: 'Takes it away; what answers it stays. Its author, owner and moderators.' })
    .input(one.extend({ reason }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      await ctx.comments.delete(visitorOf(ctx, input.token), input.id, input.reason)
      return {}
    }),

  like: signedInProcedure
    .meta({ description: 'Likes it, once.' })
    .input(one)
    .output(liking)
    .mutation(({ ctx, input }) => {
      ctx.limits.react.take(addressKey(ctx))
      return ctx.comments.like(visitorOf(ctx, input.token), input.id)
    }),

  unlike: signedInProcedure
    .meta({ description: 'Likes it no longer.' })
    .input(one)
    .output(liking)
    .mutation(({ ctx, input }) => {
      ctx.limits.react.take(addressKey(ctx))
      return ctx.comments.unlike(visitorOf(ctx, input.token), input.id)
    }),

  held: moderatorProcedure
    .meta({
      description:
        'Comments on the channel’s videos, or on one, that wait for a decision; oldest first. Owner and moderators.',
    })
    .input(z.object({ slug: slugInput, vodId: z.uuid().optional(), ...page }))
    .output(
      z.object({
        items: z.array(
          z.object({ comment, reason: z.enum(['word', 'link', 'first_message']), vodTitle: z.string() }),
        ),
        nextCursor: z.string().optional(),
      }),
    )
    .query(async ({ ctx, input: { slug, limit = DEFAULT_PAGE, ...rest } }) => {
      const { items, ...next } = await ctx.comments.held(ctx.account, slug, { limit, ...rest })
      return { items: items.map(each => ({ ...each, comment: shown(each.comment) })), ...next }
    }),

  review: moderatorProcedure
    .meta({ description: 'Shows a held comment to all, or to nobody. Owner and moderators.' })
    .input(z.object({ id: z.uuid(), isApproved: z.boolean(), reason }))
    .output(done)
    .mutation(async ({ ctx, input: { id, ...decision } }) => {
      await ctx.comments.review(ctx.account, id, decision)
      return {}
    }),
})

type SignedIn = Context & { readonly account: { readonly id: string; readonly username: string } }

/** `token`: of a share link. */
function visitorOf(ctx: SignedIn, token: string | undefined): Visitor {
  const { id, username } = ctx.account
  return { account: { id, username }, address: addressKey(ctx), token }
}

async function viewerOf(ctx: Context, token: string | undefined): Promise<Viewer & { address: string }> {
  const account = (await ctx.identify())?.account
  return { account, address: addressKey(ctx), token }
}

function shownPage({ items, ...next }: Page<Comment>) {
  return { items: items.map(shown), ...next }
}

function shown({ createdAt, editedAt, ...rest }: Comment) {
  return { ...rest, createdAt: createdAt.toISOString(), editedAt: editedAt?.toISOString() ?? null }
}
