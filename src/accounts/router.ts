/** The procedures `auth.*`. */
import { z } from 'zod'
import { addressKey, type Context, publicProcedure, router } from '../api/trpc.ts'
import { AppError } from '../errors.ts'
import type { Account, Identity, TokenPair } from './service.ts'

const credentials = z.object({
  username: z.string().max(64).describe('3 to 24 of a-z, 0-9 and _; case does not matter'),
  password: z.string().max(1024).describe('8 to 128 characters'),
})
const account = z.object({ id: z.uuid(), username: z.string() })
const tokens = {
  accessToken: z.string().describe('For `Authorization: Bearer`; lasts 15 minutes'),
  refreshToken: z.string().describe('Good for one `auth.refresh` within 30 days'),
  accessTokenExpiresAt: z.iso.datetime(),
}
const signedIn = z.object({ account, ...tokens })

export const authRouter = router({
  signUp: publicProcedure
    .meta({
      description: 'Makes an account and signs in: tokens for programs, a session cookie for browsers.',
    })
    .input(credentials)
    .output(signedIn)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.signUp.take(addressKey(ctx))
      return start(ctx, await ctx.accounts.signUp(input))
    }),

  signIn: publicProcedure
    .meta({ description: 'Signs in: tokens for programs, a session cookie for browsers.' })
    .input(credentials)
    .output(signedIn)
    .mutation(async ({ ctx, input }) => {
      ctx.limits.signIn.take(addressKey(ctx))
      ctx.limits.password.take(`${input.username.trim().toLowerCase()} ${addressKey(ctx)}`)
      return start(ctx, await ctx.accounts.checkPassword(input))
    }),

  refresh: publicProcedure
    .meta({
      description:
        'A new pair of tokens. The old refresh token is spent: presenting it again signs everything out.',
    })
    .input(z.object({ refreshToken: z.string().max(256) }))
    .output(z.object(tokens))
    .mutation(async ({ ctx, input }) => {
      ctx.limits.refresh.take(addressKey(ctx))
      return render(await ctx.accounts.refresh(input.refreshToken))
    }),

  signOut: publicProcedure
    .meta({
      description:
        'Ends the session and revokes the tokens of the same sign-in. Not being signed in is no error.',
    })
    .input(z.object({ refreshToken: z.string().max(256).optional() }).optional())
    .output(z.object({ isSignedIn: z.literal(false) }))
    .mutation(async ({ ctx, input }) => {
      const identity = await identifyLeniently(ctx)
      if (input?.refreshToken !== undefined) await ctx.accounts.signOutByRefreshToken(input.refreshToken)
      if (identity) await ctx.accounts.signOut(identity.familyId)
      ctx.responseHeaders.delete('set-cookie')
      ctx.responseHeaders.append('set-cookie', ctx.accounts.blankCookie(ctx.isSecure))
      return { isSignedIn: false }
    }),

  me: publicProcedure
    .meta({ description: 'The account that calls, or null when nobody is signed in.' })
    .output(account.nullable())
    .query(async ({ ctx }) => (await ctx.identify())?.account ?? null),
})

/** A session that the browser had before ends: it gets a new one at every sign-in. */
async function start(ctx: Context, account: Account) {
  const former = await identifyLeniently(ctx)
  if (former?.renewedCookie !== undefined) ctx.responseHeaders.delete('set-cookie')
  const { tokens, cookie } = await ctx.accounts.start(account, ctx.isSecure)
  ctx.responseHeaders.append('set-cookie', cookie)
  if (former) await ctx.accounts.signOut(former.familyId)
  return { account, ...render(tokens) }
}

/** Who presents a token that is no longer good is nobody. */
function identifyLeniently(ctx: Context): Promise<Identity | undefined> {
  return ctx.identify().catch(error => {
    if (error instanceof AppError) return undefined
    throw error
  })
}

function render(pair: TokenPair) {
  return { ...pair, accessTokenExpiresAt: pair.accessTokenExpiresAt.toISOString() }
}
