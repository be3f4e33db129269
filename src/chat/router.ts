/** The procedures `chat.*`. */
import { z } from 'zod'
import {
  addressKey,
  type Context,
  publicProcedure,
  router,
  signedInProcedure,
  TRPCError,
  tracked,
} from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Chatter } from './chat.ts'
import { inRoom, moderationProcedures, room } from './moderation-router.ts'
import { REACTIONS } from './reactions-room.ts'
import { replayProcedures } from './replay-router.ts'
import { type FeedEnd, RoomFeed } from './room-feed.ts'
import { done, emote, history, page, publicSettings, said, standing } from './schemas.ts'

const DEFAULT_PAGE = 50
const MAX_NAMES = 500
/** What a picture of 256 KiB has in base64. */
const MAX_IMAGE_CHARS = 350_000

const emoteProcedures = router({
  list: publicProcedure
    .meta({ description: "The channel's emotes, by code." })
    .input(z.object({ channelId: z.uuid() }))
    .output(z.object({ items: z.array(emote) }))
    .query(async ({ ctx, input }) => ({ items: await ctx.chat.emotes.list(input.channelId) })),

  add: signedInProcedure
    .meta({
      description:
        'Adds a picture (PNG, JPEG, GIF or WebP, 256 KiB at most) that `:code:` stands for; it is made to fit 112 by ' +
        '112 pixels. A channel has 100 at most. Owner and moderators.',
    })
    .input(
      z.object({
        channelId: z.uuid(),
        code: z.string().max(32).describe('2 to 32 letters, digits and _'),
        image: z.base64().max(MAX_IMAGE_CHARS),
      }),
    )
    .output(emote)
    .mutation(({ ctx, input: { image, ...rest } }) => {
      ctx.limits.change.take(ctx.account.id)
      return ctx.chat.emotes.add(ctx.account.id, { ...rest, image: Buffer.from(image, 'base64') })
    }),

  remove: signedInProcedure
    .meta({ description: 'Removes an emote. Owner and moderators.' })
    .input(z.object({ id: z.uuid() }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      await ctx.chat.emotes.remove(ctx.account.id, input.id)
      return {}
    }),
})

export const chatRouter = router({
  room: publicProcedure
    .meta({ description: "A channel's chat, and what the caller is in it." })
    .input(room)
    .output(
      z.object({
        seq: z.int().describe('The place of the last event'),
        settings: publicSettings,
        reactions: z.array(z.string()).readonly().describe('What can be sent by `chat.react`'),
        me: standing.extend({ isGuest: z.boolean() }),
      }),
    )
    .query(({ ctx, input }) =>
      inTheRoom(ctx, input.slug, async (opened, chatter) => {
        const me = await opened.enter(chatter)
        const { seq, settings } = opened
        return { seq, settings, reactions: REACTIONS, me: { ...me, isGuest: !chatter.account } }
      }),
    ),

  history: publicProcedure
    .meta({ description: 'What was said, newest first.' })
    .input(z.object({ ...inRoom, ...page }))
    .output(history)
    .query(async ({ ctx, input }) => {
      ctx.limits.read.take(addressKey(ctx))
      const page = { limit: input.limit ?? DEFAULT_PAGE, cursor: input.cursor }
      return ctx.chat.rooms.history(input.slug, page, await chatterOf(ctx))
    }),

  send: publicProcedure
    .meta({
      description:
        'Says something, or carries out the command that it is (`/timeout bob 600 spam`). Guests only where the room ' +
        'lets them.',
    })
    .input(
      z.object({
        ...inRoom,
        text: z.string().max(10_000).describe('1 to 500 characters'),
        replyTo: z.uuid().optional().describe('The id of the message that it answers'),
      }),
    )
    .output(said)
    .mutation(({ ctx, input }) => {
      ctx.limits.send.take(addressKey(ctx))
      return inTheRoom(ctx, input.slug, async (opened, chatter) => {
        const { text, replyTo } = input
        const result = await opened.say(chatter, { text, replyTo })
        switch (result.outcome) {
          case 'sent':
            return { outcome: 'sent' as const, ...result.message.message }
          case 'hidden':
            // As if it were shown: its author is not to know.
            return { outcome: 'sent' as const, ...result.message }
          default:
            return { outcome: result.outcome, notice: result.text }
        }
      })
    }),

  onMessage: publicProcedure
    .meta({
      description:
        'Server-sent events: messages and everything else that happens in the room, in the one order that all see. ' +
        'Each has an id; who comes back with the last as `lastEventId` misses nothing, and hears of a `notice` `gap` ' +
        'where that would be too much. The first tells the settings. Owner and moderators hear of `held` messages, which ' +
        'wait for `chat.held.approve` or `chat.held.reject`, and when these are `reviewed`.',
    })
    .input(
      z.object({
        ...inRoom,
        lastEventId: z
          .string()
          .regex(/^\d{1,15}$/)
          .nullish(),
      }),
    )
    // Refused is before the stream begins: what a generator throws is no answer any more.
    .subscription(async ({ ctx, input, signal }) => {
      ctx.limits.read.take(addressKey(ctx))
      const feed = await openFeed(ctx, input.slug, { lastEventId: input.lastEventId, signal })
      return eventsOf(feed, ctx.chat.tally)
    }),

  ticket: signedInProcedure
    .meta({
      description:
        "Lets the caller join the channel's WebSocket from a page of another origin: `/chat/SLUG?ticket=…`, within 30 s.",
    })
    .input(room)
    .output(z.object({ ticket: z.string(), expiresAt: z.iso.datetime() }))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.send.take(addressKey(ctx))
      await ctx.channels.getBySlug(input.slug)
      const { ticket, expiresAt } = await ctx.chat.tickets.sign(ctx.account, input.slug)
      return { ticket, expiresAt: expiresAt.toISOString() }
    }),

  react: publicProcedure
    .meta({ description: 'Lets a reaction float over the picture. Everybody sees the sum, twice a second.' })
    .input(z.object({ ...inRoom, reaction: z.string().max(16) }))
    .output(done)
    .mutation(({ ctx, input }) => {
      ctx.limits.react.take(addressKey(ctx))
      return inTheRoom(ctx, input.slug, async (opened, chatter) => {
        await opened.enter(chatter)
        opened.react(chatter, input.reaction)
        return {}
      })
    }),

  chatters: publicProcedure
    .meta({ description: 'Who is in the chat: how many people, and names of accounts, at most 500.' })
    .input(room)
    .output(z.object({ count: z.int(), names: z.array(z.string()) }))
    .query(({ ctx, input }) => {
      ctx.limits.read.take(addressKey(ctx))
      return inTheRoom(ctx, input.slug, async (opened, chatter) => {
        await opened.rankOf(chatter)
        const { channelId: id } = opened
        return { count: ctx.presence.chatters(id), names: await ctx.presence.names(id, MAX_NAMES) }
      })
    }),

  emotes: emoteProcedures,
  ...replayProcedures,
  ...moderationProcedures,
})

type OpenRoom = Awaited<ReturnType<Context['chat']['rooms']['open']>>

async function inTheRoom<T>(
  ctx: Context,
  slug: string,
  work: (room: OpenRoom, chatter: Chatter) => Promise<T>,
): Promise<T> {
  const chatter = await chatterOf(ctx)
  const opened = await ctx.chat.rooms.open(slug)
  try {
    return await work(opened, chatter)
  } finally {
    opened.release()
  }
}

async function openFeed(
  ctx: Context,
  slug: string,
  { lastEventId, signal }: { lastEventId: string | null | undefined; signal: AbortSignal | undefined },
): Promise<RoomFeed> {
  const { readers, rooms, tally } = ctx.chat
  const chatter = await chatterOf(ctx)
  const opened = await rooms.open(slug)
  const after = lastEventId ? Number(lastEventId) : undefined
  let onClosed: (end?: FeedEnd) => void
  let isModerator: boolean
  try {
    const { username, ...standing } = await opened.enter(chatter)
    isModerator = standing.isModerator
    if (!readers.add(chatter.address))
      throw new AppError('LIMIT', 'busy', 'Too many are reading from this address.', {
        retryAfterSeconds: 30,
      })
    const ends = [
      () => readers.remove(chatter.address),
      tally.connect('sse'),
      opened.arrive(chatter, username),
    ]
    onClosed = end => {
      if (end?.cause === 'too_slow') tally.droppedReaders++
      for (const each of ends) each()
    }
  } catch (error) {
    opened.release()
    throw error
  }
  return RoomFeed.open({ room: opened, chatter, isModerator, after, signal, onClosed })
}

/** A generator that was never begun would not run its `finally`: the request's signal closes the feed then. */
async function* eventsOf(feed: RoomFeed, tally: Context['chat']['tally']) {
  try {
    for (let item = await feed.next(); item; item = await feed.next()) {
      tally.deliveries++
      yield tracked(String(item.seq), item.event)
    }
  } finally {
    feed.close()
  }
  if (feed.end?.cause === 'expelled') {
    const cause = feed.end.error
    throw new TRPCError({ code: 'FORBIDDEN', message: cause.message, cause })
  }
  // Clients come back after this code, and resume after the last event that they took.
  if (feed.end?.cause === 'too_slow')
    throw new TRPCError({ code: 'SERVICE_UNAVAILABLE', message: 'Too slow. Come back.' })
}

async function chatterOf(ctx: Context): Promise<Chatter> {
  const identity = await ctx.identify()
  const address = addressKey(ctx)
  return { account: identity?.account, address, viewerKey: ctx.viewerKey ?? crypto.randomUUID() }
}
