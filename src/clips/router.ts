/** The procedures `clips.*`: what comes of a clip is a VOD like any other. */
import { z } from 'zod'
import { slugInput, titleInput } from '../api/inputs.ts'
import { addressKey, router, signedInProcedure } from '../api/trpc.ts'
import { MAX_CLIP_MS } from './service.ts'

const what = {
  title: titleInput,
  token: z.string().max(4096).optional().describe('What the caller watches it with, where it is private'),
  isExact: z
    .boolean()
    .optional()
    .describe('Its ends are encoded again; otherwise it is widened to the next key frames'),
}
const range = {
  ...what,
  fromMs: z
    .number()
    .min(0)
    .describe('On the time line of the video; of a running stream, on that of its recording'),
  toMs: z
    .number()
    .min(0)
    .describe(`Up to ${MAX_CLIP_MS / 1000} s later`),
}

/** Of what is live, as its viewers see when it was captured. */
const times = { ...what, fromAt: z.iso.datetime(), toAt: z.iso.datetime() }

export const clipsRouter = router({
  create: signedInProcedure
    .meta({
      description:
        'Cuts a clip out of a video or of what a channel shows live. Its `status` is `processing` until it is made. The ' +
        'channel says who may, and its chat’s rules hold.',
    })
    .input(
      z.union([
        z.object({ vodId: z.uuid(), ...range }),
        z.object({ slug: slugInput, ...range }),
        z.object({ slug: slugInput, ...times }),
      ]),
    )
    .output(z.object({ id: z.uuid() }))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.change.take(ctx.account.id)
      const { title, token, isExact = false } = input
      const range =
        'fromAt' in input
          ? { fromMs: Date.parse(input.fromAt), toMs: Date.parse(input.toAt), isWallClock: true }
          : { fromMs: input.fromMs, toMs: input.toMs }
      const of = 'vodId' in input ? { vodId: input.vodId } : { slug: input.slug }
      const maker = { account: ctx.account, address: addressKey(ctx) }
      return ctx.clips.create(maker, { of, ...range, title, token, isExact })
    }),
})
