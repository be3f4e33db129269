/** The WebSocket's HTTP side: who asks for it, from which page, and what is answered when it is refused. */
import { Elysia } from 'elysia'
import { limitKey, type RequestFacts } from '../api/request-facts.ts'
import type { SocketOwner } from '../api/sockets.ts'
import type { Chatter } from '../chat/chat.ts'
import { AppError } from '../errors.ts'
import { CLOSE } from './chat-socket.ts'
import type { ChatSockets } from './chat-sockets.ts'
import { description } from './description.ts'

export type ChatAccount = NonNullable<Chatter['account']>

export interface ChatRouteOptions {
  readonly sockets: ChatSockets
  readonly facts: (request: Request) => RequestFacts
  readonly accounts: {
    /** Throws `AppError` UNAUTHENTICATED. */
    getByAccessToken(token: string): Promise<{ readonly account: ChatAccount }>
    findByCookie(cookies: string, isSecure: boolean): Promise<{ readonly account: ChatAccount } | undefined>
  }
  readonly tickets: {
    /** Whose it is. Throws `AppError` UNAUTHENTICATED, also for another channel's. */
    check(ticket: string, slug: string): Promise<ChatAccount>
  }
}

interface UpgradeServer {
  upgrade(request: Request, options: { data: SocketOwner }): boolean
}

const MAX_TICKET_CHARS = 2_048
/** For connections that say no viewer key: nobody else's, on any instance. */
const ownKeyPrefix = crypto.randomUUID()
let ownKeys = 0

/** `GET /chat/:slug`: the protocol is in wire.ts. */
export function chatRoutes(options: ChatRouteOptions) {
  return new Elysia({ name: 'chat-socket' }).get(
    '/chat/:slug',
    async ({ request, server, params, query }) => {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
        return new Response('This is a WebSocket.', { status: 426, headers: { upgrade: 'websocket' } })
      refuseForeignCookie(request, query['ticket'], options)
      return upgrade(request, server as unknown as UpgradeServer, { slug: params.slug, query, options })
    },
    { detail: description as never },
  )
}

async function upgrade(
  request: Request,
  server: UpgradeServer,
  asked: { slug: string; query: Record<string, unknown>; options: ChatRouteOptions },
): Promise<Response | undefined> {
  const { slug, query, options } = asked
  const facts = options.facts(request)
  const address = limitKey(facts.remoteAddress)
  let uncount: (() => void) | undefined = options.sockets.count(address)
  try {
    const account = await identify(request, { slug, ticket: query['ticket'], facts, options })
    const viewerKey = facts.viewerKey ?? `${ownKeyPrefix}-${++ownKeys}`
    const socket = await options.sockets.admit(
      slug,
      { account, address, viewerKey },
      readAfter(query['after']),
    )
    uncount = undefined
    if (server.upgrade(request, { data: socket })) return undefined
    socket.close()
  } catch (error) {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    if (server.upgrade(request, { data: refusal })) return undefined
  } finally {
    uncount?.()
  }
  return new Response('The connection could not be upgraded.', { status: 400 })
}

/**
 * A page of another origin must not speak with the cookie of who looks at it: browsers send it along, and ask for no
 * permission first (RFC 6455 10.2). It uses a ticket, which it can only get by a token of its own.
 */
function refuseForeignCookie(request: Request, ticket: unknown, { facts }: ChatRouteOptions): void {
  const origin = request.headers.get('origin')
  if (origin === null || !request.headers.has('cookie')) return
  if (ticket !== undefined || bearerOf(request) !== undefined) return
  const own = [facts(request).origin.host, new URL(request.url).host]
  if (URL.canParse(origin) && own.includes(new URL(origin).host)) return
  throw new AppError('FORBIDDEN', 'cross_origin', 'Pages of other origins join the chat by ticket.')
}

/** Undefined: a guest. */
async function identify(
  request: Request,
  asked: { slug: string; ticket: unknown; facts: RequestFacts; options: ChatRouteOptions },
): Promise<ChatAccount | undefined> {
  const { accounts, tickets } = asked.options
  if (asked.ticket !== undefined)
    return tickets.check(String(asked.ticket).slice(0, MAX_TICKET_CHARS), asked.slug)
  const token = bearerOf(request)
  if (token !== undefined) return only(await accounts.getByAccessToken(token))
  const cookies = request.headers.get('cookie')
  return cookies === null ? undefined : only(await accounts.findByCookie(cookies, asked.facts.isSecure))
}

/** No other scheme counts: a browser may send those by itself. */
function bearerOf(request: Request): string | undefined {
  return /^Bearer +([^ ]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
}

/** Of thousands of connections nothing else of their accounts is held. */
function only(identity: { account: ChatAccount } | undefined): ChatAccount | undefined {
  return identity && { id: identity.account.id, username: identity.account.username }
}

/** A browser's page does not see the status of a refused upgrade, but the code of a closed WebSocket. */
function refusalOf(error: unknown): SocketOwner | undefined {
  if (!(error instanceof AppError)) return undefined
  const code = error.kind === 'NOT_FOUND' ? CLOSE.noChannel : CLOSE_CODES[error.reason]
  if (code === undefined) return undefined
  return { open: socket => socket.close(code, error.reason) }
}

const CLOSE_CODES: Readonly<Record<string, number>> = {
  chat_banned: CLOSE.banned,
  chat_members_only: CLOSE.membersOnly,
}

function readAfter(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}
