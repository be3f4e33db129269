/** The ground of every procedure: its context, who may call it, and how errors reach the caller. */
import { initTRPC, TRPCError, tracked } from '@trpc/server'
import { ZodError } from 'zod'
import type { AccountsService, Identity } from '../accounts/service.ts'
import type { ChannelsService } from '../channels/service.ts'
import type { Emotes } from '../chat/emotes.ts'
import type { Likes } from '../chat/likes.ts'
import type { Replay } from '../chat/replay.ts'
import type { ChatService } from '../chat/service.ts'
import type { ChatTally } from '../chat/tally.ts'
import type { ChatTickets } from '../chat/tickets.ts'
import type { ClipsService } from '../clips/service.ts'
import type { CommentsService } from '../comments/service.ts'
import type { ConnectionTally } from '../connection-tally.ts'
import { AppError, type ErrorKind } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { ViewerDelays } from '../live/viewer-delays.ts'
import type { Asker, PlaybackService } from '../playback/service.ts'
import type { Presence } from '../presence/presence.ts'
import type { StreamsService } from '../streams/service.ts'
import type { UploadsService } from '../uploads/service.ts'
import type { VodService } from '../vod/service.ts'
import type { Views } from '../vod/views.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { limitKey, type RequestFacts } from './request-facts.ts'

/** What makes up the chat, as procedures see it. */
export interface ChatParts {
  readonly rooms: Pick<ChatService, 'open' | 'history' | 'moderation' | 'review' | 'standingChanged'>
  readonly replay: Pick<Replay, 'read'>
  readonly emotes: Pick<Emotes, 'list' | 'add' | 'remove' | 'findImage'>
  readonly likes: Pick<Likes, 'like' | 'unlike' | 'count' | 'isLikedBy'>
  readonly tickets: Pick<ChatTickets, 'sign'>
  readonly tally: ChatTally
  /** Counts event streams by address. */
  readonly readers: ConnectionTally
}

/** What procedures reach beside the request: the services, and the media plane. */
export interface Services {
  readonly accounts: AccountsService
  readonly channels: ChannelsService
  readonly streams: StreamsService
  readonly playback: PlaybackService
  readonly live: Pick<Live, 'find' | 'list' | 'end' | 'lastRefusal'>
  readonly presence: Pick<Presence, 'viewers' | 'top' | 'chatters' | 'ownChatters' | 'names'>
  readonly chat: ChatParts
  readonly comments: CommentsService
  readonly uploads: Pick<UploadsService, 'create'>
  readonly clips: Pick<ClipsService, 'create'>
  readonly vods: VodService
  readonly views: Pick<Views, 'watched' | 'position'>
}

export interface Limits {
  /** By address. */
  readonly signUp: RateLimiter
  /** By address. */
  readonly signIn: RateLimiter
  /** By username and address. */
  readonly password: RateLimiter
  /** By address. */
  readonly refresh: RateLimiter
  /** By account: changes that cost something. */
  readonly change: RateLimiter
  /** By address: what players tell of themselves. */
  readonly report: RateLimiter
  /** By address: chat messages by this way; the rooms have limits of their own for each person. */
  readonly send: RateLimiter
  /** By address: what costs a read of the chat. */
  readonly read: RateLimiter
  /** By address: reactions and likes. */
  readonly react: RateLimiter
  /** By account: what moderators do. */
  readonly moderate: RateLimiter
}

export interface Context extends Services, RequestFacts {
  readonly limits: Limits
  /** What players have told of their delay. */
  readonly viewerDelays: ViewerDelays
  /** The port in the address that goes into the encoder. */
  readonly rtmpPort: number
  /** The same with TLS, where there is a certificate. */
  readonly rtmpsPort: number | undefined
  /** Headers of the answer: cookies. */
  readonly responseHeaders: Headers
  /** Who calls: by `Authorization: Bearer` if it is there, else by session cookie. UNAUTHENTICATED for a bad token. */
  readonly identify: () => Promise<Identity | undefined>
}

/** What the API documentation says of a procedure. */
export interface ProcedureMeta {
  readonly description?: string
  readonly needsAccount?: boolean
}

/** The context of one request; `identify` looks up the caller once, however many calls are batched. */
export function createContext(
  request: Request,
  facts: RequestFacts,
  rest: Services & Pick<Context, 'limits' | 'viewerDelays' | 'rtmpPort' | 'rtmpsPort' | 'responseHeaders'>,
): Context {
  let identity: Promise<Identity | undefined> | undefined
  return {
    ...rest,
    ...facts,
    identify: () => {
      identity ??= identify(request, facts, rest.accounts, rest.responseHeaders)
      return identity
    },
  }
}

const codeOf = {
  NOT_FOUND: 'NOT_FOUND',
  CONFLICT: 'CONFLICT',
  FORBIDDEN: 'FORBIDDEN',
  UNAUTHENTICATED: 'UNAUTHORIZED',
  INVALID: 'BAD_REQUEST',
  LIMIT: 'TOO_MANY_REQUESTS',
} as const satisfies Record<ErrorKind, TRPCError['code']>

const { router, procedure, middleware } = initTRPC
  .context<Context>()
  .meta<ProcedureMeta>()
  .create({
    isDev: false,
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
    errorFormatter: ({ shape, error }) => {
      const { code, httpStatus } = shape.data
      const { message, reason, retryAfterSeconds } = explain(error)
      return {
        code: shape.code,
        message,
        data: { code, httpStatus, reason, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
      }
    },
  })

/** Gives an `AppError` its tRPC code; anything else stays an internal error. */
const mapErrors = middleware(async ({ next }) => {
  const result = await next()
  if (result.ok || !(result.error.cause instanceof AppError)) return result
  const { cause } = result.error
  throw new TRPCError({ code: codeOf[cause.kind], message: cause.message, cause })
})

/** Refuses who is not signed in, and tells the procedure who calls. */
const requireAccount = middleware(async ({ ctx, next }) => {
  const identity = await ctx.identify()
  if (!identity) throw new AppError('UNAUTHENTICATED', 'not_signed_in', 'Sign in first.')
  return next({ ctx: { account: identity.account } })
})

export { router, TRPCError, tracked }
/** A procedure that everybody may call. */
export const publicProcedure = procedure.use(mapErrors)
/** A procedure for who is signed in: `ctx.account`. */
export const signedInProcedure = publicProcedure.meta({ needsAccount: true }).use(requireAccount)

/**
 * Lets caches that people share keep the answer for so long: it is the same for everybody. It is kept by none when it
 * comes with others or sets a cookie.
 */
export function allowCaching({ responseHeaders }: Context, seconds: number): void {
  responseHeaders.set('cache-control', `public, max-age=${seconds}`)
}

/** The key under which the limits count this client. */
export function addressKey(ctx: RequestFacts): string {
  return limitKey(ctx.remoteAddress)
}

/** Who calls, as somebody who wants to watch; a session that has ended is a guest's. */
export async function askerOf(ctx: Context, token?: string): Promise<Asker> {
  const identity = await ctx.identify().catch(() => undefined)
  return { accountId: identity?.account.id, token }
}

async function identify(
  request: Request,
  facts: RequestFacts,
  accounts: AccountsService,
  responseHeaders: Headers,
): Promise<Identity | undefined> {
  const identity = await accounts.identify(request.headers, facts.isSecure)
  if (identity?.renewedCookie) responseHeaders.append('set-cookie', identity.renewedCookie)
  return identity
}

/** What a caller may know of an error: never a stack, never the words of a bug. */
function explain(error: TRPCError): {
  message: string
  reason: string
  retryAfterSeconds?: number | undefined
} {
  const { cause } = error
  if (cause instanceof AppError)
    return { message: cause.message, reason: cause.reason, retryAfterSeconds: cause.retryAfterSeconds }
  if (cause instanceof ZodError) {
    const message = cause.issues
      .map(issue => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
      .join('; ')
    return { message, reason: 'input_invalid' }
  }
  if (error.code === 'INTERNAL_SERVER_ERROR')
    return { message: 'Something went wrong on the server.', reason: 'internal' }
  return { message: error.message, reason: error.code.toLowerCase() }
}
