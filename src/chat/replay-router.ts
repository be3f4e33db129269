/** The procedure `chat.replay`. */
import { z } from 'zod'
import { tokenInput } from '../api/inputs.ts'
import { addressKey, allowCaching, askerOf, publicProcedure } from '../api/trpc.ts'
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
        token: tokenInput.optional(),
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
      const { token, limit = DEFAULT_LIMIT, ...times } = input
      const asker = await askerOf(ctx, token)
      const { isPublic, ...page } = await ctx.chat.replay.read(asker, { ...times, limit })
      if (isPublic) allowCaching(ctx, CACHED_SECONDS)
      return page
    }),
}
