/** The procedure `chat.replay`. */
import { z } from 'zod'
import { addressKey, allowCaching, publicProcedure } from '../api/trpc.ts'
import { message } from './schemas.ts'

const DEFAULT_LIMIT = 200
const MAX_LIMIT = 500
/** Four weeks, which no stream lasts. */
const MAX_MS = 2_419_200_000
/** A message that a moderator deletes is gone for everybody after that. */
const CACHED_SECONDS = 20

const time = z.int().min(0).max(MAX_MS)

export const replayProcedures = {
  replay: publicProcedure
    .meta({
      description:
        'What was said while a video was made, in time with its picture: the messages from `fromMs` until before `toMs` on ' +
        'its time line, oldest first. The answers of a public video may be cached for 20 s, so ask for round times.',
    })
    .input(
      z.object({
        vodId: z.uuid(),
        fromMs: time,
        toMs: time,
        limit: z.int().min(1).max(MAX_LIMIT).optional(),
        cursor: z.string().max(64).optional(),
      }),
    )
    .output(
      z.object({
        items: z.array(message.extend({ offsetMs: z.int().describe('On the video’s time line') })),
        nextCursor: z.string().optional(),
      }),
    )
    .query(async ({ ctx, input }) => {
      ctx.limits.read.take(addressKey(ctx))
      const account = (await ctx.identify())?.account
      const request = { ...input, limit: input.limit ?? DEFAULT_LIMIT }
      const { isPublic, ...page } = await ctx.chat.replay.read(account?.id, request)
      if (isPublic) allowCaching(ctx, CACHED_SECONDS)
      return page
    }),
}
