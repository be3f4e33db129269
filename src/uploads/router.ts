/** The procedure `uploads.create`; the file itself goes to the address that it answers. */
import { z } from 'zod'
import { titleInput } from '../api/inputs.ts'
import { router, signedInProcedure } from '../api/trpc.ts'

const MAX_TAGS = 20

export const uploadsRouter = router({
  create: signedInProcedure
    .meta({
      description:
        'Begins a video whose file is then sent to `uploadUrl` by the tus protocol, in requests of up to 64 MB. Owner and ' +
        'moderators. It is played when `vods.get` says `ready`, and `progress` until then.',
    })
    .input(
      z.object({
        channelId: z.uuid(),
        sizeBytes: z.int().min(1).describe('Of the file'),
        title: titleInput,
        description: z.string().trim().max(5_000).optional(),
        tags: z.array(z.string().trim().min(1).max(40)).max(MAX_TAGS).optional(),
        visibility: z.enum(['public', 'unlisted', 'private']).default('public'),
      }),
    )
    .output(z.object({ vodId: z.uuid(), uploadUrl: z.string().describe('A path of this server') }))
    .mutation(({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      return ctx.uploads.create(ctx.account.id, input)
    }),
})
