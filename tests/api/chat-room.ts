/** People, channels and readers of a chat by the typed client, for tests of the API. */
import type { ModeratorEvent, RoomEvent } from '../../src/chat/events.ts'
import { createClient } from '../../src/client/api-client.ts'
import { ApiCaller } from '../support/api.ts'
import { eventSources } from '../support/event-source.ts'
import { uniqueSlug } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'

export async function person(url: string) {
  const caller = new ApiCaller(url)
  const username = `u${Math.random().toString(36).slice(2, 12)}`
  const { data } = await caller.mutate('auth.signUp', { username, password: 'a long password' })
  return { caller, username, ...(data as { account: { id: string }; accessToken: string }) }
}

export async function channel(url: string) {
  const owner = await person(url)
  const slug = uniqueSlug()
  const { data } = await owner.caller.mutate('channels.create', { slug, title: 'My channel' })
  return { owner, slug, channelId: (data as { id: string }).id }
}

export interface Message {
  id: string
  text: string
  author: { username: string; badges: string[] }
}
export interface Page {
  items: Message[]
  nextCursor?: string
  seq: number
}

/** Reads the room until it is closed. */
export function listen(
  url: string,
  slug: string,
  headers: Record<string, string> = {},
  lastEventId?: string,
) {
  const { EventSource, opened } = eventSources({ headers })
  const client = createClient({ url: url, EventSource })
  const events: { id: string; data: RoomEvent | ModeratorEvent }[] = []
  const errors: unknown[] = []
  const subscription = client.chat.onMessage.subscribe(
    { slug, ...(lastEventId !== undefined && { lastEventId }) },
    { onData: event => events.push(event), onError: error => errors.push(error) },
  )
  const texts = () => events.flatMap(({ data }) => (data.type === 'message' ? [data.message.text] : []))
  const isOpen = () => events.length > 0
  return {
    ...{ events, errors, opened, texts },
    isReady: () => waitFor(isOpen, { message: 'the subscription to begin' }),
    hears: (text: string) => waitFor(() => texts().includes(text), { message: `"${text}" to be heard` }),
    [Symbol.dispose]: () => subscription.unsubscribe(),
  }
}

/** Undefined: it was not refused. */
export const reason = async (answer: ReturnType<ApiCaller['query']>) => (await answer).error?.data.reason
