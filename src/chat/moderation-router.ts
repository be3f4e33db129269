/** The procedures `chat.*` of moderators. */
import { z } from 'zod'
import { slugInput } from '../api/inputs.ts'
import { router, signedInProcedure } from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Target } from './records.ts'
import { bans, done, held, log, page, reason, role, roles, seconds, settings, target } from './schemas.ts'
import { settingsChanges } from './settings.ts'

const DEFAULT_PAGE = 50

export const inRoom = { slug: slugInput }
export const room = z.object(inRoom)

/** By account; reading a room's log is as free as reading the room. */
const moderatorProcedure = signedInProcedure.use(({ ctx, next }) => {
  ctx.limits.moderate.take(ctx.account.id)
  return next()
})
const inChat = { ...inRoom, ...target }
const paged = z.object({ ...inRoom, ...page })
const oneMessage = z.object({ ...inRoom, id: z.uuid() })

export const moderationProcedures = {
  settings: moderatorProcedure
    .meta({ description: 'How the room is run, blocked words too. Owner and moderators.' })
    .input(room)
    .output(settings)
    .query(({ ctx, input }) => ctx.chat.rooms.moderation.settings(ctx.account, input.slug)),

  updateSettings: moderatorProcedure
    .meta({ description: 'Changes what is given. Owner and moderators.' })
    .input(room.extend(settingsChanges.shape))
    .output(settings)
    .mutation(({ ctx, input: { slug, ...rest } }) =>
      ctx.chat.rooms.moderation.updateSettings(ctx.account, slug, rest),
    ),

  delete: moderatorProcedure
    .meta({ description: 'Takes a message away from everybody. Its author, owner and moderators.' })
    .input(oneMessage.extend({ reason }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      await ctx.chat.rooms.moderation.deleteMessage(ctx.account, input.slug, input.id, input.reason)
      return {}
    }),

  timeout: moderatorProcedure
    .meta({ description: 'Silences for a while, and hides what was written. Owner and moderators.' })
    .input(z.object({ ...inChat, seconds, reason }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      await ctx.chat.rooms.moderation.timeout(ctx.account, input.slug, targetOf(input), input)
      return {}
    }),

  untimeout: moderatorProcedure
    .meta({ description: 'Lets speak again. Owner and moderators.' })
    .input(z.object(inChat))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      await ctx.chat.rooms.moderation.untimeout(ctx.account, input.slug, targetOf(input))
      return {}
    }),

  ban: moderatorProcedure
    .meta({
      description:
        'Puts out, everywhere within a second, until `unban` or for `seconds`. With `isShadow` they are heard by ' +
        'nobody else and do not know. Owner and moderators.',
    })
    .input(
      z.object({
        ...{ ...inChat, seconds: seconds.optional(), reason, isShadow: z.boolean().optional() },
        isAddressToo: z.boolean().optional().describe('The address that `messageId` came from, too'),
      }),
    )
    .output(done)
    .mutation(async ({ ctx, input }) => {
      const { slug, isShadow, isAddressToo = false, reason, seconds } = input
      const who = targetOf(input)
      if (isShadow) await ctx.chat.rooms.moderation.shadow(ctx.account, slug, who, reason)
      else await ctx.chat.rooms.moderation.ban(ctx.account, slug, who, { seconds, reason, isAddressToo })
      return {}
    }),

  unban: moderatorProcedure
    .meta({ description: 'Lets in again; ends a timeout, too. Owner and moderators.' })
    .input(z.object({ ...inChat, isShadow: z.boolean().optional() }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      const { moderation } = ctx.chat.rooms
      if (input.isShadow) await moderation.unshadow(ctx.account, input.slug, targetOf(input))
      else await moderation.unban(ctx.account, input.slug, targetOf(input))
      return {}
    }),

  clear: moderatorProcedure
    .meta({ description: 'Takes away all that was said so far. Owner and moderators.' })
    .input(z.object({ ...inRoom, reason }))
    .output(done)
    .mutation(async ({ ctx, input }) => {
      await ctx.chat.rooms.moderation.clear(ctx.account, input.slug, input.reason)
      return {}
    }),

  log: moderatorProcedure
    .meta({ description: 'Who did what to whom, and why; newest first. Owner and moderators.' })
    .input(paged)
    .output(log)
    .query(async ({ ctx, input }) => {
      const { items, ...rest } = await ctx.chat.rooms.review.log(ctx.account, input.slug, pageOf(input))
      const shown = items.map(({ until, actedAt, ...entry }) => ({
        ...entry,
        until: until?.toISOString() ?? null,
        actedAt: actedAt.toISOString(),
      }))
      return { items: shown, ...rest }
    }),

  bans: moderatorProcedure
    .meta({ description: 'Bans and timeouts in force, newest first. Owner and moderators.' })
    .input(paged)
    .output(bans)
    .query(async ({ ctx, input }) => {
      const { items, ...rest } = await ctx.chat.rooms.review.bans(ctx.account, input.slug, pageOf(input))
      const shown = items.map(({ until, createdAt, ...ban }) => ({
        ...ban,
        until: until?.toISOString() ?? null,
        createdAt: createdAt.toISOString(),
      }))
      return { items: shown, ...rest }
    }),

  held: router({
    list: moderatorProcedure
      .meta({ description: 'Messages that wait for a decision, oldest first. Owner and moderators.' })
      .input(paged)
      .output(held)
      .query(({ ctx, input }) => ctx.chat.rooms.review.held(ctx.account, input.slug, pageOf(input))),

    approve: moderatorProcedure
      .meta({ description: 'Shows a held message to all. Owner and moderators.' })
      .input(oneMessage)
      .output(done)
      .mutation(async ({ ctx, input }) => {
        await ctx.chat.rooms.review.approve(ctx.account, input.slug, input.id)
        return {}
      }),

    reject: moderatorProcedure
      .meta({ description: 'Shows a held message to nobody. Owner and moderators.' })
      .input(oneMessage.extend({ reason }))
      .output(done)
      .mutation(async ({ ctx, input }) => {
        await ctx.chat.rooms.review.reject(ctx.account, input.slug, input.id, input.reason)
        return {}
      }),
  }),

  roles: router({
    list: moderatorProcedure
      .meta({ description: 'Everybody with a role beside the owner, by name. Owner and moderators.' })
      .input(room)
      .output(roles)
      .query(async ({ ctx, input }) => ({
        items: await ctx.chat.rooms.review.roles(ctx.account, input.slug),
      })),

    set: moderatorProcedure
      .meta({ description: 'Gives an account a role in place of the one it has. The owner only.' })
      .input(z.object({ ...inRoom, username: z.string().max(32), role }))
      .output(done)
      .mutation(async ({ ctx, input }) => {
        await ctx.chat.rooms.moderation.setRole(ctx.account, input.slug, input.username, input.role)
        return {}
      }),

    remove: moderatorProcedure
      .meta({ description: 'Takes its role from an account. The owner only.' })
      .input(z.object({ ...inRoom, username: z.string().max(32) }))
      .output(done)
      .mutation(async ({ ctx, input }) => {
        await ctx.chat.rooms.moderation.removeRole(ctx.account, input.slug, input.username)
        return {}
      }),
  }),
}

function pageOf({ limit, cursor }: { limit?: number | undefined; cursor?: string | undefined }) {
  return { limit: limit ?? DEFAULT_PAGE, cursor }
}

/** Throws `AppError` INVALID (`target_invalid`) unless exactly one is given. */
function targetOf(input: {
  username?: string | undefined
  messageId?: string | undefined
  addressRange?: string | undefined
}): Target {
  const { username, messageId, addressRange } = input
  const given: Target[] = [
    ...(username === undefined ? [] : [{ username }]),
    ...(messageId === undefined ? [] : [{ messageId }]),
    ...(addressRange === undefined ? [] : [{ addressRange }]),
  ]
  const [target] = given
  if (!target || given.length > 1)
    throw new AppError('INVALID', 'target_invalid', 'Name one of username, messageId and addressRange.')
  return target
}
