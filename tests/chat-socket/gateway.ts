/** The gateway on a listener of its own, and a client that shows every frame. */
import { Elysia } from 'elysia'
import { Listeners } from '../../src/api/listeners.ts'
import { requestFacts } from '../../src/api/request-facts.ts'
import type { Chat } from '../../src/chat/chat.ts'
import { ChatSockets, type ChatSocketsOptions } from '../../src/chat-socket/chat-sockets.ts'
import { type ChatAccount, chatRoutes } from '../../src/chat-socket/routes.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')

export interface Gateway extends Disposable {
  readonly url: string
  readonly port: number
  readonly sockets: ChatSockets
}

export interface GatewayOptions {
  readonly limits?: Pick<ChatSocketsOptions, 'maxConnections' | 'maxConnectionsPerAddress' | 'counts'>
  readonly port?: number
  /** Whose name that is; each name has an account of its own unless told. */
  readonly account?: (username: string) => ChatAccount
}

/** Accounts are `id-NAME`: by `Authorization: Bearer NAME`, by cookie `session=NAME`, by ticket `NAME@SLUG`. */
export function openGateway(chat: Chat, options: GatewayOptions = {}): Gateway {
  const publish = (topic: string, text: string) => listeners.server.publish(topic, text)
  const { limits, port = 0 } = options
  const sockets = new ChatSockets({ chat, publish, log, ...limits })
  const account = options.account ?? (username => ({ id: `id-${username}`, username }))
  const app = new Elysia()
    .onError(({ error }) => {
      if (!(error instanceof AppError)) return new Response(String(error), { status: 500 })
      return Response.json({ reason: error.reason }, { status: error.status })
    })
    .use(
      chatRoutes({
        sockets,
        facts: request =>
          requestFacts(request, listeners.server.requestIP(request)?.address, {
            publicUrl: undefined,
            trustedProxyHops: 0,
          }),
        accounts: {
          getByAccessToken: async name => ({ account: account(name) }),
          findByCookie: async cookies => {
            const name = /session=(\w+)/.exec(cookies)?.[1]
            return name === undefined ? undefined : { account: account(name) }
          },
        },
        tickets: {
          check: async (ticket, slug) => {
            const [name, ticketSlug] = ticket.split('@')
            if (ticketSlug !== slug)
              throw new AppError('UNAUTHENTICATED', 'ticket_invalid', 'That is no ticket.')
            return account(name ?? '')
          },
        },
      }),
    )
  app.compile()
  const listeners: Listeners = Listeners.open({
    ...{ host: '127.0.0.1', port, secure: undefined, log },
    answer: async request => app.fetch(request),
    onError: error => new Response(String(error), { status: 500 }),
  })
  app.server = listeners.server as never
  return {
    url: `ws://127.0.0.1:${listeners.port}`,
    port: listeners.port,
    sockets,
    [Symbol.dispose]: () => {
      sockets.close()
      void listeners.close()
    },
  }
}

/** What a frame's line says. */
export type Line = { type: string } & Record<string, unknown>

export class TestClient {
  readonly lines: Line[] = []
  readonly frames: string[] = []
  readonly socket: WebSocket
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers } as never)
    this.closed = new Promise(resolve => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason })
    })
    this.socket.onmessage = ({ data }) => {
      this.frames.push(String(data))
      for (const line of String(data).split('\n')) this.lines.push(JSON.parse(line))
    }
  }

  /** As `name`; resolves when it has been greeted. */
  static async join(gateway: Gateway, name?: string, query = ''): Promise<TestClient> {
    const headers = name === undefined ? {} : { authorization: `Bearer ${name}` }
    const client = new TestClient(`${gateway.url}/chat/room${query}`, headers)
    await client.next('hello')
    return client
  }

  send(request: unknown): void {
    this.socket.send(typeof request === 'string' ? request : JSON.stringify(request))
  }

  /** The first line of a type, whenever it comes. */
  async next(type: string, isIt: (line: Line) => boolean = () => true): Promise<Line> {
    const find = () => this.lines.find(line => line.type === type && isIt(line))
    await waitFor(() => find() !== undefined, { message: `a line of type ${type}` })
    return find()!
  }

  texts(): string[] {
    return this.lines
      .filter(({ type }) => type === 'message')
      .map(({ message }) => (message as { text: string }).text)
  }
}
