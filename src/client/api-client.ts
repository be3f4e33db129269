/** The typed API: every procedure of the server with its input and output, over plain HTTP, and its events as they come. */
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink, TRPCClientError } from '@trpc/client'
import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '../api/router.ts'

export type ApiClient = ReturnType<typeof createClient>
/** What each procedure answers: `ApiOutputs['streams']['live']`. */
export type ApiOutputs = inferRouterOutputs<AppRouter>

export interface ClientOptions {
  /** Where Sluice is: `https://live.example.org`. */
  readonly url: string
  /** Sent with every request. */
  readonly headers?: Record<string, string>
  /** For programs and other sites' pages; Sluice's own pages have a session cookie. Asked for at every request. */
  readonly accessToken?: string | (() => string | undefined)
  readonly fetch?: (url: string, init?: RequestInit) => Promise<Response>
  /** What subscriptions are read with where there is none, as in a program: its constructor is the browser's. */
  readonly EventSource?: EventSourceClass
}

type EventSourceClass = typeof EventSource

/** A client for the server at `url`. Calls reject with `TRPCClientError`; see `reasonOf`. */
export function createClient(options: ClientOptions) {
  const send = options.fetch ?? ((url: string, init?: RequestInit) => fetch(url, init))
  const url = new URL('/trpc', options.url).href
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        // Server-sent events; a browser's EventSource has no headers: a session cookie, or nothing, says who reads.
        true: httpSubscriptionLink({
          url,
          ...(options.EventSource && { EventSource: options.EventSource }),
        }),
        false: httpLink({
          url,
          headers: () => ({ ...options.headers, ...authorization(options.accessToken) }),
          fetch: (url, init) => send(String(url), init as RequestInit),
        }),
      }),
    ],
  })
}

/** The stable word of a failed call (`slug_taken`), or undefined when the server could not be reached. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof TRPCClientError)) return undefined
  const data: unknown = error.data
  return typeof data === 'object' && data !== null && 'reason' in data ? String(data.reason) : undefined
}

/** What to show a person for a failed call. */
export function messageOf(error: unknown): string {
  return reasonOf(error) === undefined ? 'The server cannot be reached. Try again.' : (error as Error).message
}

function authorization(token: ClientOptions['accessToken']): Record<string, string> {
  const value = typeof token === 'function' ? token() : token
  return value === undefined ? {} : { authorization: `Bearer ${value}` }
}
